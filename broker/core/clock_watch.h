/*
 * Whether a host's clock says something else than the broker's, and whether that is to be told:
 * when it is off by more than CLOCK_OFF_MAX_MS, when that has changed by as much, and when it is
 * right again; not more than once in CLOCK_PAUSE_MS. Pure: time is an argument (a monotonic
 * clock's).
 *
 * What a host says may have been under way for long, or be said twice after a broken connection: so
 * one word is not believed, only the next one that says the same.
 */
#ifndef GANTRY_BROKER_CORE_CLOCK_WATCH_H
#define GANTRY_BROKER_CORE_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_OFF_MAX_MS 5000
#define CLOCK_PAUSE_MS   60000

struct clock_watch {
    int64_t heard_ms; /* what it was off by the last time */
    int64_t told_ms;  /* what was told last; 0: that it is right, or nothing yet */
    uint64_t told_at_ms;
    bool has_heard;
    bool has_told;
};

/* The host's clock is `off_ms` before the broker's, or behind it when that is negative. */
bool clock_watch_hear(struct clock_watch *watch, int64_t off_ms, uint64_t now_ms);

#endif
