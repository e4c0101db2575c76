/* Leftovers of storage; see the header. */
#include "worker/io/storage_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/mapped_binds.h"
#include "worker/io/rootfs_mount.h"
#include "worker/io/volumes.h"

/* One call, and the first failure in it. */
struct sweeping {
    const struct storage_sweep *sweep;
    struct error *err;
    int result;
    const char *volume; /* whose users are looked at */
};

/* The reason of what comes after the first is of no use. */
static struct error *reason(const struct sweeping *sweeping)
{
    return sweeping->result < 0 ? NULL : sweeping->err;
}

static void note(struct sweeping *sweeping, int r)
{
    if (r < 0 && sweeping->result == 0)
        sweeping->result = r;
}

typedef void sweep_fn(struct sweeping *sweeping, const char *path, const char *name);

/* For each entry of a directory that may be missing. */
static void each_entry(struct sweeping *sweeping, const char *path, sweep_fn *fn)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;

    if (directory == NULL) {
        if (errno != ENOENT)
            note(sweeping, error_set_errno(reason(sweeping), "list %s", path));
        return;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (name_is_valid(entry->d_name))
            fn(sweeping, path, entry->d_name);
    }
    (void)closedir(directory);
}

static void sweep_container(struct sweeping *sweeping, const char *path, const char *id)
{
    const struct storage_sweep *sweep = sweeping->sweep;
    autofree char *directory = mem_text("%s/%s", path, id);
    int r;

    if (!container_id_is_valid(id))
        return;
    if (sweep->is_known(sweep->owner, id)) {
        note(sweeping, rootfs_sweep(sweep->layout, id, sweep->is_new_boot, reason(sweeping)));
        return;
    }
    r = mapped_binds_remove(sweep->layout, id, reason(sweeping));
    note(sweeping, r);
    r = rootfs_remove(sweep->layout, id, reason(sweeping));
    note(sweeping, r);
    (void)rmdir(directory); /* when that was all */
}

static void sweep_user(struct sweeping *sweeping, const char *path, const char *id)
{
    const struct storage_sweep *sweep = sweeping->sweep;

    (void)path;
    if (!sweep->is_known(sweep->owner, id) || sweep->is_new_boot)
        note(sweeping, volume_unmount(sweep->layout, sweeping->volume, id, reason(sweeping)));
}

static void sweep_volume(struct sweeping *sweeping, const char *path, const char *name)
{
    const struct layout *layout = sweeping->sweep->layout;
    autofree char *volume = layout_volume(layout, name);
    autofree char *users = layout_volume_users(layout, name);
    autofree char *volatile_directory = mem_text("%s/%s", path, name);

    sweeping->volume = name;
    if (access(volume, F_OK) < 0 && errno == ENOENT)
        note(sweeping, files_remove_tree(AT_FDCWD, volatile_directory, reason(sweeping)));
    else
        each_entry(sweeping, users, sweep_user);
}

int storage_sweep(const struct storage_sweep *sweep, struct error *err)
{
    struct sweeping sweeping = { .sweep = sweep, .err = err };
    autofree char *volatile_containers = mem_text("%s/containers", sweep->layout->run);
    autofree char *containers = mem_text("%s/containers", sweep->layout->state);
    autofree char *volumes = mem_text("%s/volumes", sweep->layout->run);

    each_entry(&sweeping, volatile_containers, sweep_container);
    each_entry(&sweeping, containers, sweep_container);
    each_entry(&sweeping, volumes, sweep_volume);
    return sweeping.result;
}
