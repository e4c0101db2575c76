/*
 * A container's root filesystem: a directory on the host, full of what a stranger put there. Every
 * path in it is resolved as the container would see it, and never leaves it.
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_ROOTFS_H
#define GANTRY_WORKER_IO_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "schemas/container_config.h"

/* A descriptor of the directory, in `ret`. -EINVAL, -ENOENT, -ENOTDIR with a sentence that names
 * the path; -ENOTDIR also when its /dev, /proc or /sys is there and no directory itself. */
int rootfs_open(const char *path, int *ret, struct error *err);

/*
 * Read a regular file as the container will see it: through the bind mounts that cover it, else
 * beneath `root_fd`. At most `max` bytes. `ret` is freed by the caller and ends with a NUL.
 * -ENOENT when there is none.
 */
int rootfs_read_file(int root_fd, const struct container_config *config, const char *path,
                     size_t max, char **ret, struct error *err);

/* Whether `path` is a directory in it. */
bool rootfs_has_directory(int root_fd, const char *path);

/* What a path in it comes to when its symbolic links are followed within it, also when its last
 * parts are not there: "/run/lock" for "/var/lock". On the heap, in `ret`. */
int rootfs_resolve(int root_fd, const char *path, char **ret, struct error *err);

#endif
