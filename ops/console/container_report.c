/* A container as ps shows it; see the header. */
#include "ops/console/container_report.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/fleet/container_state.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"

#define SHORT_ID_SIZE    12
#define COMMAND_SIZE_MAX 17
#define NS_PER_S         1000000000ULL

/* For a row that its host has not described yet. */
static const struct container_config no_config;

static const struct container_config *config_of(const struct container_row *row)
{
    return row->config != NULL ? row->config : &no_config;
}

/* What stands before, how long ago, and what stands behind. */
static char *ago_with(const char *before, uint64_t then, uint64_t now, const char *suffix,
                      struct arena *arena)
{
    char text[UNITS_DURATION_SIZE] = "";
    char *whole;

    if (then != 0) /* else its host has not described it yet */
        units_write_duration(now > then ? now - then : 0, text);
    whole = arena_zeroed(arena, strlen(before) + strlen(text) + strlen(suffix) + 1);
    (void)stpcpy(stpcpy(stpcpy(whole, before), text), then != 0 ? suffix : "");
    return whole;
}

static char *ago(uint64_t then, uint64_t now, const char *suffix, struct arena *arena)
{
    return ago_with("", then, now, suffix, arena);
}

static char *exited_text(const struct container_row *row, uint64_t now, struct arena *arena)
{
    char before[32] = "Exited (unknown) ";

    if (!row->exit_unknown)
        (void)snprintf(before, sizeof(before), "Exited (%d) ", row->exit_code);
    return ago_with(before, row->finished, now, " ago", arena);
}

/* As podman: only what runs, or has ended, says since when. */
static char *state_text(const struct container_row *row, uint64_t now, struct arena *arena)
{
    const char *name = container_state_name((enum container_state)row->state);
    char *text;

    switch (row->state) {
    case CONTAINER_RUNNING:
        return ago_with("Up ", row->started, now, "", arena);
    case CONTAINER_STOPPED:
    case CONTAINER_EXITED:
        return exited_text(row, now, arena);
    case CONTAINER_CONFIGURED:
        name = "created";
        break;
    case CONTAINER_CREATED:
        name = "initialized";
        break;
    default:
        break;
    }
    text = arena_text(arena, name);
    text[0] = (char)toupper((unsigned char)text[0]);
    return text;
}

char *container_report_status(const struct container_row *row, const struct report_options *options,
                              struct arena *arena)
{
    char *text = state_text(row, options->now, arena);

    return options->is_unreachable ? arena_printf(arena, "%s (host unreachable)", text) : text;
}

static char *joined(const struct text_list *words, const char *between, struct arena *arena)
{
    size_t gap = strlen(between), size = 0;
    char *text;
    char *at;

    for (size_t i = 0; i < words->count; i++)
        size += strlen(words->items[i]) + (i > 0 ? gap : 0);
    text = arena_zeroed(arena, size + 1);
    at = text;
    for (size_t i = 0; i < words->count; i++)
        at = stpcpy(i > 0 ? stpcpy(at, between) : at, words->items[i]);
    *at = '\0';
    return text;
}

static char *command_text(const struct container_row *row, const struct report_options *options,
                          struct arena *arena)
{
    char *text = joined(&config_of(row)->command, " ", arena);

    /* A table's cell holds neither tabs nor newlines. */
    for (char *at = text; *at != '\0'; at++) {
        if (iscntrl((unsigned char)*at))
            *at = ' ';
    }
    if (options->is_whole || strlen(text) <= COMMAND_SIZE_MAX)
        return text;
    return arena_printf(arena, "%.*s...", COMMAND_SIZE_MAX, text);
}

static char *mounts_text(const struct container_row *row, struct arena *arena)
{
    const struct message_list *mounts = &config_of(row)->mounts;
    const struct mount_config *items = mounts->items;
    struct text_list destinations = { .count = mounts->count };

    destinations.items = arena_zeroed(arena, mounts->count * sizeof(*destinations.items));
    for (size_t i = 0; i < mounts->count; i++)
        destinations.items[i] = items[i].destination;
    return joined(&destinations, ",", arena);
}

/* As it was typed; NULL for one of a directory. */
static const char *image_text(const struct container_config *config)
{
    return config->image != NULL ? config->image : config->image_id;
}

