/* Which function carries out which step; see the header. */
#include "worker/step_table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/io/kill_point.h"

/* A step that the hands are at. */
struct pending {
    char id[CONTAINER_ID_SIZE + 1];
    enum step step;
    step_done_fn *done;
    void *owner;
};

static void on_done(void *owner, const struct hands_result *from)
{
    autofree struct pending *pending = owner;
    struct step_result result = {
        .code = from->code,
        .failure = from->failure,
        .text = from->text,
        .init = from->init,
        .image = from->image_count > 0 ? from->images[0] : NULL,
        .word = from->word,
    };

    kill_point("after", step_name(pending->step), pending->id);
    pending->done(pending->owner, pending->id, pending->step, &result);
}

static void begin_signal_all(struct hands *hands, const struct hands_container *container,
                             uint32_t signal, void *owner)
{
    hands_signal(hands, container, signal, true, on_done, owner);
}

static void begin_signal_init(struct hands *hands, const struct hands_container *container,
                              uint32_t signal, void *owner)
{
    hands_signal(hands, container, signal, false, on_done, owner);
}

struct step_entry {
    void (*begin)(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                  void *owner);
    void (*begin_signal)(struct hands *hands, const struct hands_container *container,
                         uint32_t signal, void *owner);
};

/* clang-format off */
static const struct step_entry entries[STEP_COUNT] = {
    [STEP_MAKE_DIRECTORIES]   = { hands_make_directories,   NULL },
    [STEP_CREATE_RUNTIME]     = { hands_create_runtime,     NULL },
    [STEP_RESOLVE_CREATE]     = { hands_resolve_create,     NULL },
    [STEP_START_RUNTIME]      = { hands_start_runtime,      NULL },
    [STEP_SIGNAL_STOP]        = { NULL,                     begin_signal_all },
    [STEP_SIGNAL_ASKED]       = { NULL,                     begin_signal_init },
    [STEP_SIGNAL_KILL]        = { NULL,                     begin_signal_all },
    [STEP_PAUSE]              = { hands_pause,              NULL },
    [STEP_UNPAUSE]            = { hands_unpause,            NULL },
    [STEP_DELETE_RUNTIME]     = { hands_delete_runtime,     NULL },
    [STEP_REMOVE_DIRECTORIES] = { hands_remove_directories, NULL },
    [STEP_UPDATE_LIMITS]      = { hands_update_limits,      NULL },
    [STEP_PULL_IMAGE]         = { hands_pull_image,         NULL },
    [STEP_COMMIT]             = { hands_commit,             NULL },
    [STEP_COPY]               = { hands_copy,               NULL },
    [STEP_MOUNT]              = { hands_mount,              NULL },
    [STEP_UNMOUNT]            = { hands_unmount,            NULL },
};
/* clang-format on */

static bool is_init(enum step step)
{
    return step == STEP_CREATE_RUNTIME || step == STEP_RESOLVE_CREATE;
}

/* The runtime of the run that there is; a new run's is the configuration's, or the worker's. */
static const char *runtime_of(const struct engine_container *container, enum step step,
                              const char *preferred)
{
    if (!is_init(step) && container->row->runtime != NULL)
        return container->row->runtime;
    return container->config->runtime != NULL ? container->config->runtime : preferred;
}

/* The known ones of the volumes that it mounts. */
static void add_volumes(const struct engine *engine, const struct container_config *config,
                        struct arena *arena, struct hands_container *subject)
{
    const struct mount_config *mounts = config->mounts.items;
    const struct volume **volumes = arena_zeroed(arena, config->mounts.count * sizeof(*volumes));

    subject->volumes = volumes;
    for (size_t i = 0; i < config->mounts.count; i++) {
        const struct volume_row *row = NULL;

        if (strcmp(mounts[i].type, "volume") == 0 && mounts[i].source != NULL)
            row = engine_volume(engine, mounts[i].source);
        if (row != NULL)
            volumes[subject->volume_count++] = row->volume;
    }
}

static void add_storage(const struct engine *engine, const struct engine_container *container,
                        enum step step, struct arena *arena, struct hands_container *subject)
{
    const struct command *command = engine_command_of(engine, container->id);

    subject->is_paused = container->row->state == CONTAINER_PAUSED;
    add_volumes(engine, container->config, arena, subject);
    if (step == STEP_REMOVE_DIRECTORIES)
        subject->doomed_volumes = engine_doomed_volumes(engine, container->id, arena);
    subject->commit = command == NULL ? NULL : command->commit;
    subject->copy = command == NULL ? NULL : command->copy;
}

/* NOLINTNEXTLINE(readability-function-size): what, of whom, and whom to tell */
void step_begin(struct hands *hands, const struct engine *engine, const struct action *action,
                const struct engine_container *container, const char *runtime, step_done_fn *done,
                void *owner)
{
    autoarena arena = { 0 };
    const struct step_entry *entry = &entries[action->step];
    struct pending *pending = mem_new(struct pending);
    struct hands_container subject = {
        .id = action->id,
        .run = action->run,
        .config = container->config,
        .runtime = runtime_of(container, action->step, runtime),
        .created = container->row->created,
        .pid = is_init(action->step) ? 0 : container->row->pid,
        .pid_started = is_init(action->step) ? 0 : container->row->pid_started,
    };

    add_storage(engine, container, action->step, &arena, &subject);
    assert(entry->begin != NULL || entry->begin_signal != NULL);
    (void)snprintf(pending->id, sizeof(pending->id), "%s", action->id);
    pending->step = action->step;
    pending->done = done;
    pending->owner = owner;
    kill_point("before", step_name(action->step), action->id);
    if (entry->begin != NULL)
        entry->begin(hands, &subject, on_done, pending);
    else
        entry->begin_signal(hands, &subject, action->signal, pending);
}
