/*
 * A container's life, followed in the log from a known moment until it is in a wanted state.
 */
#ifndef GANTRY_OPS_CONSOLE_LIFETIME_H
#define GANTRY_OPS_CONSOLE_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fleet/container_state.h"
#include "ops/console/console.h"

struct lifetime {
    char *container; /* its id; borrowed */
    uint64_t cursor; /* everything up to it is folded in */
    uint32_t wanted; /* states to wait for: 1 << CONTAINER_STOPPED | ... */
    enum container_state state;
    bool is_reached; /* it was in a wanted state */
    bool is_removed; /* or lost */
    bool is_lost;    /* with its host: nobody knows what became of it */
    bool has_exited; /* the exit below is of the latest run */
    bool exit_unknown;
    int32_t exit_code;
};

/* From a row of the view that holds everything up to `pos`. */
struct lifetime lifetime_of_row(const struct container_row *row, uint64_t pos, uint32_t wanted,
                                struct arena *arena);

/* Read on for at most `wait_ms`, or until the state is reached or the container is gone. */
int lifetime_follow(struct console *console, struct lifetime *lifetime, unsigned wait_ms,
                    struct error *err);

#endif
