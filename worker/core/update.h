/*
 * An update as the worker carries it out: made into a whole new configuration before anything is
 * done, which the run is told of while it lives, and which the row has once that has succeeded.
 */
#ifndef GANTRY_WORKER_CORE_UPDATE_H
#define GANTRY_WORKER_CORE_UPDATE_H

#include "worker/core/unit.h"

/* Make `command->config` of an update of this container: when it begins, and when it is taken up
 * again. FAILURE_NONE, or why no container can be so, also in `why`. */
enum failure update_prepare(const struct unit *unit, struct command *command, struct refusal *why);

#endif
