/*
 * The files of a container, held open for a while, whether it runs or not: a run shows its own
 * mounts; without one the root filesystem is mounted for a holder of this process, and its volumes
 * and bind mounts are found where they lie on the host.
 *
 * Starts as CONTENTS_HOLD_NONE, ends with contents_hold_release(). Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_CONTENTS_HOLD_H
#define GANTRY_WORKER_IO_CONTENTS_HOLD_H

#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "worker/io/contents.h"
#include "worker/io/storage.h"

/* All borrowed for as long as it is held. */
struct contents_hold_request {
    struct storage_request storage;
    const char *holder; /* of the mount (rootfs_mount.h): of this use alone */
    uint32_t pid;       /* of its init; 0: it does not run */
    uint64_t pid_started;
};

struct contents_hold {
    const struct contents_hold_request *request;
    struct contents_root root;
    struct contents_view view; /* owns `root.fd`; no namespace when it does not run */
    struct arena arena;        /* of the root's mounts */
    bool is_mounted;           /* there is something to let go */
};

#define CONTENTS_HOLD_NONE                        \
    (struct contents_hold)                        \
    {                                             \
        .root.fd = -1, .view = CONTENTS_VIEW_NONE \
    }

/* Where the volumes and bind mounts of a container that does not run lie on the host:
 * `ret->mounts`, in `arena` or borrowed from the configuration. */
void contents_list_mounts(const struct layout *layout, const struct container_config *config,
                          struct arena *arena, struct contents_root *ret);

/* Open `ret->root`. An init that has ended meanwhile is as none. A failure holds nothing. */
int contents_hold_open(const struct contents_hold_request *request, struct contents_hold *ret,
                       struct error *err);

/* Let go. A failure leaves the mount to the next start's sweep, or to the container's removal. */
int contents_hold_release(struct contents_hold *hold, struct error *err);

#endif
