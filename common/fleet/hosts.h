/* The hosts' part of the fold. For fleet_apply() only. */
#ifndef GANTRY_COMMON_FLEET_HOSTS_H
#define GANTRY_COMMON_FLEET_HOSTS_H

#include <stdbool.h>

#include "common/fleet/fleet.h"

/* host.hello: a worker speaks for the host. With another journal than before, the old one's
 * containers are gone; with a smaller incarnation of the same one it is fenced: -EPROTO. */
int hosts_hello(const struct view *view, const struct record *record, struct error *err);

/* host.unreachable, host.reachable. */
int hosts_unreachable(const struct view *view, const struct record *record, struct error *err);
int hosts_reachable(const struct view *view, const struct record *record, struct error *err);

/* host.lost: what is left of the host is forgotten but its own row. -EPROTO for a host of which
 * another journal has become known, or that is heard. */
int hosts_lost(const struct view *view, const struct record *record, struct error *err);

/* host.recovering: the host's containers are forgotten until its worker has told them.
 * host.recovered: it has told all. */
int hosts_recovering(const struct view *view, const struct record *record, struct error *err);
int hosts_recovered(const struct view *view, const struct record *record, struct error *err);

/* One more of what a recovery tells, whether the view can follow it or not. -EPROTO when none goes
 * on. */
int hosts_count_recovered(const struct view *view, const struct record *record, struct error *err);

/* An event of a worker's journal is in the log. -EPROTO for one that was there before: it must not
 * be folded again. `ret_is_past`: it is told by a recovery, which says later what came of it. */
int hosts_journal(const struct view *view, const struct record *record, bool *ret_is_past,
                  struct error *err);

#endif
