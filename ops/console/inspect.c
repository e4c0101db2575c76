/* gantry inspect */
#include "ops/console/container_report.h"
#include "ops/console/fleet_at.h"
#include "ops/console/select.h"
#include "ops/console/show.h"
#include "ops/console/sizes.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"

struct inspect_options {
    const char *at;
    const char *host;
    const char *format;
    struct text_list containers;
    const char *type;
    bool shows_size;
};

/* clang-format off */
static const struct arg_row rows[] = {
    FLEET_AT_ARG(struct inspect_options),
    ARG(struct inspect_options, format, ARG_TEXT, 'f', "format", "FORMAT", "json, or a Go template"),
    ARG(struct inspect_options, host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    ARG(struct inspect_options, shows_size, ARG_FLAG, 's', "size", NULL, "How much they take; their hosts are asked"),
    ARG(struct inspect_options, type, ARG_TEXT, 't', "type", "container", "What kind of object"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct inspect_options, containers),
};

static int report(struct console *console, const struct inspect_options *options,
                  const struct container_row *row, const struct host_rows *hosts,
                  struct json_t *list, struct error *err)
{
    struct json_t *tree =
        container_report_inspected(row, host_rows_find(hosts, row->host), &console->arena);
    struct container_size *size = NULL;
    int r = options->shows_size ? sizes_ask(console, row, 1, &size, err) : 0;

    if (r == 0 && size != NULL)
        container_report_add_size(tree, size);
    tree_append(list, tree);
    return r;
}

/* One container of a moment past is asked for by itself where its whole id says which. */
static int ask(struct console *console, const struct inspect_options *options, struct fleet_at *ret,
               struct error *err)
{
    const char *first = options->containers.items[0];

    if (options->at != NULL && options->host == NULL && options->containers.count == 1 &&
        container_id_is_valid(first))
        return fleet_at_of(console, options->at, first, ret, err);
    return fleet_at(console, options->at, options->host, ret, err);
}

int verb_inspect(struct console *console, const struct args_usage *usage, char **argv,
                 struct error *err)
{
    struct inspect_options options = { .host = console->host };
    struct fleet_at fleet = { 0 };
    autotree *list = NULL;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.containers.count, 1, SIZE_MAX, err);
    if (r == 0)
        r = ask(console, &options, &fleet, err);
    if (r < 0)
        return r;
    list = tree_list();
    for (size_t i = 0; i < options.containers.count; i++) {
        const struct container_row *row = NULL;
        struct error why = { 0 };

        if (select_container(&fleet.containers, options.containers.items[i], &row, &why) < 0 ||
            report(console, &options, row, &fleet.hosts, list, &why) < 0)
            console_report(console, &why);
    }
    return show_inspected(options.format, list, &console->arena, err);
}
