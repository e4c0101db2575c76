/* Operations as data; see the header. These tables are the worker's behaviour. */
#include "worker/core/operation.h"

#include <signal.h>

#define IN(state) (UINT32_C(1) << CONTAINER_##state)
#define ANY       UINT32_MAX

/* clang-format off */

/* What a run that has ended left in the runtime goes before the next one comes. */
#define STEP_ROW_RENEW \
    { .step = STEP_DELETE_RUNTIME, .needed_in = IN(STOPPED), .fact = CONTAINER_EVENT_CLEANED }

#define STEP_ROW_REQUIREMENTS \
    { .step = STEP_AWAIT_REQUIREMENTS, .needed_in = ANY }

#define STEP_ROW_INIT                                                                       \
    { .step = STEP_CREATE_RUNTIME, .needed_in = IN(CONFIGURED) | IN(EXITED),                \
      .fact = CONTAINER_EVENT_INITIALIZED, .setback = CONTAINER_EVENT_INIT_FAILED }

/* What could not be started cannot be started again: it is taken back to the time before init. */
#define STEP_ROW_START                                                                      \
    { .step = STEP_START_RUNTIME, .needed_in = IN(CREATED), .is_goal = true,                \
      .fact = CONTAINER_EVENT_STARTED,                                                      \
      .undo = STEP_DELETE_RUNTIME, .undo_in = IN(CREATED) | IN(STOPPED),                    \
      .undo_fact = CONTAINER_EVENT_CLEANED }

#define STEP_ROW_ASK                                                                        \
    { .step = STEP_SIGNAL_STOP, .needed_in = IN(RUNNING) | IN(STOPPING),                    \
      .is_patient = true, .intent = CONTAINER_EVENT_STOPPING }

#define STEP_ROW_WAIT \
    { .step = STEP_AWAIT_STOP, .needed_in = IN(STOPPING), .is_patient = true }

#define STEP_ROW_KILL(states) \
    { .step = STEP_SIGNAL_KILL, .needed_in = (states), .intent = CONTAINER_EVENT_STOPPING }

#define STEP_ROW_DEATH(states) \
    { .step = STEP_AWAIT_DEATH, .needed_in = (states) }

/* A frozen process of cgroup v1 dies of SIGKILL only when it is thawed. */
#define STEP_ROW_THAW                                                                       \
    { .step = STEP_UNPAUSE, .needed_in = IN(PAUSED), .may_fail = true,                      \
      .fact = CONTAINER_EVENT_UNPAUSED }

#define STEP_ROW_SIGNAL                                                                     \
    { .step = STEP_SIGNAL_ASKED, .needed_in = IN(RUNNING) | IN(STOPPING) | IN(PAUSED),      \
      .fact = CONTAINER_EVENT_SIGNALLED }

#define STEP_ROW_REMOVE_RUNTIME \
    { .step = STEP_DELETE_RUNTIME, .needed_in = ANY, .intent = CONTAINER_EVENT_REMOVING }

#define STEP_ROW_REMOVE_DIRECTORIES \
    { .step = STEP_REMOVE_DIRECTORIES, .needed_in = ANY, .fact = CONTAINER_EVENT_REMOVED }

static const struct step_row create_rows[] = {
    { .step = STEP_PULL_IMAGE, .needed_in = IN(UNKNOWN), .is_of_pull = true },
    { .step = STEP_MAKE_DIRECTORIES, .needed_in = IN(UNKNOWN), .is_goal = true,
      .fact = CONTAINER_EVENT_CREATED,
      .undo = STEP_REMOVE_DIRECTORIES, .undo_in = IN(UNKNOWN) },
};

static const struct step_row init_rows[] = {
    STEP_ROW_RENEW,
    STEP_ROW_INIT,
};

static const struct step_row start_rows[] = {
    STEP_ROW_REQUIREMENTS,
    STEP_ROW_RENEW,
    STEP_ROW_INIT,
    STEP_ROW_START,
};

static const struct step_row stop_rows[] = {
    STEP_ROW_ASK,
    STEP_ROW_WAIT,
    STEP_ROW_KILL(IN(CREATED) | IN(RUNNING) | IN(STOPPING)),
    STEP_ROW_DEATH(IN(CREATED) | IN(RUNNING) | IN(STOPPING)),
    STEP_ROW_RENEW,
};

