/* gantry ps */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fleet/container_state.h"
#include "ops/console/container_filter.h"
#include "ops/console/container_report.h"
#include "ops/console/fleet_at.h"
#include "ops/console/show.h"
#include "ops/console/sizes.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"

#define DEFAULT_FORMAT                                                                 \
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.Created}}\t{{.Status}}\t{{.Ports}}\t" \
    "{{.Names}}\t{{.Host}}"

#define SIZE_FORMAT                                                                    \
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.Created}}\t{{.Status}}\t{{.Ports}}\t" \
    "{{.Names}}\t{{.Size}}\t{{.Host}}"

struct ps_options {
    const char *at;
    const char *host;
    struct text_list operands;
    struct text_list filters;
    struct maybe_i64 last;
    bool all;
    bool latest;
    bool is_quiet;
    bool is_whole;
    bool no_titles;
    bool shows_size;
    const char *format;
    const char *sort;
};

#define PS(...) ARG(struct ps_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    PS(all, ARG_FLAG, 'a', "all", NULL, "All containers, not only running ones"),
    FLEET_AT_ARG(struct ps_options),
    PS(filters, ARG_LIST, 'f', "filter", "KEY=VALUE",
        "id, name, status, label, exited, host"),
    PS(format, ARG_TEXT, 0, "format", "FORMAT", "json, a Go template, or \"table TEMPLATE\""),
    PS(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    PS(last, ARG_NUMBER, 'n', "last", "N", "The N containers created last, in any state"),
    PS(latest, ARG_FLAG, 'l', "latest", NULL, "The container created last, in any state"),
    PS(no_titles, ARG_FLAG, 0, "noheading", NULL, "No line of titles"),
    PS(is_whole, ARG_FLAG, 0, "no-trunc", NULL, "Whole ids and commands"),
    PS(is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Ids only"),
    PS(shows_size, ARG_FLAG, 's', "size", NULL, "How much they take; their hosts are asked"),
    PS(sort, ARG_TEXT, 0, "sort", "FIELD",
        "command, created, id, image, names, runningfor, status, host"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct ps_options, operands),
};

typedef int compare_fn(const void *a, const void *b);

static const char *name_of(const struct container_row *row)
{
    return row->config != NULL ? row->config->name : "";
}

static const char *command_of(const struct container_row *row)
{
    return row->config != NULL && row->config->command.count > 0 ? row->config->command.items[0]
                                                                 : "";
}

static int by_created(const void *a, const void *b)
{
    uint64_t first = ((const struct container_row *)a)->created;
    uint64_t second = ((const struct container_row *)b)->created;

    return first < second ? -1 : first > second;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct container_row *)a)->id, ((const struct container_row *)b)->id);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(name_of(a), name_of(b));
}

static int by_command(const void *a, const void *b)
{
    return strcmp(command_of(a), command_of(b));
}

static int by_host(const void *a, const void *b)
{
    return strcmp(((const struct container_row *)a)->host, ((const struct container_row *)b)->host);
}

static int by_status(const void *a, const void *b)
{
    return strcmp(
        container_state_name((enum container_state)((const struct container_row *)a)->state),
        container_state_name((enum container_state)((const struct container_row *)b)->state));
}

static int find_order(const char *name, compare_fn **ret, struct error *err)
{
    static const struct {
        const char *name;
        compare_fn *compare;
    } orders[] = {
        { "created", by_created },    { "command", by_command },
        { "host", by_host },          { "id", by_id },
        { "image", by_created },      { "names", by_name },
        { "runningfor", by_created }, { "status", by_status },
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        if (name == NULL || strcmp(orders[i].name, name) == 0) {
            *ret = orders[i].compare;
            return 0;
        }
    }
    return error_set(err, -EINVAL, "invalid option for --sort: \"%s\"", name);
}

/* As podman: without options what runs; any other wish is about all. */
static bool is_shown(const struct ps_options *options, const struct container_row *row)
{
    bool shows_all =
        options->all || options->latest || options->last.is_set || options->filters.count > 0;

    if (!shows_all && row->state != CONTAINER_RUNNING && row->state != CONTAINER_STOPPING)
        return false;
    return container_filter_passes(&options->filters, row);
}

/* Keep what is shown, in order of creation; of these the last ones when a number was given. */
static void choose(const struct ps_options *options, struct container_rows *containers)
{
    size_t most = options->latest ? 1 : SIZE_MAX;
    size_t kept = 0;

    if (options->last.is_set && !options->latest)
        most = options->last.value < 0 ? SIZE_MAX : (size_t)options->last.value;
    for (size_t i = 0; i < containers->count; i++) {
        if (is_shown(options, &containers->items[i]))
            containers->items[kept++] = containers->items[i];
    }
    if (kept > 1)
        qsort(containers->items, kept, sizeof(*containers->items), by_created);
    if (kept > most)
        containers->items += kept - most;
    containers->count = kept > most ? most : kept;
}

