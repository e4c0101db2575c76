/* --memory, --cpus, --pids-limit, --ulimit and their like: what a container may use. */
#ifndef GANTRY_OPS_CONSOLE_LIMIT_ARGS_H
#define GANTRY_OPS_CONSOLE_LIMIT_ARGS_H

#include "common/arena.h"
#include "common/error.h"
#include "ops/console/run_options.h"
#include "schemas/container_config.h"

/* Set the limits in `config`; -EINVAL names the option that makes no sense. */
int limit_args_take(const struct run_options *options, struct arena *arena,
                    struct container_config *config, struct error *err);

#endif
