/* gantry image tag, untag, rm, prune */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/group.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/verbs.h"
#include "schemas/images.h"

#define EXIT_NO_IMAGE 1 /* podman rmi: one of them does not exist */
#define EXIT_IN_USE   2 /* podman rmi: one of them is used */

struct change_options {
    const char *host;
    const char *expires;
    struct text_list operands;
    bool all;
    bool force;
    bool ignores_missing;
};

#define CHANGE(...) ARG(struct change_options, __VA_ARGS__)
#define HOST_ROW    CHANGE(host, ARG_TEXT, 0, "host", "HOST", "Only images of this host")
#define TABLE(rows_of_verb)                                                              \
    {                                                                                    \
        .rows = (rows_of_verb), .count = sizeof(rows_of_verb) / sizeof(*(rows_of_verb)), \
        .operands = offsetof(struct change_options, operands),                           \
    }
#define EXPIRES EXPIRES_ROW(struct change_options)

/* clang-format off */
static const struct arg_row tag_rows[] = { HOST_ROW, EXPIRES };
static const struct arg_row rm_rows[] = {
    HOST_ROW,
    EXPIRES,
    CHANGE(all, ARG_FLAG, 'a', "all", NULL, "All images that no container uses"),
    CHANGE(force, ARG_FLAG, 'f', "force", NULL, "With all its names"),
    CHANGE(ignores_missing, ARG_FLAG, 'i', "ignore", NULL, "Skip missing ones"),
};
static const struct arg_row prune_rows[] = {
    HOST_ROW,
    EXPIRES,
    CHANGE(all, ARG_FLAG, 'a', "all", NULL, "Also those with a name that no container uses"),
    CHANGE(force, ARG_FLAG, 'f', "force", NULL, "Do not ask"),
};
/* clang-format on */

static const struct args_table tag_table = TABLE(tag_rows);
static const struct args_table rm_table = TABLE(rm_rows);
static const struct args_table prune_table = TABLE(prune_rows);

/* The words behind the first. */
static struct text_list rest_of(const struct text_list *words)
{
    return (struct text_list){ .items = words->items + 1, .count = words->count - 1 };
}

static int change_names(struct console *console, const struct change_options *options,
                        const struct schema *schema, struct error *err)
{
    struct image_tag body = { .image = options->operands.items[0],
                              .names = rest_of(&options->operands) };
    struct command command = { .schema = schema, .body = &body };
    struct image_rows images = { 0 };
    const struct image_row *row = NULL;
    int r = fleet_images(console, options->host, &images, err);

    if (r == 0)
        r = select_image(&images, options->operands.items[0], &row, err);
    if (r != 0)
        return r;
    command.host = row->host;
    return submit_run(console, &command, NULL, err);
}

static int run_names(struct console *console, const struct args_usage *usage, char **argv,
                     const struct schema *schema, size_t words_min, struct error *err)
{
    struct change_options options = { .host = console->host };
    int r = args_parse(&tag_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, words_min, SIZE_MAX, err);
    return r < 0 ? r : change_names(console, &options, schema, err);
}

int verb_tag(struct console *console, const struct args_usage *usage, char **argv,
             struct error *err)
{
    return run_names(console, usage, argv, &image_tag_schema, 2, err);
}

int verb_untag(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err)
{
    return run_names(console, usage, argv, &image_untag_schema, 1, err);
}

/* --- rm */

static void take_failure(struct console *console, const struct change_options *options, int code,
                         const struct error *why)
{
    if (code == -ENOENT && (options->ignores_missing || options->force))
        return;
    if (console->exit_code == 0 && code == -ENOENT)
        console->exit_code = EXIT_NO_IMAGE;
    if (console->exit_code == 0 && code == -EBUSY)
        console->exit_code = EXIT_IN_USE;
    console_report(console, why);
}

/* What podman prints: a name that went, or all names and the image. */
static void print_removed(const struct image_row *row, const char *word,
                          const struct result *result)
{
    if (result->results.count == 0) {
        (void)printf("Untagged: %s\n", word);
        return;
    }
    for (size_t i = 0; i < row->image->names.count; i++)
        (void)printf("Untagged: %s\n", row->image->names.items[i]);
    (void)printf("Deleted: %s\n", row->image->id);
}

static void remove_image(struct console *console, const struct change_options *options,
                         const struct image_row *row, const char *word)
{
    struct image_remove body = { .image = arena_text(&console->arena, word),
                                 .force = options->force };
    const struct command command = { .schema = &image_remove_schema,
                                     .body = &body,
                                     .host = row->host };
    struct result result = { 0 };
    struct error why = { 0 };
    int r = submit_run(console, &command, &result, &why);

    if (r < 0)
        take_failure(console, options, r, &why);
    else
        print_removed(row, word, &result);
}

static void remove_all(struct console *console, const struct change_options *options,
                       const struct image_rows *images)
{
    struct change_options forced = *options;

    forced.force = true; /* by id: with all its names */
    for (size_t i = 0; i < images->count; i++)
        remove_image(console, &forced, &images->items[i], images->items[i].image->id);
}

int verb_rmi(struct console *console, const struct args_usage *usage, char **argv,
             struct error *err)
{
    struct change_options options = { .host = console->host };
    struct image_rows images = { 0 };
    int r = args_parse(&rm_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    if (options.all && options.operands.count > 0)
        return error_set(err, -EINVAL,
                         "when using the --all switch, you may not pass any images names or IDs");
    if (!options.all && options.operands.count == 0)
        return error_set(err, -EINVAL, "image name or ID must be specified");
    r = fleet_images(console, options.host, &images, err);
    if (r < 0)
        return r;
    if (options.all)
        remove_all(console, &options, &images);
    for (size_t i = 0; i < options.operands.count; i++) {
        const char *word = options.operands.items[i];
        const struct image_row *row = NULL;
        struct error why = { 0 };

        r = select_image(&images, word, &row, &why);
        if (r < 0)
            take_failure(console, &options, r, &why);
        else
            remove_image(console, &options, row, word);
    }
    return 0;
}

/* --- prune */

int image_prune(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct change_options options = { .host = console->host };
    struct image_prune body = { 0 };
    struct command command = { .schema = &image_prune_schema, .body = &body };
    struct host_rows hosts = { 0 };
    struct result result = { 0 };
    bool is_wanted = true;
    int r = args_parse(&prune_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    body.all = options.all;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = fleet_hosts(console, &hosts, err);
    if (r == 0)
        r = select_host(&hosts, options.host, &command.host, err);
    if (r == 0 && !options.force)
        r = group_confirm(options.all ? "This command removes all images without at least one "
                                        "container associated with them."
                                      : "This command removes all dangling images.",
                          &is_wanted, err);
    if (r < 0 || !is_wanted)
        return r;
    r = submit_run(console, &command, &result, err);
    for (size_t i = 0; r == 0 && i < result.results.count; i++)
        puts(result.results.items[i]);
    return r;
}
