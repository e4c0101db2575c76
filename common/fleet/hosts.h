/* The hosts' part of the fold. For fleet_apply() only. */
#ifndef GANTRY_COMMON_FLEET_HOSTS_H
#define GANTRY_COMMON_FLEET_HOSTS_H

#include "common/fleet/fleet.h"

/* host.hello: a worker speaks for the host. With another journal than before, the old one's
 * containers are gone; with a smaller incarnation of the same one it is fenced: -EPROTO. */
int hosts_hello(const struct view *view, const struct record *record, struct error *err);

/* host.unreachable, host.reachable. */
int hosts_unreachable(const struct view *view, const struct record *record, struct error *err);
int hosts_reachable(const struct view *view, const struct record *record, struct error *err);

/* An event of a worker's journal is in the log. -EPROTO for one that was there before: it must not
 * be folded again. */
int hosts_journal(const struct view *view, const struct record *record, struct error *err);

#endif
