/* Whether a wall clock has been set; see the header. */
#include "common/clock_step.h"

#define NS_PER_MS 1000000

bool clock_step_look(struct clock_step *step, uint64_t wall_ns, uint64_t steady_ms,
                     int64_t *ret_by_ms)
{
    int64_t apart_ms = (int64_t)(wall_ns / NS_PER_MS) - (int64_t)steady_ms;
    int64_t by_ms = step->has_looked ? apart_ms - step->apart_ms : 0;

    step->has_looked = true;
    step->apart_ms = apart_ms;
    if (by_ms > -CLOCK_STEP_MIN_MS && by_ms < CLOCK_STEP_MIN_MS)
        return false;
    *ret_by_ms = by_ms;
    return true;
}
