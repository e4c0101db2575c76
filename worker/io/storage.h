/*
 * What a container lives in: its root filesystem, which is a directory of the host or the overlay
 * of an image, and the volumes that are mounted in it (BEHAVIOUR 3, 14).
 *
 * Everything can be done twice. Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_STORAGE_H
#define GANTRY_WORKER_IO_STORAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/error.h"
#include "schemas/container_config.h"
#include "schemas/volumes.h"
#include "worker/io/images.h"
#include "worker/io/layout.h"
#include "worker/io/outcome.h"
#include "worker/io/rootfs_mount.h"
#include "worker/io/volumes.h"

/* All borrowed. */
struct storage_request {
    const struct layout *layout;
    struct images *images;
    const char *id; /* the container's */
    const struct container_config *config;
    struct user_namespace *users; /* of `config`; NULL: none, or nothing is mounted by this */
    const struct volume *const *volumes; /* what is known of those that it mounts */
    size_t volume_count;
};

/* Whether a container with a user namespace sees its own numbers on what it mounts there: on
 * volumes, and with "idmap" on a bind. */
bool storage_is_mapped(const struct mount_config *mount);

/* create: the root filesystem is usable; make what the container has of its own, and the volumes
 * that are not there. */
int storage_make(const struct storage_request *request, struct outcome *outcome);

/* init: mount what is to be mounted and fill empty volumes. The path of the root filesystem, on
 * the heap. The undo is storage_unmount(). */
int storage_mount(const struct storage_request *request, char **ret_root, struct outcome *outcome);

/* cleanup: the run lets go of what it had mounted. */
int storage_unmount(const struct layout *layout, const char *id,
                    const struct container_config *config, struct outcome *outcome);

/* Mount the root filesystem and the volumes of a container that does not run for `holder`, one of
 * this process (rootfs_mount.h). The path of the root filesystem, on the heap. A failure holds
 * nothing. */
int storage_hold(const struct storage_request *request, const char *holder, char **ret_root,
                 struct error *err);
int storage_let_go(const struct storage_request *request, const char *holder, struct error *err);

/* remove: what the container had of its own, and these volumes. */
int storage_remove(const struct layout *layout, const char *id, const struct text_list *doomed,
                   struct outcome *outcome);

/* What rootfs_mount.h wants to know of an image's container; links are in the arena. -EINVAL for a
 * container of a directory. */
int storage_rootfs_request(const struct storage_request *request, struct arena *arena,
                           struct rootfs_request *ret, struct error *err);

/* What volumes.h wants to know; texts are borrowed from `volume`. */
int storage_volume_place(const struct layout *layout, const struct volume *volume,
                         struct volume_place *ret, struct error *err);

/* -ENOSPC and the like are the disk's failures, all else is FAILURE_STORAGE. Returns the code. */
int storage_fail(struct outcome *outcome, const struct error *err);

#endif
