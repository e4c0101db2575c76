/* gantry volume: create, ls, inspect, rm, prune */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/id.h"
#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/group.h"
#include "ops/console/names.h"
#include "ops/console/select.h"
#include "ops/console/show.h"
#include "ops/console/submit.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"
#include "ops/console/volume_args.h"
#include "ops/console/volume_report.h"

#define DEFAULT_FORMAT "table {{.Driver}}\t{{.Name}}\t{{.Host}}"
#define EXIT_NO_VOLUME 1 /* podman volume rm: one of them does not exist */
#define EXIT_IN_USE    2 /* podman volume rm: one of them is used */

#define VOLUME(...) ARG(struct volume_options, __VA_ARGS__)
#define HOST_ROW    VOLUME(host, ARG_TEXT, 0, "host", "HOST", "Only volumes of this host")
#define TABLE(rows_of_verb)                                                              \
    {                                                                                    \
        .rows = (rows_of_verb), .count = sizeof(rows_of_verb) / sizeof(*(rows_of_verb)), \
        .operands = offsetof(struct volume_options, operands),                           \
    }
#define EXPIRES EXPIRES_ROW(struct volume_options)

/* clang-format off */
static const struct arg_row create_rows[] = {
    VOLUME(host, ARG_TEXT, 0, "host", "HOST", "The host; not needed when there is one"),
    EXPIRES,
    VOLUME(driver, ARG_TEXT, 'd', "driver", "local", "There is no other"),
    VOLUME(ignores, ARG_FLAG, 0, "ignore", NULL, "It is no failure when it is there already"),
    VOLUME(labels, ARG_LIST, 'l', "label", "KEY[=VALUE]", "Label of the volume"),
    VOLUME(options, ARG_LIST, 'o', "opt", "KEY=VALUE", "type, device, o (as of mount), uid, gid"),
};

