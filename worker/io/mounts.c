/* The kernel's mount table through libmount; see the header. */
#include "worker/io/mounts.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#define MOUNT_TABLE "/proc/self/mountinfo"

static int open_table(struct libmnt_table **ret, struct error *err)
{
    struct libmnt_table *table = mnt_new_table_from_file(MOUNT_TABLE);

    if (table == NULL)
        return error_set(err, -EIO, "%s cannot be read", MOUNT_TABLE);
    *ret = table;
    return 0;
}

static void close_table(struct libmnt_table **table)
{
    mnt_unref_table(*table);
}

static void close_iter(struct libmnt_iter **iter)
{
    mnt_free_iter(*iter);
}

#define autotable __attribute__((cleanup(close_table)))
#define autoiter  __attribute__((cleanup(close_iter)))

int mounts_each(mount_entry_fn *fn, void *owner, struct error *err)
{
    autotable struct libmnt_table *table = NULL;
    autoiter struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *fs = NULL;
    int r = open_table(&table, err);

    if (r < 0)
        return r;
    while (mnt_table_next_fs(table, iter, &fs) == 0) {
        struct mount_entry entry = {
            .type = mnt_fs_get_fstype(fs),
            .target = mnt_fs_get_target(fs),
            .options = mnt_fs_get_fs_options(fs),
        };

        if (entry.options == NULL)
            entry.options = "";
        if (entry.type != NULL && entry.target != NULL)
            fn(owner, &entry);
    }
    return 0;
}

static bool is_beneath(const char *target, const char *path)
{
    size_t size = strlen(path);

    return strncmp(target, path, size) == 0 && (target[size] == '\0' || target[size] == '/');
}

int mounts_detach_beneath(const char *path, struct error *err)
{
    autotable struct libmnt_table *table = NULL;
    autoiter struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
    struct libmnt_fs *fs = NULL;
    int r = open_table(&table, err);

    if (r < 0)
        return r;
    while (mnt_table_next_fs(table, iter, &fs) == 0) {
        const char *target = mnt_fs_get_target(fs);

        if (target == NULL || !is_beneath(target, path))
            continue;
        if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
            return error_set_errno(err, "unmount %s", target);
    }
    return 0;
}