static const struct step_row restart_rows[] = {
    STEP_ROW_REQUIREMENTS,
    STEP_ROW_ASK,
    STEP_ROW_WAIT,
    STEP_ROW_KILL(IN(RUNNING) | IN(STOPPING)),
    STEP_ROW_DEATH(IN(RUNNING) | IN(STOPPING)),
    STEP_ROW_RENEW,
    STEP_ROW_INIT,
    STEP_ROW_START,
};

static const struct step_row kill_rows[] = {
    STEP_ROW_SIGNAL,
};

static const struct step_row kill_dead_rows[] = {
    STEP_ROW_SIGNAL,
    STEP_ROW_THAW,
    STEP_ROW_DEATH(IN(RUNNING) | IN(STOPPING) | IN(PAUSED)),
};

static const struct step_row pause_rows[] = {
    { .step = STEP_PAUSE, .needed_in = IN(RUNNING), .is_goal = true,
      .fact = CONTAINER_EVENT_PAUSED },
};

static const struct step_row unpause_rows[] = {
    { .step = STEP_UNPAUSE, .needed_in = IN(PAUSED), .is_goal = true,
      .fact = CONTAINER_EVENT_UNPAUSED },
};

/* One that no stop could end is stopping: its process has to go first. */
static const struct step_row cleanup_rows[] = {
    STEP_ROW_KILL(IN(STOPPING)),
    STEP_ROW_DEATH(IN(STOPPING)),
    { .step = STEP_DELETE_RUNTIME, .needed_in = IN(CREATED) | IN(STOPPED),
      .fact = CONTAINER_EVENT_CLEANED },
};

static const struct step_row remove_rows[] = {
    STEP_ROW_REMOVE_RUNTIME,
    STEP_ROW_REMOVE_DIRECTORIES,
};

static const struct step_row force_remove_rows[] = {
    { .step = STEP_SIGNAL_KILL, .needed_in = IN(PAUSED) },
    STEP_ROW_THAW,
    STEP_ROW_ASK,
    STEP_ROW_WAIT,
    STEP_ROW_KILL(IN(RUNNING) | IN(STOPPING) | IN(PAUSED)),
    STEP_ROW_DEATH(IN(RUNNING) | IN(STOPPING) | IN(PAUSED)),
    STEP_ROW_REMOVE_RUNTIME,
    STEP_ROW_REMOVE_DIRECTORIES,
};

static const struct step_row rename_rows[] = {
    { .step = STEP_NOTE, .needed_in = ANY, .fact = CONTAINER_EVENT_RENAMED },
};

/* Its undo is the step again, with the configuration that the row still has. */
static const struct step_row update_rows[] = {
    { .step = STEP_UPDATE_LIMITS, .is_of_limits = true,
      .needed_in = IN(CREATED) | IN(RUNNING) | IN(PAUSED) | IN(STOPPING),
      .undo = STEP_UPDATE_LIMITS,
      .undo_in = IN(CREATED) | IN(RUNNING) | IN(PAUSED) | IN(STOPPING) },
    { .step = STEP_NOTE, .needed_in = ANY, .fact = CONTAINER_EVENT_UPDATED },
};

/* These change no state of the container; done twice is done once. */
static const struct step_row commit_rows[] = {
    { .step = STEP_COMMIT, .needed_in = ANY },
};

static const struct step_row copy_rows[] = {
    { .step = STEP_COPY, .needed_in = ANY },
};

static const struct step_row mount_rows[] = {
    { .step = STEP_MOUNT, .needed_in = ANY },
};

static const struct step_row unmount_rows[] = {
    { .step = STEP_UNMOUNT, .needed_in = ANY },
};

#define LIST(table) { (table), sizeof(table) / sizeof(*(table)) }

