/* --userns, --uidmap and --gidmap, in podman's words, made into a container's id maps. */
#ifndef GANTRY_OPS_CONSOLE_USERNS_ARGS_H
#define GANTRY_OPS_CONSOLE_USERNS_ARGS_H

#include "common/arena.h"
#include "common/error.h"
#include "ops/console/run_options.h"
#include "schemas/container_config.h"

/* One of the maps stands for both; "0:100000" for one id. */
int userns_args_take(const struct run_options *options, struct arena *arena,
                     struct container_config *ret, struct error *err);

#endif
