/*
 * The limits of a configuration as a runtime's `update` takes them. All of them are said, so that
 * what is no limit now takes away one that was.
 */
#ifndef GANTRY_WORKER_IO_LIMITS_H
#define GANTRY_WORKER_IO_LIMITS_H

#include "common/error.h"
#include "schemas/container_config.h"

/* The JSON text, on the heap, in the words of the runtime of this name. -EINVAL. */
int limits_write(const struct container_config *config, const char *runtime, char **ret,
                 struct error *err);

#endif