static const struct arg_row ls_rows[] = {
    HOST_ROW,
    VOLUME(filters, ARG_LIST, 'f', "filter", "KEY=VALUE", "dangling, host, label, name"),
    VOLUME(format, ARG_TEXT, 0, "format", "FORMAT", "json, a Go template, or \"table TEMPLATE\""),
    VOLUME(no_titles, ARG_FLAG, 'n', "noheading", NULL, "No line of titles"),
    VOLUME(is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Names only"),
};

static const struct arg_row inspect_rows[] = {
    HOST_ROW,
    VOLUME(all, ARG_FLAG, 'a', "all", NULL, "All volumes"),
    VOLUME(format, ARG_TEXT, 'f', "format", "FORMAT", "json, or a Go template"),
};

static const struct arg_row rm_rows[] = {
    HOST_ROW,
    EXPIRES,
    VOLUME(all, ARG_FLAG, 'a', "all", NULL, "All volumes"),
    VOLUME(force, ARG_FLAG, 'f', "force", NULL, "Skip missing ones"),
};

static const struct arg_row prune_rows[] = {
    HOST_ROW,
    EXPIRES,
    VOLUME(force, ARG_FLAG, 'f', "force", NULL, "Do not ask"),
};
/* clang-format on */

static const struct args_table create_table = TABLE(create_rows);
static const struct args_table ls_table = TABLE(ls_rows);
static const struct args_table inspect_table = TABLE(inspect_rows);
static const struct args_table rm_table = TABLE(rm_rows);
static const struct args_table prune_table = TABLE(prune_rows);

static int choose_host(struct console *console, const char *named, const char **ret,
                       struct error *err)
{
    struct host_rows hosts = { 0 };
    int r = fleet_hosts(console, &hosts, err);

    return r < 0 ? r : select_host(&hosts, named, ret, err);
}

static int volume_create(struct console *console, const struct args_usage *usage, char **argv,
                         struct error *err)
{
    struct volume_options options = { .host = console->host };
    struct volume volume = { 0 };
    struct volume_create body = { .volume = &volume };
    struct command command = { .schema = &volume_create_schema, .body = &body };
    char name[CONTAINER_ID_SIZE + 1];
    int r = args_parse(&create_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    names_make_id(name); /* podman: a volume without a name is called like a container's id */
    r = console_check_operands(usage, options.operands.count, 0, 1, err);
    if (r == 0)
        r = volume_args_take(&options, name, &console->arena, &volume, err);
    if (r == 0)
        r = choose_host(console, options.host, &command.host, err);
    body.or_there = options.ignores;
    if (r == 0)
        r = submit_run(console, &command, NULL, err);
    if (r == 0)
        puts(volume.name);
    return r;
}

/* What a report of volumes is made of. */
struct volume_facts {
    struct volume_rows volumes;
    struct container_rows containers;
    struct host_rows hosts;
};

static int ask_facts(struct console *console, const char *host, struct volume_facts *ret,
                     struct error *err)
{
    int r = fleet_volumes(console, host, &ret->volumes, err);

    if (r == 0)
        r = fleet_containers(console, host, &ret->containers, err);
    return r == 0 ? fleet_hosts(console, &ret->hosts, err) : r;
}

static void add_report(struct console *console, const struct volume_facts *facts,
                       const struct volume_row *row, struct json_t *list)
{
    tree_append(list, volume_report(row, &facts->containers, &facts->hosts, &console->arena));
}

static int volume_ls(struct console *console, const struct args_usage *usage, char **argv,
                     struct error *err)
{
    struct volume_options options = { .host = console->host, .format = DEFAULT_FORMAT };
    struct volume_facts facts = { 0 };
    autotree *list = tree_list();
    autotree *titles = volume_report_titles();
    struct show_rows how = { .titles = titles };
    int r = args_parse(&ls_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = volume_filter_check(&options.filters, err);
    if (r == 0)
        r = ask_facts(console, options.host, &facts, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < facts.volumes.count; i++) {
        const struct volume_row *row = &facts.volumes.items[i];

        if (volume_filter_passes(&options.filters, row, &facts.containers))
            add_report(console, &facts, row, list);
    }
    if (show_is_json(options.format) && !options.is_quiet) {
        show_json(list);
        return 0;
    }
    how.format = options.is_quiet ? "{{.Name}}" : options.format;
    how.has_titles = !options.no_titles;
    return show_rows(&how, list, &console->arena, err);
}

static int volume_inspect(struct console *console, const struct args_usage *usage, char **argv,
                          struct error *err)
{
    struct volume_options options = { .host = console->host };
    struct volume_facts facts = { 0 };
    autotree *list = tree_list();
    int r = args_parse(&inspect_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, options.all ? 0 : 1,
                               options.all ? 0 : SIZE_MAX, err);
    if (r == 0)
        r = ask_facts(console, options.host, &facts, err);
    if (r < 0)
        return r;
    for (size_t i = 0; options.all && i < facts.volumes.count; i++)
        add_report(console, &facts, &facts.volumes.items[i], list);
    for (size_t i = 0; i < options.operands.count; i++) {
        const struct volume_row *row = NULL;
        struct error why = { 0 };

        if (select_volume(&facts.volumes, options.operands.items[i], &row, &why) < 0)
            console_report(console, &why);
        else
            add_report(console, &facts, row, list);
    }
    return show_inspected(options.format, list, &console->arena, err);
}

static void take_failure(struct console *console, const struct volume_options *options, int code,
                         const struct error *why)
{
    if (code == -ENOENT && options->force)
        return;
    if (console->exit_code == 0 && code == -ENOENT)
        console->exit_code = EXIT_NO_VOLUME;
    if (console->exit_code == 0 && code == -EBUSY)
        console->exit_code = EXIT_IN_USE;
    console_report(console, why);
}

static void remove_volume(struct console *console, const struct volume_options *options,
                          const struct volume_row *row)
{
    struct volume_remove body = { .name = row->volume->name, .force = options->force };
    const struct command command = { .schema = &volume_remove_schema,
                                     .body = &body,
                                     .host = row->host };
    struct error why = { 0 };
    int r = submit_run(console, &command, NULL, &why);

    if (r < 0)
        take_failure(console, options, r, &why);
    else
        puts(row->volume->name);
}

static int volume_rm(struct console *console, const struct args_usage *usage, char **argv,
                     struct error *err)
{
    struct volume_options options = { .host = console->host };
    struct volume_rows volumes = { 0 };
    int r = args_parse(&rm_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, options.all ? 0 : 1,
                               options.all ? 0 : SIZE_MAX, err);
    if (r == 0)
        r = fleet_volumes(console, options.host, &volumes, err);
    if (r < 0)
        return r;
    for (size_t i = 0; options.all && i < volumes.count; i++)
        remove_volume(console, &options, &volumes.items[i]);
    for (size_t i = 0; i < options.operands.count; i++) {
        const struct volume_row *row = NULL;
        struct error why = { 0 };

        r = select_volume(&volumes, options.operands.items[i], &row, &why);
        if (r < 0)
            take_failure(console, &options, r, &why);
        else
            remove_volume(console, &options, row);
    }
    return 0;
}

static int volume_prune(struct console *console, const struct args_usage *usage, char **argv,
                        struct error *err)
{
    struct volume_options options = { .host = console->host };
    struct command command = { .schema = &volume_prune_schema };
    struct result result = { 0 };
    bool is_wanted = true;
    int r = args_parse(&prune_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = choose_host(console, options.host, &command.host, err);
    if (r == 0 && !options.force)
        r = group_confirm("This will remove all volumes not used by at least one container.",
                          &is_wanted, err);
    if (r < 0 || !is_wanted)
        return r;
    r = submit_run(console, &command, &result, err);
    for (size_t i = 0; r == 0 && i < result.results.count; i++)
        puts(result.results.items[i]);
    return r;
}

/* clang-format off */
static const struct verb verbs[] = {
    { { "volume create", "[NAME]", "Make a volume" }, volume_create },
    { { "volume inspect", "VOLUME [VOLUME...]", "Show all about volumes" }, volume_inspect },
    { { "volume list", "", "The same as ls" }, volume_ls },
    { { "volume ls", "", "List volumes" }, volume_ls },
    { { "volume prune", "", "Remove volumes that no container uses" }, volume_prune },
    { { "volume rm", "VOLUME [VOLUME...]", "Remove volumes" }, volume_rm },
};
/* clang-format on */

int verb_volume(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    (void)usage;
    return group_run(console, verbs, sizeof(verbs) / sizeof(*verbs), argv, err);
}
