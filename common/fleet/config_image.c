/* What a container gets from its image; see the header. */
#include "common/fleet/config_image.h"

#include <string.h>

#include "common/fleet/config_check.h"
#include "common/id.h"
#include "common/image_name.h"
#include "common/signals.h"

#define ID_DIGITS_KEPT 60 /* of the container's id in the name of its anonymous volumes */

bool image_reference_is_valid(const char *text)
{
    autoarena arena = { 0 };
    static const char prefix[] = "sha256:";

    if (strncmp(text, prefix, strlen(prefix)) == 0)
        text += strlen(prefix);
    return image_name_local(text, &arena) != NULL;
}

static void append_text(struct text_list *list, char *text)
{
    list->items[list->count++] = text;
}

/* Whether both are of one variable: "PATH=/bin" and "PATH=/sbin". */
static bool is_same_variable(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");

    return size == strcspn(b, "=") && strncmp(a, b, size) == 0;
}

static bool has_variable(const struct text_list *list, const char *entry)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_same_variable(list->items[i], entry))
            return true;
    }
    return false;
}

static void take_env(struct container_config *config, const struct image_config *from,
                     struct arena *arena)
{
    struct text_list merged = { 0 };

    merged.items = arena_zeroed(arena, (from->env.count + config->env.count) * sizeof(char *));
    for (size_t i = 0; i < from->env.count; i++) {
        if (!has_variable(&config->env, from->env.items[i]))
            append_text(&merged, from->env.items[i]);
    }
    for (size_t i = 0; i < config->env.count; i++)
        append_text(&merged, config->env.items[i]);
    config->env = merged;
}

static bool has_label(const struct text_map *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->items[i].key, key) == 0)
            return true;
    }
    return false;
}

static void take_labels(struct container_config *config, const struct image_config *from,
                        struct arena *arena)
{
    struct text_map merged = { 0 };

    merged.items =
        arena_zeroed(arena, (from->labels.count + config->labels.count) * sizeof(*merged.items));
    for (size_t i = 0; i < from->labels.count; i++) {
        if (!has_label(&config->labels, from->labels.items[i].key))
            merged.items[merged.count++] = from->labels.items[i];
    }
    for (size_t i = 0; i < config->labels.count; i++)
        merged.items[merged.count++] = config->labels.items[i];
    config->labels = merged;
}

static void take_process(struct container_config *config, const struct image_config *from)
{
    if (!config->has_entrypoint) {
        if (config->entrypoint.count == 0)
            config->entrypoint = from->entrypoint;
        if (config->command.count == 0)
            config->command = from->command;
    }
    if (config->user == NULL && from->user != NULL && from->user[0] != '\0')
        config->user = from->user;
    if (config->workdir == NULL && from->workdir != NULL && from->workdir[0] != '\0')
        config->workdir = from->workdir;
}

static enum failure take_stop_signal(struct container_config *config,
                                     const struct image_config *from, struct refusal *why)
{
    struct error err = { 0 };

    if (config->stop_signal != 0 || from->stop_signal == NULL || from->stop_signal[0] == '\0')
        return FAILURE_NONE;
    if (signals_parse(from->stop_signal, &config->stop_signal, &err) < 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: image %s has stop signal '%s', which is none: give one with "
                      "--stop-signal",
                      config->name, config->image, from->stop_signal);
    return FAILURE_NONE;
}

static bool has_mount(const struct container_config *config, const char *destination)
{
    const struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        if (strcmp(mounts[i].destination, destination) == 0)
            return true;
    }
    return false;
}

static void take_volumes(struct container_config *config, const struct image_config *from,
                         struct arena *arena)
{
    const char *policy = config->image_volumes == NULL ? "anonymous" : config->image_volumes;
    bool is_tmpfs = strcmp(policy, "tmpfs") == 0;
    size_t count = config->mounts.count;
    struct mount_config *mounts;

    if (strcmp(policy, "ignore") == 0 || from->volumes.count == 0)
        return;
    mounts = arena_zeroed(arena, (count + from->volumes.count) * sizeof(*mounts));
    if (count > 0)
        memcpy(mounts, config->mounts.items, count * sizeof(*mounts));
    for (size_t i = 0; i < from->volumes.count; i++) {
        if (has_mount(config, from->volumes.items[i]))
            continue;
        mounts[count++] = (struct mount_config){
            .type = arena_text(arena, is_tmpfs ? "tmpfs" : "volume"),
            .destination = from->volumes.items[i],
        };
    }
    config->mounts = (struct message_list){ .items = mounts, .count = count };
}

enum failure config_take_image(struct container_config *config, const struct image *image,
                               struct arena *arena, struct refusal *why)
{
    static const struct image_config nothing = { 0 };
    const struct image_config *from = image->config == NULL ? &nothing : image->config;
    enum failure failure;

    config->image_id = image->id;
    take_process(config, from);
    take_env(config, from, arena);
    take_labels(config, from, arena);
    failure = take_stop_signal(config, from, why);
    if (failure != FAILURE_NONE)
        return failure;
    take_volumes(config, from, arena);
    return config_check(config, why);
}

void config_name_volumes(struct container_config *config, const char *id, struct arena *arena)
{
    struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        if (mounts[i].source == NULL && strcmp(mounts[i].type, "volume") == 0)
            mounts[i].source = arena_printf(arena, "%.*s%04zx", ID_DIGITS_KEPT, id, i);
    }
}

bool volume_is_made_for(const char *volume, const char *id)
{
    return strlen(volume) == CONTAINER_ID_SIZE && strncmp(volume, id, ID_DIGITS_KEPT) == 0;
}
