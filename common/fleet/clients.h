/* Each client's high-water mark, for a day after its last word. For the fold only. */
#ifndef GANTRY_COMMON_FLEET_CLIENTS_H
#define GANTRY_COMMON_FLEET_CLIENTS_H

#include "common/fleet/fleet.h"

/* The client of `id` has said it in `record`. -EPROTO when its sequence is not above the mark. */
int clients_heard(const struct view *view, struct command_id id, const struct record *record,
                  struct error *err);

/* It had said it to a log that is lost; what it says later may be known already. */
int clients_recovered(const struct view *view, struct command_id id, const struct record *record,
                      struct error *err);

#endif
