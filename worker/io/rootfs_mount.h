/*
 * The root filesystem of a container made from an image: an overlay of the image's layers and a
 * directory of the container's own, mounted as long as somebody holds it (BEHAVIOUR MS, CS, SM).
 *
 *     STATE/storage/l/<link>             -> the directory of a layer, made by the image store
 *     STATE/containers/<id>/upper, work  what the container changed, and the kernel's workplace
 *     RUN/containers/<id>/rootfs         where it is mounted
 *     RUN/containers/<id>/mounts/<who>   one empty file for each holder
 *
 * Whether it is mounted is always asked of the kernel: no flag can be stale. Holders lie in RUN and
 * go with the mounts at a reboot. The mount is writable also for a read-only container, because
 * the runtime makes mount points in it; the runtime then makes the container's view read-only.
 *
 * /dev/shm is none of this: the runtime mounts a tmpfs of the run's own (spec_mounts.c), which ends
 * with its mount namespace, so nothing of it can be left behind. (podman has it on the host for
 * containers that share it; ours do not.)
 *
 * With a user namespace all of it, upper and work too, is seen by the overlay through id-mapped
 * mounts: what a container writes has its own numbers in `upper`, as the layers have.
 *
 * Blocking; for pool threads. Calls about one container wait for one another.
 */
#ifndef GANTRY_WORKER_IO_ROOTFS_MOUNT_H
#define GANTRY_WORKER_IO_ROOTFS_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "worker/io/layout.h"
#include "worker/io/user_namespace.h"

/* Holders that outlive the worker process; any other is of the process that made it (an export, a
 * copy) and is swept when the next one starts. */
#define ROOTFS_HOLDER_RUN      "run"      /* a run of the container */
#define ROOTFS_HOLDER_OPERATOR "operator" /* somebody asked for the mount */

/* All borrowed. */
struct rootfs_request {
    const struct layout *layout;
    const char *id;
    const char *const *links;     /* names in STATE/storage/l, the topmost layer first */
    size_t link_count;            /* 0 (an empty image) to MOUNTS_LAYERS_MAX */
    bool is_privileged;           /* device files of the image work */
    struct user_namespace *users; /* whose owners it shows; NULL: the host's */
};

/*
 * Check the layers and make upper and work, `upper` with the owner and mode of the topmost layer;
 * what is there stays. The undo is rootfs_remove(). -ENOENT names a layer that is not there.
 */
int rootfs_make(const struct rootfs_request *request, struct error *err);

/*
 * Mount it, unless it is mounted, and let `holder` (name_is_valid) hold it. Makes what
 * rootfs_make() makes. Done twice for a holder it is held once. A failure undoes what this call
 * did, and nothing more. The path is layout_rootfs().
 */
int rootfs_mount(const struct rootfs_request *request, const char *holder, struct error *err);

/* `holder` lets go; with the last holder the overlay, and what is mounted in it, is unmounted and
 * its directory removed. Success also when there was no such holder. */
int rootfs_unmount(const struct layout *layout, const char *id, const char *holder,
                   struct error *err);

/* At the worker's start: let go for the holders of the process before; with `is_new_boot` for all,
 * because what they held ended with the last boot. */
int rootfs_sweep(const struct layout *layout, const char *id, bool is_new_boot, struct error *err);

/* Whether it is mounted now. */
bool rootfs_is_mounted(const struct layout *layout, const char *id);

/* Unmount whoever holds it, forget the holders, and remove upper and work. */
int rootfs_remove(const struct layout *layout, const char *id, struct error *err);

#endif
