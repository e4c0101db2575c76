/*
 * Writing down: events with the fold of each into its container's row, outcomes of commands, and
 * what is to be done once that is durable. All of one turn goes into one batch.
 *
 * Owner: the engine. `now` and `batch` are of the call that the engine is in.
 */
#ifndef GANTRY_WORKER_CORE_LEDGER_H
#define GANTRY_WORKER_CORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fleet/container_state.h"
#include "common/fleet/refusal.h"
#include "worker/core/batch.h"
#include "worker/core/errand.h"
#include "worker/core/names.h"
#include "worker/core/stock.h"
#include "worker/core/unit.h"

struct engine_time {
    uint64_t wall_ns;   /* since 1970: what events say */
    uint64_t steady_ms; /* since boot: what timers go by */
};

enum outcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_REFUSED, OUTCOME_EXPIRED };

struct ledger {
    char *host;
    uint64_t incarnation;
    uint64_t last_seq;
    struct names names;
    struct unit *units;        /* all, by id; the engine's */
    struct unit_list restless; /* to be settled before the engine's call ends */
    struct stock stock;
    struct errands errands;
    bool is_full; /* the journal: nothing is begun that nobody has to have */
    struct engine_time now;
    struct batch *batch;
};

/* Journal what happened and fold it into the row. `body` is the struct of the event's schema, or
 * NULL. False, and nothing is written, when the event is not legal in the container's state: what
 * it says is out of date. */
bool ledger_event(struct ledger *ledger, struct unit *unit, enum container_event event,
                  struct command_id cause, const void *body);

/* Journal the end of a command, and release the name that it held in vain. `why` is NULL for
 * OUTCOME_DONE. */
void ledger_outcome(struct ledger *ledger, const struct unit *unit, const struct command *command,
                    enum outcome outcome, const struct refusal *why);

/* Append an event that is about no container. The record says type and cause; `body` as in
 * ledger_event(). */
void ledger_append(struct ledger *ledger, struct record *record, const void *body);

/* The end of a command about images or volumes. */
void ledger_errand_outcome(struct ledger *ledger, const struct errand *errand, enum outcome outcome,
                           const struct refusal *why);

/* The same for a command that never came to a container. */
void ledger_refuse_record(struct ledger *ledger, const struct record *record,
                          const struct refusal *why);
void ledger_end_record(struct ledger *ledger, const struct record *record, enum outcome outcome,
                       const struct refusal *why);

/* Keep a command until its outcome. */
void ledger_keep_command(struct ledger *ledger, const struct record *record);

void ledger_cursor(struct ledger *ledger, uint64_t pos);

/* Ask for a step, or for the exit files of a run to be forgotten. */
void ledger_ask_step(struct ledger *ledger, const struct unit *unit, enum step step,
                     uint32_t signal);
void ledger_forget_exit(struct ledger *ledger, const char *id, uint32_t run);

/* Ask for an errand's next action, or for an upload to be forgotten. */
void ledger_ask_errand(struct ledger *ledger, const struct errand *errand);
void ledger_forget_upload(struct ledger *ledger, const char *upload);

/* Save what has changed of the unit since the last time; drop its rows when it is removed. */
void ledger_save(struct ledger *ledger, struct unit *unit);

#endif
