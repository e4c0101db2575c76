/*
 * What a container does next: its own cleanup, removal or restart, or the first command that waits
 * for it; and which commands may pass an operation that waits for an exit.
 */
#ifndef GANTRY_WORKER_CORE_AGENDA_H
#define GANTRY_WORKER_CORE_AGENDA_H

#include "worker/core/ledger.h"
#include "worker/core/unit.h"

/* Begin everything that can begin now. */
void agenda_settle(struct ledger *ledger, struct unit *unit);

/* End a command that waits for the unit, without its having begun. */
void agenda_cancel(struct ledger *ledger, struct unit *unit, struct command *command);

/* When the unit wants to be settled again without anything having happened: steady clock,
 * UINT64_MAX for never. */
uint64_t agenda_deadline_ms(const struct ledger *ledger, const struct unit *unit);

#endif
