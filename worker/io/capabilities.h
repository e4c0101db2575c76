/*
 * Linux capabilities of a container: podman's default set, what is added and dropped, by name.
 */
#ifndef GANTRY_WORKER_IO_CAPABILITIES_H
#define GANTRY_WORKER_IO_CAPABILITIES_H

#include <stdint.h>

#include "common/error.h"
#include "schemas/container_config.h"

#define CAPABILITY_COUNT 41

/* "CAP_CHOWN" for 0. */
const char *capability_name(unsigned number);

/* A bit for each. `ret_bounding` is what the container may ever have; `ret_ambient` what a user
 * that is not root gets, namely what was asked for by name. -EINVAL names what is no capability. */
int capabilities_choose(const struct container_config *config, uint64_t *ret_bounding,
                        uint64_t *ret_ambient, struct error *err);

#endif
