/*
 * The machine that carries a container's operations out, one step after the other: it journals the
 * intent, asks for the step, journals the fact; it undoes in reverse what a failed operation did;
 * it ends every command with exactly one outcome.
 *
 * Pure. It never begins anything by itself: that is the agenda's.
 */
#ifndef GANTRY_WORKER_CORE_LIFECYCLE_H
#define GANTRY_WORKER_CORE_LIFECYCLE_H

#include "worker/core/ledger.h"
#include "worker/core/unit.h"

/* What came of a step. Texts are borrowed for the call. */
struct step_result {
    int code; /* 0 or a negative errno */
    enum failure failure;
    const char *text;
    struct container_initialized init; /* of CREATE_RUNTIME and RESOLVE_CREATE */
    const struct image *image;         /* of PULL_IMAGE and COMMIT */
    const char *word;                  /* of MOUNT: where */
};

/* Begin `kind` in `operation`, which is the unit's `current` or `passing` and free. Owns
 * `command`, which may be NULL. */
void lifecycle_begin(struct ledger *ledger, struct unit *unit, struct operation *operation,
                     enum container_operation kind, struct command *command);

/* The step in flight has ended. */
void lifecycle_result(struct ledger *ledger, struct unit *unit, const struct step_result *result);

/* The run has ended. */
void lifecycle_exit(struct ledger *ledger, struct unit *unit, uint32_t run,
                    const struct container_died *died);

/* Time has passed: go on with what has waited long enough. */
void lifecycle_tick(struct ledger *ledger, struct unit *unit);

/* After a restart of the worker: go on with open operations. `is_alive`: the run that the row
 * says is alive is so; otherwise its exit is still to be told by lifecycle_exit(). */
void lifecycle_resume(struct ledger *ledger, struct unit *unit, bool is_alive);

/* After a restart of the host, for all containers before any goes on: a run that lived has died, as
 * the exit says that the unit holds, or nobody knows how. */
void lifecycle_end_run(struct ledger *ledger, struct unit *unit);

/* After that. A start that has made no process run is a command that has not begun: it is carried
 * out like those that were still in the queue, or in the broker's log, when the host went down, and
 * nobody can tell the difference. One whose process may have run fails, since it shall not run
 * twice; then the restart policy decides. */
void lifecycle_resume_rebooted(struct ledger *ledger, struct unit *unit);

/* How long a stop of this container waits before SIGKILL: as the command says (it may be NULL),
 * else the configuration, else the default. */
uint32_t lifecycle_timeout_s(const struct unit *unit, const struct command *command);

/* The operation waits for an exit until a stop's time-out, which may be made shorter. */
bool lifecycle_is_patient(const struct operation *operation);

#endif
