/*
 * Which rows of the view a snapshot holds, and how they get into it and out again.
 *
 * Commands that have ended are most of a view, and nobody asks for them at a moment past: only
 * those are held that had no outcome yet, which a fold has to know. They are found by keeping a
 * list of those that may be so, because the view has no order of that kind.
 */
#ifndef GANTRY_BROKER_PAST_VIEW_H
#define GANTRY_BROKER_PAST_VIEW_H

#include "broker/io/past_store.h"
#include "common/fleet/fleet.h"

/* Commands that may be without an outcome: all that are, and others. Starts as { 0 }. */
struct past_pending {
    struct command_id *ids;
    size_t count;
    size_t capacity;
};

void past_pending_clear(struct past_pending *pending);
void past_pending_add(struct past_pending *pending, struct command_id id);

/* Those of the view; walks all its commands. */
int past_pending_scan(struct past_pending *pending, const struct view *view, struct error *err);

/* Those that the snapshot holds. */
int past_pending_load(struct past_pending *pending, struct past_store *store,
                      const struct past_snapshot *snapshot, struct error *err);

/* Write what a snapshot holds of the view. Of `pending` those are left that are. */
int past_view_write(const struct view *view, struct past_pending *pending,
                    struct past_writer *writer, struct error *err);

/* Put what the snapshot holds into a view, which is empty. -EUCLEAN when it is damaged. */
int past_view_load(struct past_store *store, const struct past_snapshot *snapshot,
                   const struct view *view, struct error *err);

#endif
