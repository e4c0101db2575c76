/*
 * Artifacts: small files kept with a container, by name (BEHAVIOUR AR-1), in
 * STATE/containers/<id>/artifacts.
 *
 * Blocking; for pool threads. A name that is none (name_is_valid) is -EINVAL.
 */
#ifndef GANTRY_WORKER_IO_ARTIFACTS_H
#define GANTRY_WORKER_IO_ARTIFACTS_H

#include <stddef.h>

#include "common/bytes.h"
#include "common/error.h"
#include "worker/io/layout.h"

#define ARTIFACT_SIZE_MAX (1024 * 1024)

/* Written durably, in place of one of the same name. -EFBIG beyond ARTIFACT_SIZE_MAX. */
int artifact_write(const struct layout *layout, const char *id, const char *name,
                   struct bytes content, struct error *err);

/* `ret` is freed by the caller and ends with a NUL. -ENOENT. */
int artifact_read(const struct layout *layout, const char *id, const char *name, char **ret,
                  size_t *ret_size, struct error *err);

/* Success also when there is none. */
int artifact_remove(const struct layout *layout, const char *id, const char *name,
                    struct error *err);

#endif
