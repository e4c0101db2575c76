/* A container's states as tables; see the header. */
#include "common/fleet/container_state.h"

#include <assert.h>
#include <string.h>

static const char *const state_names[CONTAINER_STATE_COUNT] = {
    [CONTAINER_UNKNOWN] = "unknown",   [CONTAINER_CONFIGURED] = "configured",
    [CONTAINER_CREATED] = "created",   [CONTAINER_RUNNING] = "running",
    [CONTAINER_STOPPED] = "stopped",   [CONTAINER_PAUSED] = "paused",
    [CONTAINER_EXITED] = "exited",     [CONTAINER_REMOVING] = "removing",
    [CONTAINER_STOPPING] = "stopping",
};

static const char *const event_types[CONTAINER_EVENT_COUNT] = {
    [CONTAINER_EVENT_NONE] = "none",
    [CONTAINER_EVENT_CREATED] = "container.created",
    [CONTAINER_EVENT_INITIALIZED] = "container.initialized",
    [CONTAINER_EVENT_INIT_FAILED] = "container.init_failed",
    [CONTAINER_EVENT_STARTED] = "container.started",
    [CONTAINER_EVENT_STOPPING] = "container.stopping",
    [CONTAINER_EVENT_SIGNALLED] = "container.signalled",
    [CONTAINER_EVENT_DIED] = "container.died",
    [CONTAINER_EVENT_CLEANED] = "container.cleaned",
    [CONTAINER_EVENT_PAUSED] = "container.paused",
    [CONTAINER_EVENT_UNPAUSED] = "container.unpaused",
    [CONTAINER_EVENT_RESTARTING] = "container.restarting",
    [CONTAINER_EVENT_REMOVING] = "container.removing",
    [CONTAINER_EVENT_REMOVED] = "container.removed",
    [CONTAINER_EVENT_RENAMED] = "container.renamed",
    [CONTAINER_EVENT_UPDATED] = "container.updated",
};

static const char *const operation_types[CONTAINER_OPERATION_COUNT] = {
    [CONTAINER_OPERATION_NONE] = "none",
    [CONTAINER_OPERATION_CREATE] = "container.create",
    [CONTAINER_OPERATION_INIT] = "container.init",
    [CONTAINER_OPERATION_START] = "container.start",
    [CONTAINER_OPERATION_STOP] = "container.stop",
    [CONTAINER_OPERATION_RESTART] = "container.restart",
    [CONTAINER_OPERATION_KILL] = "container.kill",
    [CONTAINER_OPERATION_PAUSE] = "container.pause",
    [CONTAINER_OPERATION_UNPAUSE] = "container.unpause",
    [CONTAINER_OPERATION_CLEANUP] = "container.cleanup",
    [CONTAINER_OPERATION_REMOVE] = "container.remove",
    [CONTAINER_OPERATION_FORCE_REMOVE] = "container.remove",
    [CONTAINER_OPERATION_RENAME] = "container.rename",
    [CONTAINER_OPERATION_UPDATE] = "container.update",
    [CONTAINER_OPERATION_COMMIT] = "container.commit",
    [CONTAINER_OPERATION_COPY] = "container.copy",
    [CONTAINER_OPERATION_MOUNT] = "container.mount",
    [CONTAINER_OPERATION_UNMOUNT] = "container.unmount",
};

/* clang-format off */