/* What is shown of each container, while it is. */
struct shown {
    const struct fleet_at *fleet;
    const struct container_size *sizes; /* one for each; NULL: nobody asked */
    bool has_silent_host;
    size_t container; /* that `how` is about */
    struct report_options how;
};

static bool has_silent_host(const struct host_rows *hosts)
{
    for (size_t i = 0; i < hosts->count; i++) {
        if (hosts->items[i].state == HOST_UNREACHABLE)
            return true;
    }
    return false;
}

static bool is_on_silent_host(const struct shown *shown, size_t container)
{
    const struct host_row *host;

    if (!shown->has_silent_host)
        return false;
    host = host_rows_find(&shown->fleet->hosts, shown->fleet->containers.items[container].host);
    return host != NULL && host->state == HOST_UNREACHABLE;
}

/* The options for one container; the same again as long as it is about that one. */
static const struct report_options *options_of(struct shown *shown, size_t container)
{
    if (container != shown->container || shown->container == 0) {
        shown->container = container;
        shown->how.size = shown->sizes != NULL ? &shown->sizes[container] : NULL;
        shown->how.is_unreachable = is_on_silent_host(shown, container);
    }
    return &shown->how;
}

static const char *cell_of(void *owner, size_t row, int field, struct arena *arena)
{
    struct shown *shown = owner;

    return container_report_cell(&shown->fleet->containers.items[row], options_of(shown, row),
                                 field, arena);
}

typedef struct json_t *report_fn(const struct container_row *row,
                                 const struct report_options *options, struct arena *arena);

static struct json_t *report_all(struct shown *shown, report_fn *report, struct arena *arena)
{
    const struct container_rows *containers = &shown->fleet->containers;
    struct json_t *list = tree_list();

    for (size_t i = 0; i < containers->count; i++)
        tree_append(list, report(&containers->items[i], options_of(shown, i), arena));
    return list;
}

static int show_lines(const struct show_rows *how, struct shown *shown, struct arena *arena,
                      struct error *err)
{
    const struct show_cells cells = { .owner = shown,
                                      .row_count = shown->fleet->containers.count,
                                      .find = container_report_find_cell,
                                      .cell = cell_of };
    autotree *list = NULL;
    int r = show_cells(how, &cells, arena, err);

    if (r != -ENOTSUP)
        return r;
    list = report_all(shown, container_report_fields, arena);
    return show_rows(how, list, arena, err);
}

static int show(struct console *console, const struct ps_options *options,
                const struct fleet_at *fleet, struct error *err)
{
    struct shown shown = { .fleet = fleet,
                           .has_silent_host = has_silent_host(&fleet->hosts),
                           .how = { .now = fleet->now_ns, .is_whole = options->is_whole } };
    struct container_size *sizes = NULL;
    autotree *list = NULL;
    autotree *titles = container_report_titles();
    struct show_rows how = { .format = options->format != NULL ? options->format
                                       : options->shows_size   ? SIZE_FORMAT
                                                               : DEFAULT_FORMAT,
                             .titles = titles,
                             .has_titles = !options->no_titles };

    if (options->shows_size) {
        int r = sizes_ask(console, fleet->containers.items, fleet->containers.count, &sizes, err);

        if (r < 0)
            return r;
        shown.sizes = sizes;
    }
    if (options->is_quiet)
        how.format = "{{.ID}}";
    if (!show_is_json(how.format))
        return show_lines(&how, &shown, &console->arena, err);
    list = report_all(&shown, container_report_listed, &console->arena);
    show_json(list);
    return 0;
}

static int check_options(const struct args_usage *usage, const struct ps_options *options,
                         compare_fn **ret_order, struct error *err)
{
    int r = console_check_operands(usage, options->operands.count, 0, 0, err);

    if (r == 0 && options->is_quiet && options->format != NULL)
        r = error_set(err, -EINVAL, "quiet and format cannot be used together");
    if (r == 0)
        r = container_filter_check(&options->filters, err);
    if (r == 0)
        r = find_order(options->sort, ret_order, err);
    return r;
}

int verb_ps(struct console *console, const struct args_usage *usage, char **argv, struct error *err)
{
    struct ps_options options = { .host = console->host };
    struct fleet_at fleet = { 0 };
    compare_fn *order = NULL;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = check_options(usage, &options, &order, err);
    if (r == 0)
        r = fleet_at(console, options.at, options.host, &fleet, err);
    if (r < 0)
        return r;
    choose(&options, &fleet.containers);
    if (order != by_created && fleet.containers.count > 1)
        qsort(fleet.containers.items, fleet.containers.count, sizeof(*fleet.containers.items),
              order);
    return show(console, &options, &fleet, err);
}
