/* gantry hosts */
#include <errno.h>
#include <string.h>

#include "common/io/clock.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"

#define DEFAULT_FORMAT                                                                        \
    "table {{.Name}}\t{{.State}}\t{{.Since}}\t{{.Containers}}\t{{.Runtimes}}\t{{.Cgroups}}\t" \
    "{{.CPUs}}\t{{.Memory}}\t{{.Kernel}}\t{{.Version}}"

struct hosts_options {
    struct text_list operands; /* "ls", or nothing */
    const char *format;
    bool is_quiet;
    bool no_titles;
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct hosts_options, format, ARG_TEXT, 0, "format", "FORMAT",
        "json, a Go template, or \"table TEMPLATE\""),
    ARG(struct hosts_options, no_titles, ARG_FLAG, 0, "noheading", NULL, "No line of titles"),
    ARG(struct hosts_options, is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Names only"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct hosts_options, operands),
};

/* The runtimes that work here, the preferred one first: "crun, runc". */
static char *working_runtimes(const struct host_facts *facts, struct arena *arena)
{
    const struct runtime_fact *runtimes = facts->runtimes.items;
    char *text = arena_text(arena, "");

    for (size_t i = 0; i < facts->runtimes.count; i++) {
        if (runtimes[i].works)
            text = arena_printf(arena, "%s%s%s", text, *text != '\0' ? ", " : "", runtimes[i].name);
    }
    return *text != '\0' ? text : arena_text(arena, "none");
}

static struct json_t *runtimes_of(const struct host_facts *facts)
{
    const struct runtime_fact *runtimes = facts->runtimes.items;
    struct json_t *list = tree_list();

    for (size_t i = 0; i < facts->runtimes.count; i++) {
        struct json_t *tree = tree_object();

        tree_set_text(tree, "Name", runtimes[i].name);
        tree_set_text(tree, "Path", runtimes[i].path);
        tree_set_text(tree, "Version", runtimes[i].version);
        tree_set_bool(tree, "Works", runtimes[i].works);
        tree_set_text(tree, "Reason", runtimes[i].reason);
        tree_append(list, tree);
    }
    return list;
}

static size_t count_containers(const struct container_rows *containers, const char *host)
{
    size_t count = 0;

    for (size_t i = 0; i < containers->count; i++)
        count += strcmp(containers->items[i].host, host) == 0;
    return count;
}

static struct json_t *report(const struct host_row *host, const struct container_rows *containers,
                             bool is_json, struct arena *arena)
{
    static const struct host_facts no_facts;
    const struct host_facts *facts = host->facts != NULL ? host->facts : &no_facts;
    struct json_t *tree = tree_object();
    uint64_t now = clock_wall_ns();
    char since[UNITS_DURATION_SIZE];
    char since_time[UNITS_TIME_SIZE];
    char memory[UNITS_BYTES_SIZE];

    units_write_duration(now > host->since ? now - host->since : 0, since);
    units_write_time(host->since, since_time);
    units_write_bytes(facts->memory_bytes, memory);
    tree_set_text(tree, "Name", host->name);
    tree_set_text(tree, "State", host->recovery != 0 ? "recovering" : host_state_name(host->state));
    tree_set_text(tree, "Since", is_json ? since_time : arena_printf(arena, "%s ago", since));
    tree_set_number(tree, "Containers", (int64_t)count_containers(containers, host->name));
    if (is_json)
        tree_set(tree, "Runtimes", runtimes_of(facts));
    else
        tree_set_text(tree, "Runtimes", working_runtimes(facts, arena));
    tree_set_text(tree, "Cgroups", facts->cgroups);
    tree_set_number(tree, "CPUs", facts->cpus);
    if (is_json)
        tree_set_number(tree, "Memory", (int64_t)facts->memory_bytes);
    else
        tree_set_text(tree, "Memory", memory);
    tree_set_text(tree, "Kernel", facts->kernel);
    tree_set_text(tree, "Arch", facts->arch);
    tree_set_text(tree, "BootId", facts->boot_id);
    tree_set_text(tree, "Conmon", facts->conmon_version);
    tree_set_text(tree, "StateDirectory", facts->state_directory);
    tree_set_text(tree, "Version", facts->version);
    tree_set_number(tree, "Incarnation", (int64_t)host->incarnation);
    tree_set_number(tree, "JournalSeq", (int64_t)host->journal_seq);
    return tree;
}

static struct json_t *make_titles(void)
{
    static const char *const titles[][2] = {
        { "Name", "NAME" },
        { "State", "STATE" },
        { "Since", "SINCE" },
        { "Containers", "CONTAINERS" },
        { "Runtimes", "RUNTIMES" },
        { "Cgroups", "CGROUPS" },
        { "CPUs", "CPUS" },
        { "Memory", "MEMORY" },
        { "Kernel", "KERNEL" },
        { "Arch", "ARCH" },
        { "BootId", "BOOT ID" },
        { "Conmon", "CONMON" },
        { "StateDirectory", "STATE DIRECTORY" },
        { "Version", "VERSION" },
        { "Incarnation", "INCARNATION" },
        { "JournalSeq", "JOURNAL" },
    };
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        tree_set_text(tree, titles[i][0], titles[i][1]);
    return tree;
}

static int show(struct console *console, const struct hosts_options *options, struct json_t *list,
                struct error *err)
{
    autotree *titles = make_titles();
    struct show_rows how = { .format = options->format != NULL ? options->format : DEFAULT_FORMAT,
                             .titles = titles,
                             .has_titles = !options->no_titles };

    if (options->is_quiet)
        how.format = "{{.Name}}";
    return show_rows(&how, list, &console->arena, err);
}

int verb_hosts(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err)
{
    struct hosts_options options = { 0 };
    struct container_rows containers = { 0 };
    struct host_rows hosts = { 0 };
    autotree *list = NULL;
    bool is_json;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 1, err);
    if (r == 0 && options.operands.count == 1 && strcmp(options.operands.items[0], "ls") != 0)
        r = error_set(err, -EINVAL, "gantry hosts ls is all that there is");
    if (r == 0)
        r = fleet_hosts(console, &hosts, err);
    if (r == 0)
        r = fleet_containers(console, NULL, &containers, err);
    if (r < 0)
        return r;
    is_json = show_is_json(options.format) && !options.is_quiet;
    list = tree_list();
    for (size_t i = 0; i < hosts.count; i++)
        tree_append(list, report(&hosts.items[i], &containers, is_json, &console->arena));
    if (!is_json)
        return show(console, &options, list, err);
    show_json(list);
    return 0;
}
