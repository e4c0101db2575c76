/* Whether a host's clock says something else; see the header. */
#include "broker/core/clock_watch.h"

static bool is_near(int64_t a_ms, int64_t b_ms)
{
    return a_ms - b_ms <= CLOCK_OFF_MAX_MS && b_ms - a_ms <= CLOCK_OFF_MAX_MS;
}

bool clock_watch_hear(struct clock_watch *watch, int64_t off_ms, uint64_t now_ms)
{
    bool is_believed = watch->has_heard && is_near(watch->heard_ms, off_ms);

    watch->has_heard = true;
    watch->heard_ms = off_ms;
    if (!is_believed)
        return false;
    if (is_near(off_ms, 0))
        off_ms = 0;
    if (off_ms == 0 ? watch->told_ms == 0 : is_near(off_ms, watch->told_ms) && watch->told_ms != 0)
        return false;
    if (watch->has_told && now_ms - watch->told_at_ms < CLOCK_PAUSE_MS)
        return false;
    watch->told_ms = off_ms;
    watch->told_at_ms = now_ms;
    watch->has_told = true;
    return true;
}