static bool has_ended(const struct container_row *row)
{
    return row->state == CONTAINER_STOPPED || row->state == CONTAINER_EXITED;
}

static void set_seconds(struct json_t *tree, const char *key, uint64_t time_ns)
{
    /* Go's zero time, which podman shows for what never was. */
    tree_set_number(tree, key, time_ns == 0 ? -62135596800 : (int64_t)(time_ns / NS_PER_S));
}

static char *size_text(const struct container_size *size, struct arena *arena)
{
    char written[UNITS_BYTES_SIZE];
    char all[UNITS_BYTES_SIZE];

    if (size == NULL || !size->is_known)
        return arena_text(arena, "");
    units_write_size(size->written_bytes, written);
    units_write_size(size->all_bytes, all);
    return arena_printf(arena, "%s (virtual %s)", written, all);
}

static void set_size(struct json_t *tree, const struct container_size *size)
{
    struct json_t *sizes;

    if (size == NULL || !size->is_known) {
        tree_set_null(tree, "Size");
        return;
    }
    sizes = tree_object();
    tree_set_number(sizes, "rootFsSize", (int64_t)size->all_bytes);
    tree_set_number(sizes, "rwSize", (int64_t)size->written_bytes);
    tree_set(tree, "Size", sizes);
}

/* --- the fields of `ps --format TEMPLATE` that are texts */

#define CELL(name)                                                                                 \
    static const char *name(const struct container_row *row, const struct report_options *options, \
                            struct arena *arena)

typedef const char *cell_fn(const struct container_row *row, const struct report_options *options,
                            struct arena *arena);

static const char *cut_id(const char *id, const struct report_options *options, struct arena *arena)
{
    return options->is_whole || id == NULL ? id
                                           : arena_text_n(arena, id, strnlen(id, SHORT_ID_SIZE));
}

CELL(id_cell)
{
    return cut_id(row->id, options, arena);
}

CELL(image_id_cell)
{
    return cut_id(config_of(row)->image_id, options, arena);
}

CELL(names_cell)
{
    (void)options;
    (void)arena;
    return config_of(row)->name;
}

CELL(host_cell)
{
    (void)options;
    (void)arena;
    return row->host;
}

CELL(image_cell)
{
    (void)options;
    (void)arena;
    return image_text(config_of(row));
}

CELL(rootfs_cell)
{
    (void)options;
    (void)arena;
    return config_of(row)->rootfs;
}

CELL(created_cell)
{
    return ago(row->created, options->now, " ago", arena);
}

CELL(created_at_cell)
{
    char created[UNITS_TIME_SIZE];

    (void)options;
    units_write_go_time(row->created, created);
    return arena_text(arena, created);
}

CELL(state_cell)
{
    (void)options;
    (void)arena;
    return container_state_name((enum container_state)row->state);
}

CELL(runtime_cell)
{
    (void)options;
    (void)arena;
    return row->runtime;
}

CELL(mounts_cell)
{
    (void)options;
    return mounts_text(row, arena);
}

CELL(networks_cell)
{
    (void)options;
    (void)arena;
    return config_of(row)->network;
}

CELL(size_cell)
{
    (void)row;
    return size_text(options->size, arena);
}

CELL(empty_cell)
{
    (void)row;
    (void)options;
    (void)arena;
    return "";
}

CELL(command_cell)
{
    return command_text(row, options, arena);
}

CELL(status_cell)
{
    return container_report_status(row, options, arena);
}

static const struct {
    const char *name;
    cell_fn *cell;
} cells[] = {
    { "ID", id_cell },
    { "Names", names_cell },
    { "Host", host_cell },
    { "Image", image_cell },
    { "ImageID", image_id_cell },
    { "Rootfs", rootfs_cell },
    { "Command", command_cell },
    { "Created", created_cell },
    { "CreatedAt", created_at_cell },
    { "RunningFor", created_cell },
    { "Status", status_cell },
    { "State", state_cell },
    { "Runtime", runtime_cell },
    { "Mounts", mounts_cell },
    { "Networks", networks_cell },
    { "Ports", empty_cell },
    { "Size", size_cell },
    { "Pod", empty_cell },
};

#define CELL_COUNT (sizeof(cells) / sizeof(*cells))

