/* gantry pull, load, import: images come to a host. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/image_args.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/transfer.h"
#include "ops/console/verbs.h"
#include "schemas/images.h"

struct get_options {
    const char *host;
    const char *expires;
    struct text_list operands;
    const char *input;
    const char *policy;
    const char *authfile;
    const char *tls_verify;
    struct text_list changes;
    const char *message;
    bool is_quiet;
    bool has_progress;
};

#define GET(...)  ARG(struct get_options, __VA_ARGS__)
#define HOST_ROW  GET(host, ARG_TEXT, 0, "host", "HOST", "The host; not needed when there is one")
#define QUIET_ROW GET(is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Say less")
#define TABLE(rows_of_verb, first)                                                       \
    {                                                                                    \
        .rows = (rows_of_verb), .count = sizeof(rows_of_verb) / sizeof(*(rows_of_verb)), \
        .operands = offsetof(struct get_options, operands), .ends_at_first = (first),    \
    }
#define EXPIRES EXPIRES_ROW(struct get_options)

/* clang-format off */
static const struct arg_row pull_rows[] = {
    HOST_ROW,
    EXPIRES,
    QUIET_ROW,
    GET(has_progress, ARG_FLAG, 0, "progress", NULL,
        "Show what the host fetches; so it is on a terminal"),
    GET(authfile, ARG_TEXT, 0, "authfile", "PATH", "Registry credentials, a file of the host"),
    GET(policy, ARG_TEXT, 0, "policy", "always|missing|never", "When it is fetched; default always"),
    GET(tls_verify, ARG_TEXT, 0, "tls-verify", "true|false", "Check the registry's certificate"),
    ARG_NOT_HERE(0, "creds", "USER:PASSWORD", "passwords would be kept in the log: use --authfile"),
    ARG_NOT_HERE('a', "all-tags", NULL, "pulling all tags is not supported yet"),
};

static const struct arg_row load_rows[] = {
    HOST_ROW,
    EXPIRES,
    QUIET_ROW,
    GET(input, ARG_TEXT, 'i', "input", "PATH", "The archive; default: what comes on stdin"),
};

static const struct arg_row import_rows[] = {
    HOST_ROW,
    EXPIRES,
    QUIET_ROW,
    GET(changes, ARG_LIST, 'c', "change", "WORD=VALUE",
        "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR"),
    GET(message, ARG_TEXT, 'm', "message", "TEXT", "A word about the image"),
};
/* clang-format on */

static const struct args_table pull_table = TABLE(pull_rows, false);
static const struct args_table load_table = TABLE(load_rows, false);
static const struct args_table import_table = TABLE(import_rows, false);

static int choose_host(struct console *console, struct get_options *options, struct error *err)
{
    struct host_rows hosts = { 0 };
    int r = fleet_hosts(console, &hosts, err);

    return r < 0 ? r : select_host(&hosts, options->host, &options->host, err);
}

/* --- pull */

struct following {
    struct console *console;
    struct command_id id;
};

static int show_words(void *owner, struct bytes words, struct error *err)
{
    (void)owner;
    (void)err;
    /* A registry's words, too: none of them is for the terminal itself. */
    for (size_t i = 0; i < words.size; i++)
        (void)fputc(iscntrl(words.data[i]) && words.data[i] != '\n' ? '?' : words.data[i], stderr);
    return 0;
}

static bool is_pending(void *owner)
{
    const struct following *following = owner;
    struct command_row *row = NULL;

    return submit_find(following->console, following->id, &row, NULL) == 0 &&
           row->state == COMMAND_PENDING;
}

/* Whatever is wrong with it, the pull goes on; its outcome is waited for in any case. */
static void follow_pull(struct console *console, const struct submission *submission)
{
    struct following following = { .console = console, .id = submission->id };
    const struct stream_open open = { .host = arena_text(&console->arena, submission->host),
                                      .kind = arena_text(&console->arena, "progress"),
                                      .pos = submission->pos };

    (void)transfer_follow(console, &open, show_words, is_pending, &following, NULL);
}

static bool wants_progress(const struct get_options *options)
{
    return !options->is_quiet && (options->has_progress || isatty(STDERR_FILENO) == 1);
}

