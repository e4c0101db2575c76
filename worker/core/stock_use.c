/* What containers have to do with images and volumes; see stock.h. */
#include <string.h>

#include "common/fleet/config_image.h"
#include "common/image_name.h"
#include "common/mem.h"
#include "worker/core/ledger.h"
#include "worker/core/lifecycle.h"
#include "worker/core/stock.h"

/* What it is made from and uses, also while it is being created. NULL: nothing is known. */
static const struct container_config *config_of(const struct unit *unit)
{
    return unit->row.config != NULL ? unit->row.config : unit_config(unit);
}

static bool is_volume(const struct mount_config *mount)
{
    return strcmp(mount->type, "volume") == 0 && mount->source != NULL;
}

static bool uses_volume(const struct container_config *config, const char *name)
{
    const struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        if (is_volume(&mounts[i]) && strcmp(mounts[i].source, name) == 0)
            return true;
    }
    return false;
}

const char *stock_image_user(const struct ledger *ledger, const char *id)
{
    for (const struct unit *unit = ledger->units; unit != NULL; unit = unit->by_id.next) {
        const struct container_config *config = config_of(unit);

        if (config != NULL && config->image_id != NULL && strcmp(config->image_id, id) == 0)
            return unit->id;
    }
    return NULL;
}

const char *stock_volume_user(const struct ledger *ledger, const char *name, const struct unit *but)
{
    for (const struct unit *unit = ledger->units; unit != NULL; unit = unit->by_id.next) {
        const struct container_config *config = config_of(unit);

        if (unit != but && config != NULL && uses_volume(config, name))
            return unit->id;
    }
    return NULL;
}

/* A volume that is being removed is there for nobody new. */
static enum failure check_volumes(const struct ledger *ledger,
                                  const struct container_config *config, struct refusal *why)
{
    const struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        const struct stock_volume *volume =
            is_volume(&mounts[i]) ? stock_volume_of_name(&ledger->stock, mounts[i].source) : NULL;

        if (volume != NULL && volume->is_going)
            return refuse(why, FAILURE_BUSY,
                          "volume %s of host %s is being removed: ask again when it is gone",
                          mounts[i].source, ledger->host);
    }
    return FAILURE_NONE;
}

static enum failure take_image(struct ledger *ledger, struct command *create, struct refusal *why)
{
    struct container_config *config = create->config;
    const char *policy = config->pull == NULL ? "missing" : config->pull;
    struct stock_image *image = NULL;
    enum failure failure;

    config->image_id = NULL; /* the author's word does not count */
    if (strcmp(policy, "always") == 0)
        return FAILURE_NONE;
    failure = stock_find_image(ledger, config->image, &image, why);
    if (failure == FAILURE_NONE)
        return config_take_image(config, image->row.image, &create->arena, why);
    if (failure == FAILURE_NO_IMAGE && strcmp(policy, "missing") == 0)
        return FAILURE_NONE;
    return failure;
}

enum failure stock_take(struct ledger *ledger, struct unit *unit, struct command *create,
                        struct refusal *why)
{
    enum failure failure = FAILURE_NONE;

    if (create->config->image != NULL)
        failure = take_image(ledger, create, why);
    if (failure != FAILURE_NONE)
        return failure;
    config_name_volumes(create->config, unit->id, &create->arena);
    return check_volumes(ledger, create->config, why);
}

bool stock_wants_pull(const struct command *create)
{
    return create->config->image != NULL && create->config->image_id == NULL;
}

static enum failure take_pulled(struct ledger *ledger, struct unit *unit, struct command *create,
                                const struct image *image, struct refusal *why)
{
    autoarena arena = { 0 };
    char *name = image_name_registry(create->config->image, &arena);
    struct image named = *image;
    enum failure failure;

    named.names = (struct text_list){ .items = &name, .count = name == NULL ? 0 : 1 };
    stock_add_image(ledger, &named, create->id);
    failure =
        config_take_image(create->config, stock_image_of_id(&ledger->stock, image->id)->row.image,
                          &create->arena, why);
    if (failure != FAILURE_NONE)
        return failure;
    config_name_volumes(create->config, unit->id, &create->arena);
    return check_volumes(ledger, create->config, why);
}

