/* Copy-up; see the header. */
#include "worker/io/volume_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "worker/io/tree_copy.h"

struct volume_staging volume_staging_at(int volume_fd, int data_fd, bool is_mounted)
{
    if (is_mounted)
        return (struct volume_staging){ .parent_fd = data_fd,
                                        .copying = ".gantry-copy",
                                        .copied = ".gantry-copied" };
    return (struct volume_staging){ .parent_fd = volume_fd,
                                    .copying = "_data.copy",
                                    .copied = "_data.copied" };
}

static bool is_self_or_parent(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *list(int directory_fd)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && directory == NULL)
        (void)close(fd);
    return directory;
}

int volume_copy_is_empty(int data_fd, bool *ret, struct error *err)
{
    DIR *directory = list(data_fd);
    const struct dirent *entry;
    bool is_empty = true;

    if (directory == NULL)
        return error_set_errno(err, "list it");
    for (errno = 0; is_empty && (entry = readdir(directory)) != NULL;)
        is_empty = is_self_or_parent(entry->d_name);
    if (is_empty && errno != 0) {
        int r = error_set_errno(err, "list it");

        (void)closedir(directory);
        return r;
    }
    (void)closedir(directory);
    *ret = is_empty;
    return 0;
}

/* Not every file system knows RENAME_NOREPLACE (NFS does not). */
static int move_new(int from_fd, const char *name, int to_fd)
{
    struct stat found;

    if (renameat2(from_fd, name, to_fd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    if (fstatat(to_fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(from_fd, name, to_fd, name) < 0 ? -errno : 0;
}

/* What the volume has got meanwhile is the volume's, and stays. */
static int move_entry(int from_fd, const char *name, int to_fd, struct error *err)
{
    int r = move_new(from_fd, name, to_fd);

    if (r == -EEXIST)
        return files_remove_tree(from_fd, name, err);
    return r < 0 ? error_set(err, r, "move %s into place: %s", name, strerrordesc_np(-r)) : 0;
}

/* Passes until one finds nothing: a directory that changes while it is read need not show every
 * entry. */
static int move_entries(int from_fd, int to_fd, struct error *err)
{
    bool is_empty = false;
    int r = 0;

    while (r >= 0 && !is_empty) {
        DIR *directory = list(from_fd);
        const struct dirent *entry;

        if (directory == NULL)
            return error_set_errno(err, "list the copy");
        while (r >= 0 && (entry = readdir(directory)) != NULL) {
            if (!is_self_or_parent(entry->d_name))
                r = move_entry(from_fd, entry->d_name, to_fd, err);
        }
        (void)closedir(directory);
        if (r >= 0)
            r = volume_copy_is_empty(from_fd, &is_empty, err);
    }
    return r;
}

static int take_status(int from_fd, int to_fd, bool has_owner, struct error *err)
{
    struct stat status;

    if (fstat(from_fd, &status) < 0 ||
        (!has_owner && fchown(to_fd, status.st_uid, status.st_gid) < 0) ||
        fchmod(to_fd, status.st_mode & 07777) < 0)
        return error_set_errno(err, "set owner and mode");
    return 0;
}

/* The copy is whole. */
static int finish(const struct volume_staging *staging, int data_fd, bool has_owner,
                  struct error *err)
{
    autoclose int copied_fd =
        files_open_beneath(staging->parent_fd, staging->copied, O_RDONLY | O_DIRECTORY);
    int r;

    if (copied_fd == -ENOENT)
        return 0;
    /* Not of our making. */
    if (copied_fd < 0)
        return files_remove_tree(staging->parent_fd, staging->copied, err);
    r = take_status(copied_fd, data_fd, has_owner, err);
    if (r >= 0)
        r = move_entries(copied_fd, data_fd, err);
    if (r < 0)
        return r;
    if (fsync(data_fd) < 0 || unlinkat(staging->parent_fd, staging->copied, AT_REMOVEDIR) < 0)
        return error_set_errno(err, "finish the copy");
    return 0;
}

int volume_copy_resume(const struct volume_staging *staging, int data_fd, bool has_owner,
                       struct error *err)
{
    int r = finish(staging, data_fd, has_owner, err);

    return r < 0 ? r : files_remove_tree(staging->parent_fd, staging->copying, err);
}

/* Into the staging directory, and onto the disk. */
static int copy_whole(const struct volume_staging *staging, int source_fd, struct error *err)
{
    autoclose int copy_fd = -1;
    int r;

    if (mkdirat(staging->parent_fd, staging->copying, 0700) < 0)
        return error_set_errno(err, "make %s", staging->copying);
    copy_fd = files_open_beneath(staging->parent_fd, staging->copying, O_RDONLY | O_DIRECTORY);
    if (copy_fd < 0)
        return error_set(err, copy_fd, "open %s: %s", staging->copying, strerrordesc_np(-copy_fd));
    r = tree_copy(source_fd, copy_fd, err);
    if (r < 0)
        return r;
    return syncfs(copy_fd) < 0 ? error_set_errno(err, "write %s", staging->copying) : 0;
}

int volume_copy_fill(const struct volume_staging *staging, int data_fd, int source_fd,
                     bool has_owner, struct error *err)
{
    int r = copy_whole(staging, source_fd, err);

    if (r < 0) {
        (void)files_remove_tree(staging->parent_fd, staging->copying, NULL);
        return r;
    }
    if (renameat(staging->parent_fd, staging->copying, staging->parent_fd, staging->copied) < 0 ||
        fsync(staging->parent_fd) < 0)
        return error_set_errno(err, "rename %s", staging->copying);
    return finish(staging, data_fd, has_owner, err);
}