/* The state after an event. Nothing leads back to CONTAINER_UNKNOWN, so zero is "illegal". */
static const enum container_state transitions[CONTAINER_STATE_COUNT][CONTAINER_EVENT_COUNT] = {
    [CONTAINER_UNKNOWN] = { /* being created */
        [CONTAINER_EVENT_CREATED]     = CONTAINER_CONFIGURED,
    },
    [CONTAINER_CONFIGURED] = {
        [CONTAINER_EVENT_INITIALIZED] = CONTAINER_CREATED,
        [CONTAINER_EVENT_INIT_FAILED] = CONTAINER_CONFIGURED,
        [CONTAINER_EVENT_CLEANED]     = CONTAINER_CONFIGURED,
        [CONTAINER_EVENT_REMOVING]    = CONTAINER_REMOVING,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_CONFIGURED,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_CONFIGURED,
    },
    [CONTAINER_CREATED] = {
        [CONTAINER_EVENT_STARTED]     = CONTAINER_RUNNING,
        [CONTAINER_EVENT_STOPPING]    = CONTAINER_STOPPING,
        [CONTAINER_EVENT_DIED]        = CONTAINER_STOPPED,
        [CONTAINER_EVENT_CLEANED]     = CONTAINER_CONFIGURED,
        [CONTAINER_EVENT_REMOVING]    = CONTAINER_REMOVING,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_CREATED,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_CREATED,
    },
    [CONTAINER_RUNNING] = {
        [CONTAINER_EVENT_STOPPING]    = CONTAINER_STOPPING,
        [CONTAINER_EVENT_SIGNALLED]   = CONTAINER_RUNNING,
        [CONTAINER_EVENT_DIED]        = CONTAINER_STOPPED,
        [CONTAINER_EVENT_PAUSED]      = CONTAINER_PAUSED,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_RUNNING,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_RUNNING,
    },
    [CONTAINER_PAUSED] = {
        [CONTAINER_EVENT_STOPPING]    = CONTAINER_STOPPING, /* a forced remove */
        [CONTAINER_EVENT_SIGNALLED]   = CONTAINER_PAUSED,
        [CONTAINER_EVENT_DIED]        = CONTAINER_STOPPED,
        [CONTAINER_EVENT_UNPAUSED]    = CONTAINER_RUNNING,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_PAUSED,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_PAUSED,
    },
    [CONTAINER_STOPPING] = {
        [CONTAINER_EVENT_STOPPING]    = CONTAINER_STOPPING, /* asked again, perhaps less patiently */
        [CONTAINER_EVENT_SIGNALLED]   = CONTAINER_STOPPING,
        [CONTAINER_EVENT_DIED]        = CONTAINER_STOPPED,
        [CONTAINER_EVENT_CLEANED]     = CONTAINER_EXITED,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_STOPPING,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_STOPPING,
    },
    [CONTAINER_STOPPED] = {
        [CONTAINER_EVENT_INIT_FAILED] = CONTAINER_STOPPED,
        [CONTAINER_EVENT_CLEANED]     = CONTAINER_EXITED,
        [CONTAINER_EVENT_RESTARTING]  = CONTAINER_STOPPED,
        [CONTAINER_EVENT_REMOVING]    = CONTAINER_REMOVING,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_STOPPED,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_STOPPED,
    },
    [CONTAINER_EXITED] = {
        [CONTAINER_EVENT_INITIALIZED] = CONTAINER_CREATED,
        [CONTAINER_EVENT_INIT_FAILED] = CONTAINER_EXITED,
        [CONTAINER_EVENT_CLEANED]     = CONTAINER_EXITED,
        [CONTAINER_EVENT_RESTARTING]  = CONTAINER_EXITED,
        [CONTAINER_EVENT_REMOVING]    = CONTAINER_REMOVING,
        [CONTAINER_EVENT_RENAMED]     = CONTAINER_EXITED,
        [CONTAINER_EVENT_UPDATED]     = CONTAINER_EXITED,
    },
    [CONTAINER_REMOVING] = {
        [CONTAINER_EVENT_DIED]        = CONTAINER_REMOVING,
        [CONTAINER_EVENT_CLEANED]     = CONTAINER_REMOVING,
        [CONTAINER_EVENT_REMOVING]    = CONTAINER_REMOVING, /* removal was taken up again */
        [CONTAINER_EVENT_REMOVED]     = CONTAINER_REMOVING, /* the row goes */
    },
};

enum verdict { IMPROPER = 0, ALLOWED, STOPPED, EXISTS };

/* Whether an operation may begin. Columns: unknown, configured, created, running, stopped, paused,
 * exited, removing, stopping. */
