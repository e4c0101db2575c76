/*
 * What a worker does for a container, as data: an operation is a const list of steps, each with
 * the states in which it is needed, the intent that is journalled before it, the fact that is
 * journalled after it, and what takes it back when a later step fails.
 *
 * Pure. The machine that goes through a list is lifecycle.h.
 */
#ifndef GANTRY_WORKER_CORE_OPERATION_H
#define GANTRY_WORKER_CORE_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fleet/container_state.h"

/* The journal keeps their numbers: never renumber. */
enum step {
    STEP_NONE = 0,
    STEP_MAKE_DIRECTORIES,
    STEP_CREATE_RUNTIME,
    STEP_RESOLVE_CREATE, /* after a restart: what became of a CREATE_RUNTIME */
    STEP_START_RUNTIME,
    STEP_SIGNAL_STOP,  /* the configured stop signal, to all processes */
    STEP_SIGNAL_ASKED, /* the signal of a kill command, to init */
    STEP_SIGNAL_KILL,  /* SIGKILL, to all processes */
    STEP_AWAIT_STOP,   /* wait for the exit until the stop's time-out */
    STEP_AWAIT_DEATH,  /* wait for the exit after SIGKILL, DEATH_WAIT_MS at most */
    STEP_PAUSE,
    STEP_UNPAUSE,
    STEP_DELETE_RUNTIME,
    STEP_REMOVE_DIRECTORIES,
    STEP_NOTE, /* nothing to do: its fact is all there is to it */
    STEP_UPDATE_LIMITS,
    STEP_AWAIT_REQUIREMENTS, /* wait until all runs that the container requires */
    STEP_PULL_IMAGE,
    STEP_COMMIT,
    STEP_COPY,
    STEP_MOUNT,
    STEP_UNMOUNT,
    STEP_COUNT,
};

/* After SIGKILL a stop is told to have failed when nothing died for so long; the watch goes on. */
#define DEATH_WAIT_MS 60000

/* The time-out of a stop that never becomes impatient. */
#define TIMEOUT_NEVER_S UINT32_MAX

struct step_row {
    enum step step;
    uint32_t needed_in;           /* bits of container states; in others it is left out */
    bool is_goal;                 /* not being in one of them is a failure of the operation */
    bool may_fail;                /* its failure is none of the operation's */
    bool is_patient;              /* left out when the time-out is 0 */
    bool is_of_limits;            /* left out when an update changes no limit */
    bool is_of_pull;              /* left out when there is no image to be pulled */
    enum container_event intent;  /* journalled before, unless it holds already */
    enum container_event fact;    /* journalled after success */
    enum container_event setback; /* journalled after failure */
    enum step undo;               /* when this or a later step failed */
    uint32_t undo_in;             /* bits of the states in which there is something to undo */
    enum container_event undo_fact;
};

struct step_list {
    const struct step_row *rows;
    size_t count;
};

/* The steps of an operation; `signal` matters for kill: only SIGKILL waits for the exit. */
struct step_list operation_steps(enum container_operation kind, uint32_t signal);

/* Whether what was asked for goes on after the host was restarted in the middle of it. Starts have
 * their own rule (lifecycle_resume_rebooted). */
bool operation_survives_reboot(enum container_operation kind, uint32_t signal);

/* Whether the step only waits: nobody carries it out. */
bool step_is_wait(enum step step);

/* "create-runtime"; "none" for STEP_NONE. */
const char *step_name(enum step step);

static inline uint32_t state_bit(uint32_t state)
{
    return UINT32_C(1) << state;
}

#endif
