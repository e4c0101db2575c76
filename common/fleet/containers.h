/*
 * The containers' part of the fold: rows and names change together, so that a name always leads to
 * a row and back. For fleet_apply() only.
 */
#ifndef GANTRY_COMMON_FLEET_CONTAINERS_H
#define GANTRY_COMMON_FLEET_CONTAINERS_H

#include "common/fleet/fleet.h"

/* container.create was admitted: hold its id and its name by a row in CONTAINER_UNKNOWN. -EPROTO
 * when one of them is taken or makes no sense. */
int containers_reserve(const struct view *view, const struct record *command, struct error *err);

/* The container.create at position `pos` came to nothing: give back what it holds, if it does. */
int containers_release(const struct view *view, const char *id, uint64_t pos, struct error *err);

/* container.rename was admitted: hold the new name. -EPROTO when it is taken or makes no sense. */
int containers_hold_name(const struct view *view, const struct record *command, struct error *err);

/* A rename to `name` has ended: if its container is not called so now, give back what it held. */
int containers_release_name(const struct view *view, const struct command_row *command,
                            struct error *err);

/* An event of a container. */
int containers_event(const struct view *view, const struct record *record, struct error *err);

/* container.recovered: its row, whatever was known of it. -EPROTO when another host has it, or its
 * name is taken. */
int containers_recovered(const struct view *view, const struct record *record, struct error *err);

/* container.lost: its row and its name go. -EPROTO when it is not there. */
int containers_lost(const struct view *view, const struct record *record, struct error *err);

/* A new journal under a host's name knows nothing of the old one's containers: drop their rows,
 * but not those that are still being created. */
int containers_drop_host(const struct view *view, const char *host, struct error *err);

#endif
