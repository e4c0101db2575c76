/*
 * Named volumes: directories of data that outlive containers (BEHAVIOUR 14).
 *
 *     STATE/volumes/<name>/_data            what containers see (bind-mounted by the runtime)
 *     STATE/volumes/<name>/_data.copy       a copy-up that is under way; of no worth after a crash
 *     STATE/volumes/<name>/_data.copied     one that is complete, and is being moved into _data
 *     RUN/volumes/<name>/users/<container>  one empty file for each container that has it mounted
 *
 * What is in it has the containers' own ids, so that containers with a user namespace and without
 * share it (user_namespace.h). A volume with options is a file system that is mounted on _data
 * while it has users. Who uses it and whether it is mounted is read off the world. Everything
 * happens under a lock on the volume's directory; calls about one volume wait for one another.
 *
 * Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_VOLUMES_H
#define GANTRY_WORKER_IO_VOLUMES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "worker/io/layout.h"
#include "worker/io/user_namespace.h"

/* How it is mounted; all borrowed, all NULL for a plain directory. */
struct volume_options {
    const char *type;   /* "tmpfs"; NULL with a bind */
    const char *device; /* NULL: the type stands in for it */
    const char *words;  /* "o": mount(8)'s, "size=10m,nodev" */
};

/* Set what "type=", "device=" or "o=" says; `value` is borrowed. -EINVAL for any other key. */
int volume_options_set(struct volume_options *options, const char *key, const char *value,
                       struct error *err);

/* All borrowed. */
struct volume_place {
    const struct layout *layout;
    const char *name; /* name_is_valid(), else -EINVAL */
    struct volume_options options;
    bool has_owner; /* the owner was asked for: a copy-up leaves it */
    uint32_t uid;   /* of _data, when has_owner; else root's */
    uint32_t gid;
    struct user_namespace *users; /* of the container that it is filled from; NULL: the host's */
};

/* Make the directories, on the disk when it returns. What is there stays as it is. The undo is
 * volume_remove(). */
int volume_create(const struct volume_place *volume, struct error *err);

/* `container` (an id) uses it from now on; mounts what is to be mounted, unless it is. Finishes a
 * copy-up that a crash has cut short. A failure undoes what this call did. -ENOENT when there is no
 * such volume. */
int volume_mount(const struct volume_place *volume, const char *container, struct error *err);

/*
 * When the volume is empty, and only then (CVE-2020-1726), copy into it what the container's root
 * filesystem `rootfs_fd` has at `destination`, with owner and mode of that directory. Decided by
 * listing the volume under its lock, after volume_mount(). What is no directory in the root
 * filesystem, symbolic links resolved within it, is not copied and no failure. A crash leaves the
 * volume empty or, from volume_mount() on, full. Not to be called for "nocopy".
 */
int volume_copy_up(const struct volume_place *volume, int rootfs_fd, const char *destination,
                   struct error *err);

/* `container` uses it no longer; the last one's going unmounts it. Success when it did not. */
int volume_unmount(const struct layout *layout, const char *name, const char *container,
                   struct error *err);

/* -EBUSY, naming one, while containers use it. Success when it is not there. */
int volume_remove(const struct layout *layout, const char *name, struct error *err);

/* Tell of each volume that is on the disk, in no order. */
typedef void volume_each_fn(void *owner, const char *name);
int volume_each(const struct layout *layout, volume_each_fn *fn, void *owner, struct error *err);

#endif
