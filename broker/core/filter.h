/* Which records a watcher wants. Pure. */
#ifndef GANTRY_BROKER_CORE_FILTER_H
#define GANTRY_BROKER_CORE_FILTER_H

#include <stdbool.h>

#include "schemas/bus.h"
#include "schemas/record.h"

/*
 * Whether `record` passes all parts of the request: kind, hosts, containers, types. An empty list
 * passes everything; a record without a host (or a container) passes no list of them. A type that
 * ends with a dot ("container.") passes all that begin with it.
 */
bool filter_passes(const struct watch *watch, const struct record *record);

#endif
