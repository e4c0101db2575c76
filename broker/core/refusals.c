/* Which refused workers have been told of; see the header. */
#include "broker/core/refusals.h"

#include <stddef.h>

static bool is_same(const struct refused_worker *a, const struct refused_worker *b)
{
    return a->failure == b->failure && a->session == b->session &&
           a->incarnation == b->incarnation && command_id_equal(a->journal, b->journal);
}

bool refusals_note(struct refusals *refusals, const struct refused_worker *worker, uint64_t now_ms)
{
    for (size_t i = 0; i < REFUSALS_KEPT; i++) {
        if (is_same(&refusals->told[i], worker))
            return false;
    }
    if (refusals->count > 0 && now_ms - refusals->told_ms < REFUSALS_PAUSE_MS)
        return false;
    refusals->told[refusals->count++ % REFUSALS_KEPT] = *worker;
    refusals->told_ms = now_ms;
    return true;
}
