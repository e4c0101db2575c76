/*
 * Which unit wants to be woken first: a binary heap, so that thousands of containers in their
 * back-off cost nothing while nothing is due.
 *
 * Owner: the engine. Units are borrowed; they keep their place in `deadline_index`.
 */
#ifndef GANTRY_WORKER_CORE_DEADLINES_H
#define GANTRY_WORKER_CORE_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

struct unit;

struct deadlines {
    struct unit **heap; /* the place of the i-th, from 1, is i - 1 */
    size_t count;
    size_t capacity;
};

/* Put, move or (UINT64_MAX) take out the unit. */
void deadlines_set(struct deadlines *deadlines, struct unit *unit, uint64_t deadline_ms);

/* The unit with the earliest deadline; NULL when there is none. */
struct unit *deadlines_first(const struct deadlines *deadlines);

void deadlines_done(struct deadlines *deadlines);

#endif
