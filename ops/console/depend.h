/*
 * Which containers require which: who goes with whom, and in what order. Pure, over rows at hand.
 *
 * Arrays are as long as the rows and go with them by number; rows are in order of their ids, as
 * fleet_containers() gives them. A requirement that has no row counts for nothing.
 */
#ifndef GANTRY_OPS_CONSOLE_DEPEND_H
#define GANTRY_OPS_CONSOLE_DEPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/console/fleet_rows.h"

enum depend_order {
    DEPEND_NO_ORDER,
    DEPEND_REQUIRED_FIRST,   /* as they are started */
    DEPEND_DEPENDANTS_FIRST, /* as they are stopped and removed */
};

/* Add to those that are chosen all that require one of them, and all that require those. */
void depend_add_dependants(const struct container_rows *rows, bool *chosen);

/*
 * The ranks of the chosen ones: what stands before another has a smaller one, and those of one
 * rank have nothing to do with each other. Returns how many ranks there are.
 */
uint32_t depend_rank(const struct container_rows *rows, const bool *chosen, enum depend_order order,
                     uint32_t *ret_ranks);

#endif