static void add_result(struct command *command, const char *text)
{
    command->results.items = arena_zeroed(&command->arena, sizeof(char *));
    command->results.items[0] = arena_text(&command->arena, text);
    command->results.count = 1;
}

static void take_committed(struct ledger *ledger, struct command *command,
                           const struct image *image)
{
    char *name = image_name_local(command->commit->reference, &command->arena);
    struct image named = *image;

    named.names = (struct text_list){ .items = &name, .count = name == NULL ? 0 : 1 };
    stock_add_image(ledger, &named, command->id);
    add_result(command, image->id);
}

enum failure stock_take_result(struct ledger *ledger, struct unit *unit,
                               struct operation *operation, const struct step_result *result,
                               struct refusal *why)
{
    if (result->word != NULL && operation->command != NULL)
        add_result(operation->command, result->word);
    if (result->image == NULL || operation->command == NULL)
        return FAILURE_NONE;
    if (operation->kind == CONTAINER_OPERATION_CREATE)
        return take_pulled(ledger, unit, operation->command, result->image, why);
    take_committed(ledger, operation->command, result->image);
    return FAILURE_NONE;
}

void stock_take_up(struct ledger *ledger, struct unit *unit)
{
    struct command *create = unit->current.command;
    const struct stock_image *image;
    struct refusal why;

    if (unit->current.kind != CONTAINER_OPERATION_CREATE || create == NULL)
        return;
    image = stock_image_of_id(&ledger->stock, create->config->image_id);
    if (image != NULL)
        (void)config_take_image(create->config, image->row.image, &create->arena, &why);
    config_name_volumes(create->config, unit->id, &create->arena);
}

void stock_created(struct ledger *ledger, const struct unit *unit,
                   const struct operation *operation)
{
    const struct container_config *config = operation->command->config;
    const struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        struct volume volume = { .name = mounts[i].source };

        if (!is_volume(&mounts[i]) || stock_volume_of_name(&ledger->stock, volume.name) != NULL)
            continue;
        volume.is_anonymous = volume_is_made_for(volume.name, unit->id);
        if (volume.is_anonymous)
            volume.container = arena_text(&ledger->batch->arena, unit->id);
        stock_add_volume(ledger, &volume, operation_cause(operation));
    }
}

struct text_list stock_doomed_volumes(const struct ledger *ledger, const struct unit *unit,
                                      const struct operation *operation, struct arena *arena)
{
    const struct container_config *config = unit_config(unit);
    const struct mount_config *mounts = config == NULL ? NULL : config->mounts.items;
    struct text_list doomed = { 0 };
    bool is_wanted = operation->kind == CONTAINER_OPERATION_CREATE; /* which has failed */

    if (config == NULL)
        return doomed;
    if (!is_wanted)
        is_wanted = unit->plan.removes_volumes ||
                    (operation->command == NULL ? config->auto_remove
                                                : operation->command->removes_volumes);
    doomed.items = arena_zeroed(arena, config->mounts.count * sizeof(char *));
    for (size_t i = 0; is_wanted && i < config->mounts.count; i++) {
        if (is_volume(&mounts[i]) && volume_is_made_for(mounts[i].source, unit->id) &&
            stock_volume_user(ledger, mounts[i].source, unit) == NULL)
            doomed.items[doomed.count++] = mounts[i].source;
    }
    return doomed;
}

void stock_removed(struct ledger *ledger, const struct unit *unit,
                   const struct operation *operation)
{
    autoarena arena = { 0 };
    struct text_list doomed = stock_doomed_volumes(ledger, unit, operation, &arena);

    for (size_t i = 0; i < doomed.count; i++) {
        struct stock_volume *volume = stock_volume_of_name(&ledger->stock, doomed.items[i]);

        if (volume != NULL)
            stock_drop_volume(ledger, volume, operation_cause(operation));
    }
}
