/*
 * What is different between two moments of the fleet: hosts and containers that came, went or
 * changed. Pure, over rows at hand.
 */
#ifndef GANTRY_OPS_CONSOLE_DIFFERENCES_H
#define GANTRY_OPS_CONSOLE_DIFFERENCES_H

#include "common/arena.h"
#include "ops/console/fleet_rows.h"

/* One thing that is different. Texts are borrowed from the rows and from the arena. */
struct difference {
    const char *kind; /* "host" or "container" */
    const char *id;   /* of a container; "" for a host */
    const char *name;
    const char *host;
    const char *what; /* "appeared", "removed", or what has changed: "state", "exit code" */
    const char *from; /* "": nothing */
    const char *to;
};

struct differences {
    struct difference *items; /* in the arena */
    size_t count;
};

/* The fleet at a moment; both lists in order of their keys. */
struct fleet_rows {
    struct container_rows containers;
    struct host_rows hosts;
};

/* Hosts first, then containers, each in order of their keys. */
void differences_find(const struct fleet_rows *from, const struct fleet_rows *to,
                      struct differences *ret, struct arena *arena);

#endif
