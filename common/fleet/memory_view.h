/* A view in memory: for the console's history, for tests and for checking a rebuild. */
#ifndef GANTRY_COMMON_FLEET_MEMORY_VIEW_H
#define GANTRY_COMMON_FLEET_MEMORY_VIEW_H

#include "common/auto.h"
#include "common/fleet/fleet.h"

struct memory_view;

struct memory_view *memory_view_new(void);
void memory_view_destroy(struct memory_view *memory);
DEFINE_AUTODESTROY(memory_view)

/* The view to hand to fleet_apply(); lives as long as `memory`. */
const struct view *memory_view_view(struct memory_view *memory);

#endif
