/* What was said to run or create, made into a container's configuration. */
#ifndef GANTRY_OPS_CONSOLE_CONFIG_FROM_ARGS_H
#define GANTRY_OPS_CONSOLE_CONFIG_FROM_ARGS_H

#include "common/arena.h"
#include "common/error.h"
#include "ops/console/run_options.h"
#include "schemas/container_config.h"

/* The configuration, with its parts in `arena`; the name stays NULL when none was given.
 * `create_command` is the NULL-ended command line. Reads the environment and --env-file. */
int config_from_args(const struct run_options *options, char *const *create_command,
                     struct arena *arena, struct container_config *ret, struct error *err);

#endif
