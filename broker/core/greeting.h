/*
 * What a worker's hello means for the log: whether its journal goes on where the log has it, takes
 * over from another one, or knows more than the log does and has to tell it. Pure.
 *
 * Three things are never mixed: what two journals say under one host's name, what two copies of one
 * journal say, and what a worker has done by one log's word with what another log would tell it to
 * do. Two copies have the same incarnations; but each start has a session of its own, and who does
 * not know the one that was welcomed last has not gone on from there.
 */
#ifndef GANTRY_BROKER_CORE_GREETING_H
#define GANTRY_BROKER_CORE_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fleet/refusal.h"
#include "schemas/bus.h"
#include "schemas/rows.h"

struct greeting_question {
    const struct hello *said;
    const struct host_row *row; /* what the view has of the host; NULL: nothing */
    struct command_id log;      /* the broker's */
    uint64_t commands_head;     /* of the host: no command for it lies beyond */
    bool is_recovering;         /* workers may tell what the log lacks */
    bool is_accepted;           /* another journal may take over this host */
    bool is_taken;              /* another worker speaks for the host, and is heard */
    const char *speaker;        /* who that is */
};

struct greeting {
    bool is_takeover; /* from the journal that is known: if there is nothing to lose, or accepted */
    bool is_recovery; /* the worker tells all, its journal's events from `from` on first */
    uint64_t from;
    struct refusal refusal; /* FAILURE_NONE: welcome */
};

/* Whether it is said by the worker of the row: by this very start of it. */
bool greeting_is_same(const struct hello *said, const struct host_row *row);

void greeting_judge(const struct greeting_question *question, struct greeting *ret);

#endif
