/*
 * What the engine is made of: for its own files only.
 */
#ifndef GANTRY_WORKER_CORE_ENGINE_STATE_H
#define GANTRY_WORKER_CORE_ENGINE_STATE_H

#include "worker/core/deadlines.h"
#include "worker/core/engine.h"
#include "worker/core/unit.h"

struct engine {
    struct ledger ledger;
    uint64_t cursor;
    bool is_full;
    struct deadlines deadlines;
};

/* NULL: there is no such container. */
struct unit *engine_unit(const struct engine *engine, const char *id);

#endif
