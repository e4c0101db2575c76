/*
 * What is left over of mounts, root filesystems and users of volumes when the worker starts: of
 * containers that nobody knows any more, of exports and copies that a crash has ended, and, after
 * a reboot, of everything that held a mount.
 *
 * Blocking; for a pool thread, before any container is touched.
 */
#ifndef GANTRY_WORKER_IO_STORAGE_SWEEP_H
#define GANTRY_WORKER_IO_STORAGE_SWEEP_H

#include <stdbool.h>

#include "common/error.h"
#include "worker/io/layout.h"

struct storage_sweep {
    const struct layout *layout;
    bool is_new_boot; /* the kernel's boot id is another one: no mount of before is left */
    bool (*is_known)(void *owner, const char *id); /* a container that shall be kept */
    void *owner;
};

/*
 * Sweep; goes on after a failure and returns the first. Of a container that is not known go its
 * mounts, upper and work (the bundle itself is not touched); of one that is known only the holders
 * that cannot be alive. Done twice it succeeds twice.
 */
int storage_sweep(const struct storage_sweep *sweep, struct error *err);

#endif