static int pull(struct console *console, const struct get_options *options, const char *reference,
                struct error *err)
{
    struct image_pull body = { .reference = arena_text(&console->arena, reference),
                               .policy = arena_text(&console->arena, options->policy),
                               .authfile = arena_text(&console->arena, options->authfile) };
    const struct command command = { .schema = &image_pull_schema,
                                     .body = &body,
                                     .host = options->host };
    struct submission submission;
    struct result result = { 0 };
    int r = registry_args_tls(options->tls_verify, &body.no_tls_verify, err);

    if (r < 0)
        return r;
    if (!options->is_quiet)
        (void)fprintf(stderr, "Trying to pull %s on host %s...\n", reference, options->host);
    r = submit_send(console, &command, &submission, err);
    if (r == 0 && submission.failure == FAILURE_NONE && wants_progress(options))
        follow_pull(console, &submission);
    if (r == 0)
        r = submit_finish(console, &submission, &result, err);
    for (size_t i = 0; r == 0 && i < result.results.count; i++)
        puts(result.results.items[i]);
    return r;
}

int verb_pull(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct get_options options = { .host = console->host };
    int r = args_parse(&pull_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 1, SIZE_MAX, err);
    if (r == 0)
        r = choose_host(console, &options, err);
    for (size_t i = 0; r == 0 && i < options.operands.count; i++)
        r = pull(console, &options, options.operands.items[i], err);
    return r;
}

/* --- load and import */

/* Send the file, or what comes on stdin. */
static int send_file(struct console *console, const struct get_options *options, const char *path,
                     struct transfer *transfer, struct error *err)
{
    autoclose int opened = -1;
    int fd = STDIN_FILENO;
    int r;

    if (path != NULL) {
        opened = open(path, O_RDONLY | O_CLOEXEC);
        if (opened < 0)
            return error_set_errno(err, "open %s", path);
        fd = opened;
    } else if (isatty(STDIN_FILENO)) {
        return error_set(err, -EINVAL,
                         "cannot read from terminal, use command-line redirection "
                         "or name a file");
    }
    r = transfer_send_fd(transfer, console, options->host, fd, err);
    return r < 0 ? error_add_context(err, r, "%s", path != NULL ? path : "stdin") : 0;
}

/* podman tells the names; an image without any is told by its id. */
static int print_loaded(struct console *console, const char *host, const struct text_list *ids,
                        struct error *err)
{
    struct image_rows rows = { 0 };
    int r = fleet_images(console, host, &rows, err);

    for (size_t i = 0; r == 0 && i < ids->count; i++) {
        const struct image_row *row = NULL;
        bool has_names =
            select_image(&rows, ids->items[i], &row, NULL) == 0 && row->image->names.count > 0;

        for (size_t j = 0; has_names && j < row->image->names.count; j++)
            (void)printf("Loaded image: %s\n", row->image->names.items[j]);
        if (!has_names)
            (void)printf("Loaded image: sha256:%s\n", ids->items[i]);
    }
    return r;
}

int verb_load(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct get_options options = { .host = console->host };
    struct transfer transfer;
    struct image_load body = { .upload = transfer.upload };
    struct command command = { .schema = &image_load_schema, .body = &body };
    struct result result = { 0 };
    int r = args_parse(&load_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = choose_host(console, &options, err);
    if (r == 0)
        r = send_file(console, &options, options.input, &transfer, err);
    command.host = options.host;
    if (r == 0)
        r = submit_run(console, &command, &result, err);
    if (r < 0)
        return r;
    return print_loaded(console, options.host, &result.results, err);
}

int verb_import(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct get_options options = { .host = console->host };
    struct transfer transfer;
    struct image_import body = { .upload = transfer.upload };
    struct command command = { .schema = &image_import_schema, .body = &body };
    struct result result = { 0 };
    const char *path;
    int r = args_parse(&import_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 1, 2, err);
    if (r == 0)
        r = choose_host(console, &options, err);
    if (r < 0)
        return r;
    path = options.operands.items[0];
    if (options.operands.count == 2)
        body.reference = options.operands.items[1];
    body.changes = options.changes;
    body.message = arena_text(&console->arena, options.message);
    command.host = options.host;
    r = send_file(console, &options, strcmp(path, "-") == 0 ? NULL : path, &transfer, err);
    if (r == 0)
        r = submit_run(console, &command, &result, err);
    for (size_t i = 0; r == 0 && i < result.results.count; i++)
        puts(result.results.items[i]);
    return r;
}
