/* The "mounts" of a spec: what every container has, what Gantry puts in, what the user wants. */
#ifndef GANTRY_WORKER_IO_SPEC_MOUNTS_H
#define GANTRY_WORKER_IO_SPEC_MOUNTS_H

#include "common/error.h"
#include "worker/io/spec.h"

struct json_t;

/* Parents before children; where the user and we want the same place, it is the user's. -EINVAL,
 * -ENOENT for a source that is not there. */
int spec_mounts(const struct spec_request *request, struct json_t **ret, struct error *err);

/* "shared" or "rslave" when a mount of the user's needs it (BEHAVIOUR GS-15), else NULL. */
const char *spec_root_propagation(const struct container_config *config);

#endif
