/* gantry mount, unmount */
#include <errno.h>
#include <stdio.h>

#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/verbs.h"
#include "schemas/commands.h"

struct mount_options {
    const char *host;
    const char *expires;
    struct text_list containers;
    bool all;
    bool force;
};

#define MOUNT(...) ARG(struct mount_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    MOUNT(all, ARG_FLAG, 'a', "all", NULL, "All containers"),
    MOUNT(force, ARG_FLAG, 'f', "force", NULL, "As podman has it; nothing else is mounted here"),
    MOUNT(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    EXPIRES_ROW(struct mount_options),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct mount_options, containers),
};

/* podman prints where it is when one container was named, "ID PATH" for several; after an unmount
 * the word. */
static void run_one(struct console *console, const struct schema *schema,
                    const struct container_row *row, const char *word, bool is_alone)
{
    const struct command command = { .schema = schema, .host = row->host, .container = row->id };
    struct result result = { 0 };
    struct error why = { 0 };

    if (submit_run(console, &command, &result, &why) < 0)
        console_report(console, &why);
    else if (result.results.count == 0)
        puts(word);
    else if (is_alone)
        puts(result.results.items[0]);
    else
        (void)printf("%s %s\n", row->id, result.results.items[0]);
}

static int run_all(struct console *console, const struct args_usage *usage, char **argv,
                   const struct schema *schema, struct error *err)
{
    struct mount_options options = { .host = console->host };
    struct container_rows containers = { 0 };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.containers.count, options.all ? 0 : 1,
                               options.all ? 0 : SIZE_MAX, err);
    if (r == 0)
        r = fleet_containers(console, options.host, &containers, err);
    if (r < 0)
        return r;
    for (size_t i = 0; options.all && i < containers.count; i++)
        run_one(console, schema, &containers.items[i], containers.items[i].id, false);
    for (size_t i = 0; i < options.containers.count; i++) {
        const struct container_row *row = NULL;
        struct error why = { 0 };

        if (select_container(&containers, options.containers.items[i], &row, &why) < 0)
            console_report(console, &why);
        else
            run_one(console, schema, row, options.containers.items[i],
                    options.containers.count == 1);
    }
    return 0;
}

int verb_mount(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err)
{
    return run_all(console, usage, argv, &container_mount_schema, err);
}

int verb_unmount(struct console *console, const struct args_usage *usage, char **argv,
                 struct error *err)
{
    return run_all(console, usage, argv, &container_unmount_schema, err);
}
