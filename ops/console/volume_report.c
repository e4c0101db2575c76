/* A volume as it is shown; see the header. */
#include "ops/console/volume_report.h"

#include <errno.h>
#include <string.h>

#include "ops/console/tree.h"
#include "ops/console/units.h"

static bool uses(const struct container_row *container, const struct volume_row *row)
{
    const struct mount_config *mounts;

    if (container->config == NULL || strcmp(container->host, row->host) != 0)
        return false;
    mounts = container->config->mounts.items;
    for (size_t i = 0; i < container->config->mounts.count; i++) {
        if (strcmp(mounts[i].type, "volume") == 0 && mounts[i].source != NULL &&
            strcmp(mounts[i].source, row->volume->name) == 0)
            return true;
    }
    return false;
}

static unsigned count_users(const struct volume_row *row, const struct container_rows *containers)
{
    unsigned count = 0;

    for (size_t i = 0; i < containers->count; i++)
        count += uses(&containers->items[i], row);
    return count;
}

char *volume_report_mountpoint(const struct host_row *host, const char *volume, struct arena *arena)
{
    if (host == NULL || host->facts == NULL || host->facts->state_directory == NULL)
        return NULL;
    return arena_printf(arena, "%s/volumes/%s/_data", host->facts->state_directory, volume);
}

struct json_t *volume_report(const struct volume_row *row, const struct container_rows *containers,
                             const struct host_rows *hosts, struct arena *arena)
{
    const struct volume *volume = row->volume;
    const struct host_row *host = host_rows_find(hosts, row->host);
    struct json_t *tree = tree_object();
    char created[UNITS_TIME_SIZE];

    units_write_time(row->created, created);
    tree_set_text(tree, "Name", volume->name);
    tree_set_text(tree, "Driver", "local");
    tree_set_text(tree, "Mountpoint", volume_report_mountpoint(host, volume->name, arena));
    tree_set_text(tree, "CreatedAt", created);
    tree_set_map(tree, "Labels", &volume->labels);
    tree_set_text(tree, "Scope", "local");
    tree_set_map(tree, "Options", &volume->options);
    if (volume->uid.is_set)
        tree_set_number(tree, "UID", volume->uid.value);
    if (volume->gid.is_set)
        tree_set_number(tree, "GID", volume->gid.value);
    tree_set_bool(tree, "Anonymous", volume->is_anonymous);
    tree_set_number(tree, "Containers", count_users(row, containers));
    tree_set_text(tree, "Host", row->host);
    return tree;
}

struct json_t *volume_report_titles(void)
{
    static const char *const titles[][2] = {
        { "Name", "VOLUME NAME" },      { "Driver", "DRIVER" },
        { "Mountpoint", "MOUNTPOINT" }, { "CreatedAt", "CREATED AT" },
        { "Labels", "LABELS" },         { "Scope", "SCOPE" },
        { "Options", "OPTIONS" },       { "Anonymous", "ANONYMOUS" },
        { "Containers", "CONTAINERS" }, { "Host", "HOST" },
    };
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        tree_set_text(tree, titles[i][0], titles[i][1]);
    return tree;
}

typedef bool passes_fn(const struct volume_row *row, const struct container_rows *containers,
                       const char *value);

static bool passes_dangling(const struct volume_row *row, const struct container_rows *containers,
                            const char *value)
{
    return (count_users(row, containers) == 0) == (strcmp(value, "true") == 0);
}

static bool passes_host(const struct volume_row *row, const struct container_rows *containers,
                        const char *value)
{
    (void)containers;
    return strcmp(row->host, value) == 0;
}

static bool passes_name(const struct volume_row *row, const struct container_rows *containers,
                        const char *value)
{
    (void)containers;
    return strstr(row->volume->name, value) != NULL;
}

static bool passes_label(const struct volume_row *row, const struct container_rows *containers,
                         const char *value)
{
    const struct text_map *labels = &row->volume->labels;
    size_t size = strcspn(value, "=");

    (void)containers;
    for (size_t i = 0; i < labels->count; i++) {
        if (strlen(labels->items[i].key) == size &&
            strncmp(labels->items[i].key, value, size) == 0 &&
            (value[size] == '\0' || strcmp(labels->items[i].value, value + size + 1) == 0))
            return true;
    }
    return false;
}

static const struct {
    const char *key;
    passes_fn *passes;
} kinds[] = {
    { "dangling", passes_dangling },
    { "host", passes_host },
    { "label", passes_label },
    { "name", passes_name },
};

static passes_fn *find_kind(const char *word, const char **ret_value)
{
    size_t size = strcspn(word, "=");

    for (size_t i = 0; word[size] == '=' && i < sizeof(kinds) / sizeof(*kinds); i++) {
        *ret_value = word + size + 1;
        if (strlen(kinds[i].key) == size && strncmp(kinds[i].key, word, size) == 0)
            return kinds[i].passes;
    }
    return NULL;
}

int volume_filter_check(const struct text_list *filters, struct error *err)
{
    for (size_t i = 0; i < filters->count; i++) {
        const char *value = NULL;

        if (find_kind(filters->items[i], &value) == NULL)
            return error_set(err, -EINVAL, "invalid filter \"%s\"", filters->items[i]);
    }
    return 0;
}

bool volume_filter_passes(const struct text_list *filters, const struct volume_row *row,
                          const struct container_rows *containers)
{
    for (size_t i = 0; i < filters->count; i++) {
        const char *value = NULL;
        passes_fn *passes = find_kind(filters->items[i], &value);

        if (passes != NULL && !passes(row, containers, value))
            return false;
    }
    return true;
}
