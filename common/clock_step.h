/*
 * Whether a wall clock has been set: it has moved otherwise than the steady clock beside it. Pure:
 * both times are arguments. Slow corrections, as a time service makes them, are none.
 */
#ifndef GANTRY_COMMON_CLOCK_STEP_H
#define GANTRY_COMMON_CLOCK_STEP_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_MIN_MS 5000

struct clock_step {
    bool has_looked;
    int64_t apart_ms; /* the wall clock before the steady one, when they were looked at last */
};

/* Look at both. True when the wall clock was set since the last look, by `ret_by_ms`: forwards, or
 * backwards when it is negative. */
bool clock_step_look(struct clock_step *step, uint64_t wall_ns, uint64_t steady_ms,
                     int64_t *ret_by_ms);

#endif
