/*
 * What containers require of each other: who has to run before another starts, and who may not go
 * while another is there.
 *
 * A requirement is an edge to a container that was there when the dependant was created, so the
 * graph has no cycle but a container's edge to itself, which is refused. Edges are the units' own;
 * the journal keeps them as ids in the configuration.
 */
#ifndef GANTRY_WORKER_CORE_REQUIREMENTS_H
#define GANTRY_WORKER_CORE_REQUIREMENTS_H

#include "worker/core/ledger.h"
#include "worker/core/unit.h"

/* A container is to be created: find what it requires, by id or name, and write the ids into the
 * command's configuration. FAILURE_NONE, or why not, also in `why`. */
enum failure requirements_take(struct ledger *ledger, struct unit *unit, struct command *create,
                               struct refusal *why);

/* The same at the start, when all units are loaded. What is not there any more is left out. */
void requirements_link(struct ledger *ledger, struct unit *unit);

/* The unit is about to go: what it required is free of it, and wakes up. */
void requirements_drop(struct ledger *ledger, struct unit *unit);

/* Whether the operation may begin: an init needs what is required to run, a removal may leave
 * nobody behind. FAILURE_NONE, or why not, also in `why`. */
enum failure requirements_judge(const struct ledger *ledger, const struct unit *unit,
                                enum container_operation operation, struct refusal *why);

/* All that it requires runs. */
bool requirements_are_met(const struct unit *unit);

/* Ask those that do not run to start; they are settled later in the same call of the engine. */
void requirements_ask(struct ledger *ledger, const struct unit *unit);

/* One of them does not run and is not going to: why, on the heap; NULL: all run or may still. */
char *requirements_fault(const struct unit *unit);

/* Some do not run, but all of these may still. */
bool requirements_may_come(const struct unit *unit);

/* Something has happened to the unit: wake up who waits for it. */
void requirements_wake(struct ledger *ledger, const struct unit *unit);

#endif
