/*
 * What an update makes of a container's configuration. Pure; the fold, the worker and the broker's
 * admission go by the same rules.
 */
#ifndef GANTRY_COMMON_FLEET_CONFIG_UPDATE_H
#define GANTRY_COMMON_FLEET_CONFIG_UPDATE_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/fleet/refusal.h"
#include "schemas/commands.h"
#include "schemas/container_config.h"

/* Whether the update makes sense by itself. FAILURE_NONE, or why not, also in `why`. */
enum failure config_update_check(const struct container_update *update, struct refusal *why);

/* Change `config` as a checked update says; its texts are borrowed. */
void config_update_apply(struct container_config *config, const struct container_update *update);

/* A changed copy; all of it is in `arena`. */
struct container_config *config_updated(const struct container_config *config,
                                        const struct container_update *update, struct arena *arena);

/* Whether it changes a limit, which a live container must be told of. */
bool config_update_has_limits(const struct container_update *update);

#endif