int container_report_find_cell(const char *field)
{
    for (size_t i = 0; i < CELL_COUNT; i++) {
        if (strcmp(cells[i].name, field) == 0)
            return (int)i;
    }
    return -1;
}

const char *container_report_cell(const struct container_row *row,
                                  const struct report_options *options, int cell,
                                  struct arena *arena)
{
    return cells[cell].cell(row, options, arena);
}

struct json_t *container_report_fields(const struct container_row *row,
                                       const struct report_options *options, struct arena *arena)
{
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < CELL_COUNT; i++)
        tree_set_text(tree, cells[i].name, cells[i].cell(row, options, arena));
    tree_set_bool(tree, "Exited", has_ended(row));
    tree_set_number(tree, "ExitCode", row->exit_unknown ? -1 : row->exit_code);
    set_seconds(tree, "ExitedAt", row->finished);
    set_seconds(tree, "StartedAt", row->started);
    tree_set_number(tree, "Pid", row->pid);
    tree_set_number(tree, "Run", row->run);
    tree_set_number(tree, "Restarts", row->restart_count);
    tree_set_map(tree, "Labels", &config_of(row)->labels);
    return tree;
}

struct json_t *container_report_titles(void)
{
    static const struct {
        const char *field;
        const char *title;
    } titles[] = {
        { "ID", "CONTAINER ID" },
        { "Names", "NAMES" },
        { "Host", "HOST" },
        { "Image", "IMAGE" },
        { "ImageID", "IMAGE ID" },
        { "Rootfs", "ROOTFS" },
        { "Command", "COMMAND" },
        { "Created", "CREATED" },
        { "CreatedAt", "CREATED AT" },
        { "RunningFor", "CREATED" },
        { "Status", "STATUS" },
        { "State", "STATE" },
        { "Exited", "EXITED" },
        { "ExitCode", "EXIT CODE" },
        { "ExitedAt", "EXITED AT" },
        { "StartedAt", "STARTED AT" },
        { "Pid", "PID" },
        { "Run", "RUN" },
        { "Restarts", "RESTARTS" },
        { "Runtime", "RUNTIME" },
        { "Mounts", "MOUNTS" },
        { "Networks", "NETWORKS" },
        { "Ports", "PORTS" },
        { "Size", "SIZE" },
        { "Pod", "POD ID" },
        { "Labels", "LABELS" },
    };
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        tree_set_text(tree, titles[i].field, titles[i].title);
    return tree;
}

struct json_t *container_report_listed(const struct container_row *row,
                                       const struct report_options *options, struct arena *arena)
{
    const struct container_config *config = config_of(row);
    struct json_t *names = tree_list();
    struct json_t *tree = tree_object();

    tree_append_text(names, config->name);
    tree_set_bool(tree, "AutoRemove", config->auto_remove);
    tree_set_texts(tree, "Command", &config->command);
    tree_set_text(tree, "CreatedAt", ago(row->created, options->now, " ago", arena));
    tree_set_bool(tree, "Exited", has_ended(row));
    set_seconds(tree, "ExitedAt", row->finished);
    tree_set_number(tree, "ExitCode", row->exit_unknown ? -1 : row->exit_code);
    tree_set_text(tree, "Host", row->host);
    tree_set_text(tree, "Id", row->id);
    tree_set_text(tree, "Image", image_text(config));
    tree_set_text(tree, "ImageID", config->image_id);
    tree_set_bool(tree, "IsInfra", false);
    tree_set_map(tree, "Labels", &config->labels);
    tree_set(tree, "Mounts", tree_list());
    tree_set(tree, "Names", names);
    tree_set(tree, "Namespaces", tree_object());
    tree_set(tree, "Networks", tree_list());
    tree_set_number(tree, "Pid", row->pid);
    tree_set_text(tree, "Pod", "");
    tree_set_text(tree, "PodName", "");
    tree_set_null(tree, "Ports");
    tree_set_number(tree, "Restarts", row->restart_count);
    tree_set_text(tree, "Rootfs", config->rootfs);
    set_size(tree, options->size);
    set_seconds(tree, "StartedAt", row->started);
    tree_set_text(tree, "State", container_state_name((enum container_state)row->state));
    tree_set_text(tree, "Status", container_report_status(row, options, arena));
    set_seconds(tree, "Created", row->created);
    return tree;
}
