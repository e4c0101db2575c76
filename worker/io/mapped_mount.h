/*
 * Id-mapped mounts: what lies at a path once more, its owners as the users of a namespace. libmount
 * 2.38, Debian 12's, knows nothing of them, so the kernel is asked directly (open_tree,
 * mount_setattr, move_mount); what is mounted on what is still mounts.h's to say.
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_MAPPED_MOUNT_H
#define GANTRY_WORKER_IO_MAPPED_MOUNT_H

#include "common/error.h"
#include "worker/io/user_namespace.h"

/*
 * A copy of the mount that `path` lies on, from `path` down, without what is mounted in it; not
 * mounted anywhere, gone when the descriptor is closed. The descriptor (O_PATH) or -EOPNOTSUPP with
 * a sentence when the kernel or that file system has no such mounts.
 */
int mapped_mount_open(const char *path, struct user_namespace *users, struct error *err);

/* Mount such a copy, or one by mapped_mount_detached(), on `target`: a directory, or for a file a
 * file. It stays when `fd` is closed. */
int mapped_mount_attach(int fd, const char *target, struct error *err);

/* A copy of the mount on `path` as it is, likewise. */
int mapped_mount_detached(const char *path, struct error *err);

#endif
