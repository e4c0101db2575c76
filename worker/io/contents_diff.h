/*
 * What a container has changed in its root filesystem: its overlay's upper directory held against
 * the layers below (BEHAVIOUR ST-6), and how much that takes (SZ-2). Neither needs it mounted.
 *
 * Blocking; for pool threads. A container that runs may change it meanwhile.
 */
#ifndef GANTRY_WORKER_IO_CONTENTS_DIFF_H
#define GANTRY_WORKER_IO_CONTENTS_DIFF_H

#include <stdint.h>

#include "common/error.h"
#include "worker/io/rootfs_mount.h"

enum contents_change {
    CONTENTS_ADDED,
    CONTENTS_MODIFIED,
    CONTENTS_DELETED,
};

/* `path` is absolute in the container, borrowed. */
typedef void contents_diff_fn(void *owner, enum contents_change change, const char *path);

/*
 * Tell of each change, a directory before what is in it; a directory is modified when anything in
 * it is. A deleted directory stands for all that was in it. What every container gets mounted
 * (/dev, /proc, /sys, /run, /etc/hosts and the like) is left out. Nothing is told when the
 * container has no upper directory yet.
 */
int contents_diff(const struct rootfs_request *request, contents_diff_fn *fn, void *owner,
                  struct error *err);

/* The sizes of the files in the container's upper directory, a file of several names counted once,
 * directories not at all; 0 when there is none. */
int contents_size(const struct layout *layout, const char *id, uint64_t *ret_bytes,
                  struct error *err);

#endif
