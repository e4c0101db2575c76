/*
 * What is journalled when a step has been carried out: the event with its body, and what the unit
 * keeps of it besides its row.
 */
#ifndef GANTRY_WORKER_CORE_FACTS_H
#define GANTRY_WORKER_CORE_FACTS_H

#include "worker/core/ledger.h"
#include "worker/core/lifecycle.h"
#include "worker/core/unit.h"

/* Journal `fact` as `operation`'s doing; NONE is legal, and so is one that is out of date. `result`
 * is the step's. */
void facts_say(struct ledger *ledger, struct unit *unit, const struct operation *operation,
               enum container_event fact, const struct step_result *result);

#endif
