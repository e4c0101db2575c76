/*
 * A container's states, what moves it from one to another, and what may be asked of it in each:
 * const tables that the worker's guard, the broker's view and the printed diagram share.
 *
 * The rules are BEHAVIOUR.md section 2 with its corrections: a Stopping state, an exit counts in
 * Created too, and a reboot turns what ran into exited.
 */
#ifndef GANTRY_COMMON_FLEET_CONTAINER_STATE_H
#define GANTRY_COMMON_FLEET_CONTAINER_STATE_H

#include <stdbool.h>

#include "schemas/failure.h"
#include "schemas/rows.h"

/* Events that change the state: one for each event record of a container. */
enum container_event {
    CONTAINER_EVENT_NONE = 0,
    CONTAINER_EVENT_CREATED,     /* container.created */
    CONTAINER_EVENT_INITIALIZED, /* container.initialized */
    CONTAINER_EVENT_INIT_FAILED, /* container.init_failed */
    CONTAINER_EVENT_STARTED,     /* container.started */
    CONTAINER_EVENT_STOPPING,    /* container.stopping */
    CONTAINER_EVENT_SIGNALLED,   /* container.signalled */
    CONTAINER_EVENT_DIED,        /* container.died */
    CONTAINER_EVENT_CLEANED,     /* container.cleaned */
    CONTAINER_EVENT_PAUSED,
    CONTAINER_EVENT_UNPAUSED,
    CONTAINER_EVENT_RESTARTING,
    CONTAINER_EVENT_REMOVING,
    CONTAINER_EVENT_REMOVED,
    CONTAINER_EVENT_RENAMED, /* the state stays */
    CONTAINER_EVENT_UPDATED, /* likewise */
    CONTAINER_EVENT_COUNT,
};

/* A worker's journal keeps their numbers: never renumber. */
enum container_operation {
    CONTAINER_OPERATION_NONE = 0,
    CONTAINER_OPERATION_CREATE,
    CONTAINER_OPERATION_INIT,
    CONTAINER_OPERATION_START,
    CONTAINER_OPERATION_STOP,
    CONTAINER_OPERATION_RESTART,
    CONTAINER_OPERATION_KILL,
    CONTAINER_OPERATION_PAUSE,
    CONTAINER_OPERATION_UNPAUSE,
    CONTAINER_OPERATION_CLEANUP,
    CONTAINER_OPERATION_REMOVE,
    CONTAINER_OPERATION_FORCE_REMOVE,
    CONTAINER_OPERATION_RENAME,
    CONTAINER_OPERATION_UPDATE,
    CONTAINER_OPERATION_COMMIT,
    CONTAINER_OPERATION_COPY,
    CONTAINER_OPERATION_MOUNT,
    CONTAINER_OPERATION_UNMOUNT,
    CONTAINER_OPERATION_COUNT,
};

/* "running"; "bad state" beyond the last. */
const char *container_state_name(enum container_state state);
/* False for a text that is no state. */
bool container_state_parse(const char *name, enum container_state *ret);

/* "container.died" <-> CONTAINER_EVENT_DIED; NONE for other types. */
enum container_event container_event_of(const char *type);
const char *container_event_type(enum container_event event);

/* The state after the event, or CONTAINER_STATE_COUNT when it is illegal in this state. */
enum container_state container_state_after(enum container_state state, enum container_event event);

/* "container.start" <-> CONTAINER_OPERATION_START (remove without force for both removes). */
enum container_operation container_operation_of(const char *type);
const char *container_operation_name(enum container_operation operation); /* "start" */

/* Whether the operation may begin in this state: FAILURE_NONE, or why not. */
enum failure container_operation_allowed(enum container_operation operation,
                                         enum container_state state);

#endif