static const enum verdict verdicts[CONTAINER_OPERATION_COUNT][CONTAINER_STATE_COUNT] = {
    [CONTAINER_OPERATION_CREATE] =
        { ALLOWED, EXISTS, EXISTS, EXISTS, EXISTS, EXISTS, EXISTS, EXISTS, EXISTS },
    [CONTAINER_OPERATION_INIT] =
        { IMPROPER, ALLOWED, IMPROPER, IMPROPER, ALLOWED, IMPROPER, ALLOWED, IMPROPER, IMPROPER },
    [CONTAINER_OPERATION_START] =
        { IMPROPER, ALLOWED, ALLOWED, IMPROPER, ALLOWED, IMPROPER, ALLOWED, IMPROPER, IMPROPER },
    [CONTAINER_OPERATION_STOP] =
        { IMPROPER, IMPROPER, ALLOWED, ALLOWED, STOPPED, IMPROPER, STOPPED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_RESTART] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED, IMPROPER, IMPROPER },
    [CONTAINER_OPERATION_KILL] =
        { IMPROPER, IMPROPER, IMPROPER, ALLOWED, IMPROPER, ALLOWED, IMPROPER, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_PAUSE] =
        { IMPROPER, IMPROPER, IMPROPER, ALLOWED, IMPROPER, IMPROPER, IMPROPER, IMPROPER, IMPROPER },
    [CONTAINER_OPERATION_UNPAUSE] =
        { IMPROPER, IMPROPER, IMPROPER, IMPROPER, IMPROPER, ALLOWED, IMPROPER, IMPROPER, IMPROPER },
    [CONTAINER_OPERATION_CLEANUP] =
        { IMPROPER, ALLOWED, ALLOWED, IMPROPER, ALLOWED, IMPROPER, ALLOWED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_REMOVE] =
        { IMPROPER, ALLOWED, ALLOWED, IMPROPER, ALLOWED, IMPROPER, ALLOWED, ALLOWED, IMPROPER },
    [CONTAINER_OPERATION_FORCE_REMOVE] =
        { ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED },
    [CONTAINER_OPERATION_RENAME] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_UPDATE] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_COMMIT] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_COPY] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_MOUNT] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED },
    [CONTAINER_OPERATION_UNMOUNT] =
        { IMPROPER, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED, IMPROPER, ALLOWED },
};
/* clang-format on */

static const enum failure failures[] = {
    [IMPROPER] = FAILURE_STATE_IMPROPER,
    [ALLOWED] = FAILURE_NONE,
    [STOPPED] = FAILURE_ALREADY_STOPPED,
    [EXISTS] = FAILURE_CONTAINER_EXISTS,
};

/* The place of `name` in a table whose first row is no name; 0 when it is not there. */
static unsigned find_name(const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 1; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return 0;
}

const char *container_state_name(enum container_state state)
{
    return state < CONTAINER_STATE_COUNT ? state_names[state] : "bad state";
}

bool container_state_parse(const char *name, enum container_state *ret)
{
    unsigned found = find_name(state_names, CONTAINER_STATE_COUNT, name);

    if (found == 0 && strcmp(name, state_names[CONTAINER_UNKNOWN]) != 0)
        return false;
    *ret = (enum container_state)found;
    return true;
}

/* Asked several times for each event: only a type that begins as they all do, and goes on as this
 * one does, is compared. */
enum container_event container_event_of(const char *type)
{
    static const char beginning[] = "container.";
    const size_t size = sizeof(beginning) - 1;

    if (strncmp(type, beginning, size) != 0)
        return CONTAINER_EVENT_NONE;
    for (unsigned event = CONTAINER_EVENT_NONE + 1; event < CONTAINER_EVENT_COUNT; event++) {
        if (event_types[event][size] == type[size] && strcmp(event_types[event], type) == 0)
            return (enum container_event)event;
    }
    return CONTAINER_EVENT_NONE;
}

const char *container_event_type(enum container_event event)
{
    assert(event < CONTAINER_EVENT_COUNT);
    return event_types[event];
}

enum container_state container_state_after(enum container_state state, enum container_event event)
{
    enum container_state next = CONTAINER_UNKNOWN;

    assert(event < CONTAINER_EVENT_COUNT);
    if (state < CONTAINER_STATE_COUNT)
        next = transitions[state][event];
    return next != CONTAINER_UNKNOWN ? next : CONTAINER_STATE_COUNT;
}

enum container_operation container_operation_of(const char *type)
{
    return (enum container_operation)find_name(operation_types, CONTAINER_OPERATION_COUNT, type);
}

const char *container_operation_name(enum container_operation operation)
{
    const char *type;

    assert(operation < CONTAINER_OPERATION_COUNT);
    type = operation_types[operation];
    return operation == CONTAINER_OPERATION_NONE ? type : type + strlen("container.");
}

enum failure container_operation_allowed(enum container_operation operation,
                                         enum container_state state)
{
    assert(operation > CONTAINER_OPERATION_NONE && operation < CONTAINER_OPERATION_COUNT);
    if (state >= CONTAINER_STATE_COUNT)
        return FAILURE_STATE_IMPROPER;
    return failures[verdicts[operation][state]];
}
