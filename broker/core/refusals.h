/*
 * Which refused workers of a host have been told of: each one once, and not more than one in
 * REFUSALS_PAUSE_MS, so that a worker that comes again and again, or under a new face each time,
 * does not fill the log. Pure: time is an argument (a monotonic clock's).
 */
#ifndef GANTRY_BROKER_CORE_REFUSALS_H
#define GANTRY_BROKER_CORE_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/id.h"
#include "schemas/failure.h"

#define REFUSALS_KEPT     8
#define REFUSALS_PAUSE_MS 60000

/* Who was refused, and why. */
struct refused_worker {
    struct command_id journal;
    uint64_t session; /* 0: it does not say */
    uint64_t incarnation;
    enum failure failure; /* FAILURE_NONE: nobody */
};

struct refusals {
    struct refused_worker told[REFUSALS_KEPT]; /* a ring */
    unsigned count;                            /* of all that were told */
    uint64_t told_ms;                          /* when the last one was */
};

/* Whether this one is to be told of now; it is remembered then. */
bool refusals_note(struct refusals *refusals, const struct refused_worker *worker, uint64_t now_ms);

#endif
