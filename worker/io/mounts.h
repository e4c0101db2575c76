/*
 * Mounts: the kernel's table of them, making them and letting them go. What is mounted is never
 * remembered, it is looked up. The one door to libmount; no mount(8), no helper program and no
 * /etc/fstab has a say. Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_MOUNTS_H
#define GANTRY_WORKER_IO_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "worker/io/user_namespace.h"

/* All borrowed for the call. */
struct mount_entry {
    const char *type;    /* "cgroup2" */
    const char *target;  /* absolute path */
    const char *options; /* of the file system: "rw,memory" */
};

typedef void mount_entry_fn(void *owner, const struct mount_entry *entry);

/* Tell of each mount, in the order they were made. */
int mounts_each(mount_entry_fn *fn, void *owner, struct error *err);

/* The kernel's answer for this moment: is `path` itself, no symbolic link followed at its end,
 * where a file system is mounted? False for what is not there. */
bool mounts_is_mounted(const char *path);

/* The same, and it is an overlay. */
bool mounts_is_overlay(const char *path);

/* How the host looks to a mount that is being made for a container with a user namespace: these
 * directories have their owners mapped, and the container's root makes it. All borrowed. */
struct mapped_view {
    struct user_namespace *users;
    const char *const *directories; /* absolute; what is mounted in them is not seen */
    size_t directory_count;
};

/* One mount; all borrowed. */
struct mount_request {
    const char *type;      /* "tmpfs"; NULL: left out, for a bind */
    const char *source;    /* a device, a directory, or any word */
    const char *target;    /* an existing directory or file, an absolute path */
    const char *options;   /* mount(8) words, those of the file system among them; may be NULL */
    const char *directory; /* relative paths in the options begin here; NULL: there are none */
    const struct mapped_view *view; /* NULL: the host as it is; else with `directory` */
};

/*
 * Make it. A bind that is to be "ro" or "nosuid" is remounted so, and "rprivate" and the like are
 * obeyed; when any of that goes wrong nothing stays mounted. -EINVAL for options that no mount of
 * ours may have ("remount", "move", "X-mount...").
 */
int mounts_make(const struct mount_request *request, struct error *err);

#define MOUNTS_LAYERS_MAX 127 /* as podman and docker have it */

/* An overlay; all borrowed. `lower`, `upper` and `work` may be relative to `directory`. */
struct overlay_request {
    const char *directory;
    const char *const *lower; /* the topmost first */
    size_t lower_count;       /* 1 to MOUNTS_LAYERS_MAX */
    const char *upper;
    const char *work;
    const char *target;             /* absolute path */
    const char *options;            /* more of mount(8)'s words: "nodev"; may be NULL */
    const struct mapped_view *view; /* NULL: the layers as they are */
};

/*
 * Mount it, private. Paths relative to a common directory keep the layers short: all options must
 * fit one page (-E2BIG). They hold no ':', ',' or '\' (-EINVAL). File handles, redirections and
 * copies of metadata alone are off, whatever the host's defaults: `upper` then says by itself what
 * was changed.
 */
int mounts_overlay(const struct overlay_request *request, struct error *err);

/* Change how mounts spread from and to `path`, a mount point: "rprivate", "rslave", "shared". */
int mounts_set_propagation(const char *path, const char *propagation, struct error *err);

/* Mount a copy of a mount (mapped_mount.h) on `target`, a directory or for a file a file, as a
 * private one; it stays when `fd` is closed. A failure leaves nothing mounted. */
int mounts_attach(int fd, const char *target, struct error *err);

/* Detach what is mounted on `path`, the topmost of it; success when nothing is. Who has it open
 * keeps it until they let go. */
int mounts_detach(const char *path, struct error *err);

/* Detach all that is mounted on `path` and beneath it, the newest first. */
int mounts_detach_beneath(const char *path, struct error *err);

#endif
