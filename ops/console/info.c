/* gantry info, gantry version */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ops/console/fleet_rows.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"
#include "schemas/bus.h"

struct info_options {
    struct text_list operands;
    const char *format;
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct info_options, format, ARG_TEXT, 'f', "format", "FORMAT", "json, or a Go template"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct info_options, operands),
};

static int ask_info(struct console *console, struct info_is *ret, struct error *err)
{
    static const struct nothing nothing;
    const struct client_question question = { .schema = &info_schema,
                                              .message = &nothing,
                                              .reply = &info_is_schema };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    return r < 0 ? r : client_ask(client, &question, ret, &console->arena, err);
}

static struct json_t *broker_tree(const struct console *console, const struct info_is *info)
{
    struct json_t *tree = tree_object();
    char started[UNITS_TIME_SIZE];
    char rebuilt[UNITS_TIME_SIZE];
    char lost_until[UNITS_TIME_SIZE];
    char log[2 * COMMAND_ID_SIZE + 1];

    units_write_time(info->started, started);
    hex_write(info->log.bytes, COMMAND_ID_SIZE, log);
    tree_set_text(tree, "URL", console->broker);
    tree_set_text(tree, "Version", info->version);
    tree_set_number(tree, "Pid", info->pid);
    tree_set_text(tree, "Started", started);
    tree_set_number(tree, "Peers", info->peers);
    tree_set_number(tree, "Commits", (int64_t)info->commits);
    tree_set_number(tree, "Records", (int64_t)info->records);
    tree_set_text(tree, "LogId", log);
    tree_set_number(tree, "Epoch", (int64_t)info->epoch);
    tree_set_number(tree, "Head", (int64_t)info->head);
    tree_set_number(tree, "Floor", (int64_t)info->floor);
    tree_set_number(tree, "LogBytes", (int64_t)info->log_bytes);
    units_write_time(info->rebuilt, rebuilt);
    units_write_time(info->lost_until, lost_until);
    tree_set_text(tree, "Rebuilt", info->rebuilt != 0 ? rebuilt : "no");
    tree_set_text(tree, "LostUntil", info->lost_until != 0 ? lost_until : "no loss known");
    tree_set_number(tree, "PastFirst", (int64_t)info->past_first);
    tree_set_number(tree, "PastLast", (int64_t)info->past_last);
    tree_set_number(tree, "PastSnapshots", (int64_t)info->past_snapshots);
    tree_set_number(tree, "PastBytes", (int64_t)info->past_bytes);
    tree_set_text(tree, "Actor", info->actor);
    tree_set_text(tree, "Role", info->role);
    return tree;
}

static struct json_t *fleet_tree(const struct host_rows *hosts,
                                 const struct container_rows *containers)
{
    struct json_t *tree = tree_object();
    int64_t reachable = 0;
    int64_t running = 0;
    int64_t paused = 0;

    for (size_t i = 0; i < hosts->count; i++)
        reachable += hosts->items[i].state == HOST_REACHABLE;
    for (size_t i = 0; i < containers->count; i++) {
        running += containers->items[i].state == CONTAINER_RUNNING;
        paused += containers->items[i].state == CONTAINER_PAUSED;
    }
    tree_set_number(tree, "Hosts", (int64_t)hosts->count);
    tree_set_number(tree, "Reachable", reachable);
    tree_set_number(tree, "Containers", (int64_t)containers->count);
    tree_set_number(tree, "Running", running);
    tree_set_number(tree, "Paused", paused);
    tree_set_number(tree, "Stopped", (int64_t)containers->count - running - paused);
    return tree;
}

/* "name:" and its members beneath, as podman info prints its YAML. */
static void print_section(struct json_t *tree, const char *name)
{
    struct json_t *section = tree_get(tree, name);
    const char *key = NULL;

    printf("%s:\n", name);
    for (size_t i = 0; i < tree_length(section); i++) {
        autofree char *text = tree_plain(tree_at(section, i, &key));

        printf("  %s: %s\n", key, text);
    }
}

int verb_info(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct info_options options = { 0 };
    struct info_is info = { 0 };
    struct container_rows containers = { 0 };
    struct host_rows hosts = { 0 };
    autotree *tree = NULL;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = ask_info(console, &info, err);
    if (r == 0)
        r = fleet_hosts(console, &hosts, err);
    if (r == 0)
        r = fleet_containers(console, NULL, &containers, err);
    if (r < 0)
        return r;
    tree = tree_object();
    tree_set(tree, "Broker", broker_tree(console, &info));
    tree_set(tree, "Fleet", fleet_tree(&hosts, &containers));
    if (show_is_json(options.format)) {
        show_json(tree);
        return 0;
    }
    if (options.format != NULL)
        return show_template(options.format, tree, &console->arena, err);
    print_section(tree, "Broker");
    print_section(tree, "Fleet");
    return 0;
}

int verb_version(struct console *console, const struct args_usage *usage, char **argv,
                 struct error *err)
{
    struct info_options options = { 0 };
    struct json_t *client;
    autotree *tree = NULL;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r < 0)
        return r;
    client = tree_object();
    tree_set_text(client, "Version", GANTRY_VERSION);
    tree = tree_object();
    tree_set(tree, "Client", client);
    if (show_is_json(options.format)) {
        show_json(tree);
        return 0;
    }
    if (options.format != NULL)
        return show_template(options.format, tree, &console->arena, err);
    printf("gantry version %s\n", GANTRY_VERSION);
    return 0;
}
