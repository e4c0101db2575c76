/*
 * What the engine is made of: for its own files only.
 */
#ifndef GANTRY_WORKER_CORE_ENGINE_STATE_H
#define GANTRY_WORKER_CORE_ENGINE_STATE_H

#include "worker/core/deadlines.h"
#include "worker/core/engine.h"
#include "worker/core/unit.h"

/* A command.cancel of the page that is being taken in. */
struct coming_cancel {
    uint64_t pos;
    struct command_id target;
    bool is_done; /* the command that it means came before it, and was not begun */
};

struct engine {
    struct ledger ledger;
    uint64_t cursor;
    struct deadlines deadlines;
    struct coming_cancel *coming; /* not reached yet */
    size_t coming_count;
};

/* Whether no command can be taken in now, or not this one; `why` says so then. */
bool engine_turns_away(const struct engine *engine, const struct record *record,
                       struct refusal *why);

/* What can begin begins; the unit may be gone afterwards. */
void engine_settle(struct engine *engine, struct unit *unit);

/* Whether the command is one that a cancel behind it in its page means. It has ended then. */
bool engine_is_cancelled(struct engine *engine, const struct record *record);

/* Carry out a command.cancel. */
void engine_cancel(struct engine *engine, const struct record *record);

/* NULL: there is no such container. */
struct unit *engine_unit(const struct engine *engine, const char *id);

#endif
