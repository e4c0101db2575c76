/*
 * The kernel's mount table: what hierarchies of control groups there are, and what is mounted
 * beneath a directory that shall go. The one door to libmount. Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_MOUNTS_H
#define GANTRY_WORKER_IO_MOUNTS_H

#include "common/error.h"

/* All borrowed for the call. */
struct mount_entry {
    const char *type;    /* "cgroup2" */
    const char *target;  /* absolute path */
    const char *options; /* of the file system: "rw,memory" */
};

typedef void mount_entry_fn(void *owner, const struct mount_entry *entry);

/* Tell of each mount, in the order they were made. */
int mounts_each(mount_entry_fn *fn, void *owner, struct error *err);

/* Detach all that is mounted on `path` and beneath it, the newest first. */
int mounts_detach_beneath(const char *path, struct error *err);

#endif
