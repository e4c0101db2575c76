/*
 * A container as the engine knows it: its row (the fold of its events), the commands that wait for
 * it, the operation that is carried out, and what it plans to do by itself.
 *
 * Owner: the engine. At most one step of a container is carried out at a time. Two operations can
 * be under way only while the first one waits for an exit: a kill passes a waiting stop.
 */
#ifndef GANTRY_WORKER_CORE_UNIT_H
#define GANTRY_WORKER_CORE_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/failure.h"
#include "schemas/rows.h"
#include "worker/core/command.h"
#include "worker/core/operation.h"
#include "worker/core/plan.h"

/* Commands of one container that have no outcome yet; beyond, they are refused as busy. */
#define UNIT_COMMANDS_MAX 64

struct operation {
    enum container_operation kind; /* NONE: there is none */
    uint32_t index;                /* of its step; while undoing: rows before it may be undone */
    bool is_undoing;
    struct command *command;    /* owned; NULL: the container's own doing */
    struct command_list joined; /* stops that get this stop's outcome; initialised while there is
                                   an operation */
    uint32_t signal;
    uint32_t timeout_s;
    uint64_t wait_until_ms; /* steady clock; 0: does not wait */
    enum failure failure;
    char *text; /* why it fails, on the heap */
};

/* An exit that came while a step was carried out. */
struct held_exit {
    bool is_held;
    uint32_t run;
    struct container_died died;
};

struct unit {
    char id[CONTAINER_ID_SIZE + 1];
    const char *name; /* in the ledger's names */
    struct container_row row;
    struct arena arena; /* of the row's parts */
    struct command_list waiting;
    unsigned command_count; /* waiting, joined and under way */
    struct operation current;
    struct operation passing; /* a kill beside a waiting `current` */
    enum step in_flight;
    struct operation *flying; /* whose step is in flight */
    struct held_exit exit;
    bool is_exit_due; /* after a restart: the run has ended, its exit is still to be told */
    struct plan plan;
    struct unit **needed; /* these units, borrowed; the array is ours */
    size_t needed_count;
    unsigned dependant_count; /* units that require this one */
    bool is_asked_to_run;     /* by one of those, which waits for it */
    bool is_restless;         /* in the ledger's list of those to be settled */
    TAILQ_ENTRY(unit) restless_link;
    char *start_failure;   /* why the latest start failed; NULL when it did not */
    bool is_removed;       /* to be dropped */
    bool is_row_dirty;     /* the row is to be saved */
    struct buffer memo;    /* as it was saved the last time */
    size_t deadline_index; /* in the engine's deadlines; 0: none */
    uint64_t deadline_ms;
    UT_hash_handle by_id;
};

TAILQ_HEAD(unit_list, unit);

struct unit *unit_new(const char *id);
void unit_destroy(struct unit *unit);
DEFINE_AUTODESTROY(unit)

/* Take the row of the journal. -EBADMSG. */
int unit_load_row(struct unit *unit, struct bytes value, struct error *err);

/* Encode the row, and tidy the memory of its parts when they have grown. */
void unit_store_row(struct unit *unit, struct buffer *ret);

/* What the journal keeps besides the row: operations and plan. Nothing when there are none. */
void unit_store_memo(const struct unit *unit, struct buffer *ret);

/* Take it again, at the start: the commands that it names are taken out of `waiting`. -EBADMSG. */
int unit_load_memo(struct unit *unit, struct bytes value, struct error *err);

/* The id in such a value; borrowed from `arena`. NULL when it is none. */
const char *unit_memo_id(struct bytes value, struct arena *arena);

/* Nothing is under way. */
bool unit_is_idle(const struct unit *unit);

/* The row of the step that the operation is at; NULL beyond the last. */
const struct step_row *operation_row(const struct operation *operation);

/* The step of that row; NONE beyond the last. */
enum step operation_step(const struct operation *operation);

/* It makes a process run: a start or a restart. */
bool operation_is_start(const struct operation *operation);

/* Keep why it fails (`text` becomes its own), and turn it round: what was done is undone from the
 * last step backwards. */
void operation_fail(struct operation *operation, enum failure failure, char *text);

/* There is none any more; its commands have been taken out. */
void operation_clear(struct operation *operation);

/* The unit's operation has not begun: its command is again the first that waits, and what was the
 * policy's is planned again. */
void unit_unbegin(struct unit *unit, struct operation *operation);

/* The command behind it; zero for the container's own doing. */
struct command_id operation_cause(const struct operation *operation);

/* The configuration: of the row, or while it is being created or updated the new one. May be NULL.
 */
const struct container_config *unit_config(const struct unit *unit);

/* The run that the step is about: the next one for an init, else the row's. */
uint32_t unit_step_run(const struct unit *unit, enum step step);

/* Whether the run that the row is about lives, as far as is known. */
bool unit_is_live(const struct unit *unit);

#endif