static const struct step_list lists[CONTAINER_OPERATION_COUNT] = {
    [CONTAINER_OPERATION_CREATE]       = LIST(create_rows),
    [CONTAINER_OPERATION_INIT]         = LIST(init_rows),
    [CONTAINER_OPERATION_START]        = LIST(start_rows),
    [CONTAINER_OPERATION_STOP]         = LIST(stop_rows),
    [CONTAINER_OPERATION_RESTART]      = LIST(restart_rows),
    [CONTAINER_OPERATION_KILL]         = LIST(kill_rows),
    [CONTAINER_OPERATION_PAUSE]        = LIST(pause_rows),
    [CONTAINER_OPERATION_UNPAUSE]      = LIST(unpause_rows),
    [CONTAINER_OPERATION_CLEANUP]      = LIST(cleanup_rows),
    [CONTAINER_OPERATION_REMOVE]       = LIST(remove_rows),
    [CONTAINER_OPERATION_FORCE_REMOVE] = LIST(force_remove_rows),
    [CONTAINER_OPERATION_RENAME]       = LIST(rename_rows),
    [CONTAINER_OPERATION_UPDATE]       = LIST(update_rows),
    [CONTAINER_OPERATION_COMMIT]       = LIST(commit_rows),
    [CONTAINER_OPERATION_COPY]         = LIST(copy_rows),
    [CONTAINER_OPERATION_MOUNT]        = LIST(mount_rows),
    [CONTAINER_OPERATION_UNMOUNT]      = LIST(unmount_rows),
};

static const char *const names[STEP_COUNT] = {
    [STEP_NONE]               = "none",
    [STEP_MAKE_DIRECTORIES]   = "make-directories",
    [STEP_CREATE_RUNTIME]     = "create-runtime",
    [STEP_RESOLVE_CREATE]     = "resolve-create",
    [STEP_START_RUNTIME]      = "start-runtime",
    [STEP_SIGNAL_STOP]        = "signal-stop",
    [STEP_SIGNAL_ASKED]       = "signal-asked",
    [STEP_SIGNAL_KILL]        = "signal-kill",
    [STEP_AWAIT_STOP]         = "await-stop",
    [STEP_AWAIT_DEATH]        = "await-death",
    [STEP_PAUSE]              = "pause",
    [STEP_UNPAUSE]            = "unpause",
    [STEP_DELETE_RUNTIME]     = "delete-runtime",
    [STEP_REMOVE_DIRECTORIES] = "remove-directories",
    [STEP_NOTE]               = "note",
    [STEP_UPDATE_LIMITS]      = "update-limits",
    [STEP_AWAIT_REQUIREMENTS] = "await-requirements",
    [STEP_PULL_IMAGE]         = "pull-image",
    [STEP_COMMIT]             = "commit",
    [STEP_COPY]               = "copy",
    [STEP_MOUNT]              = "mount",
    [STEP_UNMOUNT]            = "unmount",
};
/* clang-format on */

struct step_list operation_steps(enum container_operation kind, uint32_t signal)
{
    if (kind == CONTAINER_OPERATION_KILL && signal == SIGKILL)
        return (struct step_list)LIST(kill_dead_rows);
    return lists[kind];
}

bool operation_survives_reboot(enum container_operation kind, uint32_t signal)
{
    switch (kind) {
    case CONTAINER_OPERATION_CREATE:
    case CONTAINER_OPERATION_STOP:
    case CONTAINER_OPERATION_CLEANUP:
    case CONTAINER_OPERATION_REMOVE:
    case CONTAINER_OPERATION_FORCE_REMOVE:
    case CONTAINER_OPERATION_RENAME:
    case CONTAINER_OPERATION_UPDATE:
    case CONTAINER_OPERATION_COMMIT:
    case CONTAINER_OPERATION_COPY:
    case CONTAINER_OPERATION_UNMOUNT:
        return true;
    case CONTAINER_OPERATION_KILL:
        return signal == SIGKILL;
    case CONTAINER_OPERATION_NONE:
    case CONTAINER_OPERATION_INIT:
    case CONTAINER_OPERATION_START:
    case CONTAINER_OPERATION_RESTART:
    case CONTAINER_OPERATION_PAUSE:
    case CONTAINER_OPERATION_UNPAUSE:
    case CONTAINER_OPERATION_MOUNT:
    case CONTAINER_OPERATION_COUNT:
        return false;
    }
    return false;
}

bool step_is_wait(enum step step)
{
    return step == STEP_AWAIT_STOP || step == STEP_AWAIT_DEATH || step == STEP_AWAIT_REQUIREMENTS;
}

const char *step_name(enum step step)
{
    return names[step];
}
