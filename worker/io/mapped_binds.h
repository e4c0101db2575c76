/*
 * What a run with a user namespace mounts with its own numbers: an id-mapped mount for each of its
 * volumes and "idmap" binds, which the runtime then binds as it would anything. They are mounted
 * by us because runc 1.1 maps nothing.
 *
 *     RUN/containers/<id>/mapped/<index>   of the mount of that index in the configuration
 *
 * Blocking; for pool threads. What a killed worker leaves goes with the run, or with the sweep.
 */
#ifndef GANTRY_WORKER_IO_MAPPED_BINDS_H
#define GANTRY_WORKER_IO_MAPPED_BINDS_H

#include <stddef.h>

#include "common/error.h"
#include "worker/io/layout.h"
#include "worker/io/user_namespace.h"

/* Where it is mounted; on the heap. */
char *mapped_bind_path(const struct layout *layout, const char *id, size_t index);

/* Mount `source`, a directory or a file, without what is mounted in it; in place of what is
 * mounted there already. A failure leaves nothing mounted. */
int mapped_bind_make(const struct layout *layout, const char *id, size_t index, const char *source,
                     struct user_namespace *users, struct error *err);

/* Unmount all of the container. Success when there is none. */
int mapped_binds_remove(const struct layout *layout, const char *id, struct error *err);

#endif
