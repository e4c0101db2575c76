/* Names of containers for records that carry only their ids. */
#ifndef GANTRY_OPS_CONSOLE_EVENT_NAMES_H
#define GANTRY_OPS_CONSOLE_EVENT_NAMES_H

#include "common/auto.h"
#include "ops/console/fleet_rows.h"
#include "schemas/record.h"

struct event_names;

struct event_names *event_names_new(void);
void event_names_destroy(struct event_names *names);
DEFINE_AUTODESTROY(event_names)

void event_names_learn_rows(struct event_names *names, const struct container_rows *rows);

/* The name of the record's container, learned from container.created; NULL when it is not known.
 * A container that is removed is forgotten after this. Borrowed until the next call. */
const char *event_names_of(struct event_names *names, const struct record *record);

#endif
