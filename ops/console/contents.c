/* gantry export, commit, and diff of a container and its image */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/output_file.h"
#include "ops/console/select.h"
#include "ops/console/show.h"
#include "ops/console/submit.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"
#include "schemas/images.h"

struct contents_options {
    const char *host;
    const char *expires;
    struct text_list operands;
    const char *output;
    const char *author;
    const char *message;
    const char *format;
    struct text_list changes;
    bool pauses;
    bool is_quiet;
};

#define CONTENTS(...) ARG(struct contents_options, __VA_ARGS__)
#define HOST_ROW      CONTENTS(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host")
#define TABLE(rows_of_verb)                                                              \
    {                                                                                    \
        .rows = (rows_of_verb), .count = sizeof(rows_of_verb) / sizeof(*(rows_of_verb)), \
        .operands = offsetof(struct contents_options, operands),                         \
    }
#define EXPIRES EXPIRES_ROW(struct contents_options)

/* clang-format off */
static const struct arg_row export_rows[] = {
    HOST_ROW,
    CONTENTS(output, ARG_TEXT, 'o', "output", "PATH", "Where to write; default: stdout"),
};

static const struct arg_row commit_rows[] = {
    HOST_ROW,
    EXPIRES,
    CONTENTS(author, ARG_TEXT, 'a', "author", "TEXT", "Who made it"),
    CONTENTS(changes, ARG_LIST, 'c', "change", "WORD=VALUE",
        "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR"),
    CONTENTS(message, ARG_TEXT, 'm', "message", "TEXT", "A word about the image"),
    CONTENTS(pauses, ARG_FLAG, 'p', "pause", NULL, "Freeze it meanwhile (default: true)"),
    CONTENTS(is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Say less"),
};

static const struct arg_row diff_rows[] = {
    HOST_ROW,
    CONTENTS(format, ARG_TEXT, 0, "format", "json", "As JSON"),
};
/* clang-format on */

static const struct args_table export_table = TABLE(export_rows);
static const struct args_table commit_table = TABLE(commit_rows);
static const struct args_table diff_table = TABLE(diff_rows);

static int find_container(struct console *console, const struct contents_options *options,
                          const struct container_row **ret, struct error *err)
{
    struct container_rows rows = { 0 };
    int r = fleet_containers(console, options->host, &rows, err);

    return r < 0 ? r : select_container(&rows, options->operands.items[0], ret, err);
}

int verb_export(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct contents_options options = { .host = console->host };
    struct stream_open asked = { .kind = arena_text(&console->arena, "export") };
    const struct container_row *row = NULL;
    int r = args_parse(&export_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 1, 1, err);
    if (r == 0)
        r = find_container(console, &options, &row, err);
    if (r != 0)
        return r;
    asked.host = row->host;
    asked.container = row->id;
    return output_file_receive(console, &asked, options.output, "export", err);
}

int verb_commit(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct contents_options options = { .host = console->host, .pauses = true };
    struct container_commit body = { 0 };
    struct command command = { .schema = &container_commit_schema, .body = &body };
    const struct container_row *row = NULL;
    struct result result = { 0 };
    int r = args_parse(&commit_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 1, 2, err);
    if (r == 0)
        r = find_container(console, &options, &row, err);
    if (r != 0)
        return r;
    if (options.operands.count == 2)
        body.reference = options.operands.items[1];
    body.author = arena_text(&console->arena, options.author);
    body.message = arena_text(&console->arena, options.message);
    body.changes = options.changes;
    body.no_pause = !options.pauses;
    command.host = row->host;
    command.container = row->id;
    r = submit_run(console, &command, &result, err);
    for (size_t i = 0; r == 0 && i < result.results.count; i++)
        puts(result.results.items[i]);
    return r;
}

/* --- diff: lines "A /path" */

static int take_bytes(void *owner, struct bytes data, struct error *err)
{
    (void)err;
    buffer_append(owner, data.data, data.size);
    return 0;
}

static void show_diff_json(char *lines)
{
    static const struct {
        char letter;
        const char *key;
    } kinds[] = { { 'C', "changed" }, { 'A', "added" }, { 'D', "deleted" } };
    autotree *tree = tree_object();
    char *line;

    while ((line = strsep(&lines, "\n")) != NULL) {
        for (size_t i = 0; line[0] != '\0' && line[1] == ' ' && i < 3; i++) {
            if (line[0] != kinds[i].letter)
                continue;
            if (tree_get(tree, kinds[i].key) == NULL)
                tree_set(tree, kinds[i].key, tree_list());
            tree_append_text(tree_get(tree, kinds[i].key), line + 2);
        }
    }
    show_json(tree);
}

static int show_diff(struct console *console, const struct stream_open *asked, const char *format,
                     struct error *err)
{
    struct buffer lines = { 0 };
    int r = transfer_receive(console, asked, take_bytes, &lines, err);

    if (r == 0 && show_is_json(format))
        show_diff_json(arena_text_n(&console->arena, (const char *)lines.data, lines.size));
    else if (r == 0 && lines.size > 0)
        (void)fwrite(lines.data, 1, lines.size, stdout);
    buffer_done(&lines);
    return r;
}

int diff_container(struct console *console, const struct args_usage *usage, char **argv,
                   struct error *err)
{
    struct contents_options options = { .host = console->host };
    struct stream_open asked = { .kind = arena_text(&console->arena, "diff") };
    const struct container_row *row = NULL;
    int r = args_parse(&diff_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 1, 1, err);
    if (r == 0 && options.format != NULL && !show_is_json(options.format))
        r = error_set(err, -EINVAL, "only supported value for '--format' is 'json'");
    if (r == 0)
        r = find_container(console, &options, &row, err);
    if (r != 0)
        return r;
    asked.host = row->host;
    asked.container = row->id;
    return show_diff(console, &asked, options.format, err);
}
