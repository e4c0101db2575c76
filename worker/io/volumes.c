/* Named volumes; see the header. */
#include "worker/io/volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/holders.h"
#include "worker/io/id_scope.h"
#include "worker/io/mapped_mount.h"
#include "worker/io/mounts.h"
#include "worker/io/volume_copy.h"

/* A volume that is locked. */
struct opened {
    int volume_fd; /* the lock */
    struct holders users;
    char *data;     /* path of _data */
    char *own_mark; /* path of a file: the mount on _data is ours to undo */
};

static void opened_done(struct opened *opened)
{
    holders_close(&opened->users);
    if (opened->volume_fd >= 0)
        (void)close(opened->volume_fd);
    free(opened->data);
    free(opened->own_mark);
}

#define autoopened __attribute__((cleanup(opened_done)))

#define NOT_OPENED                             \
    (struct opened)                            \
    {                                          \
        .volume_fd = -1, .users = HOLDERS_NONE \
    }

int volume_options_set(struct volume_options *options, const char *key, const char *value,
                       struct error *err)
{
    if (strcmp(key, "type") == 0)
        options->type = value;
    else if (strcmp(key, "device") == 0)
        options->device = value;
    else if (strcmp(key, "o") == 0)
        options->words = value;
    else
        return error_set(err, -EINVAL, "volume option \"%s\" is none of type, device and o", key);
    return 0;
}

static bool needs_mount(const struct volume_options *options)
{
    return options->type != NULL || options->device != NULL || options->words != NULL;
}

static int check_name(const char *name, struct error *err)
{
    return name_is_valid(name) ? 0 : error_set(err, -EINVAL, "\"%s\" is no volume's name", name);
}

static int fail_about(const char *name, int r, struct error *err)
{
    return error_add_context(err, r, "volume %s", name);
}

/* Lock the volume, and its users within. -ENOENT when there is none. */
static int open_locked(const struct layout *layout, const char *name, struct opened *ret,
                       struct error *err)
{
    autofree char *volume = layout_volume(layout, name);
    autofree char *users = layout_volume_users(layout, name);
    int r = check_name(name, err);

    if (r < 0)
        return r;
    r = directory_lock(volume, &ret->volume_fd, err);
    if (r == -ENOENT)
        return error_set(err, -ENOENT, "there is none of that name");
    if (r < 0)
        return r;
    ret->data = layout_volume_data(layout, name);
    ret->own_mark = mem_text("%s/volumes/%s/mount", layout->run, name);
    return holders_open(users, &ret->users, err);
}

/* _data appears with its owner and mode, or not at all. */
static int make_data(int volume_fd, const struct volume_place *volume, struct error *err)
{
    uid_t uid = volume->has_owner ? volume->uid : 0;
    gid_t gid = volume->has_owner ? volume->gid : 0;
    struct stat found;

    if (fstatat(volume_fd, "_data", &found, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (mkdirat(volume_fd, "_data.new", 0700) < 0 && errno != EEXIST)
        return error_set_errno(err, "make _data");
    if (fchownat(volume_fd, "_data.new", uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(volume_fd, "_data.new", 0755, 0) < 0 ||
        renameat(volume_fd, "_data.new", volume_fd, "_data") < 0 || fsync(volume_fd) < 0)
        return error_set_errno(err, "make _data");
    return 0;
}

int volume_create(const struct volume_place *volume, struct error *err)
{
    autofree char *path = layout_volume(volume->layout, volume->name);
    autoclose int volume_fd = -1;
    int r = check_name(volume->name, err);

    if (r >= 0)
        r = files_make_durable(path, 0700, err);
    if (r >= 0)
        r = directory_lock(path, &volume_fd, err);
    if (r >= 0)
        r = make_data(volume_fd, volume, err);
    return r < 0 ? fail_about(volume->name, r, err) : 0;
}

static int write_mark(const char *path, struct error *err)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    return fd < 0 ? error_set_errno(err, "make %s", path) : 0;
}

/* 1: this call has mounted it. */
static int mount_data(const struct volume_place *volume, const struct opened *opened,
                      struct error *err)
{
    const struct volume_options *options = &volume->options;
    struct mount_request request = {
        .type = options->type,
        .source =
            options->device != NULL && options->device[0] != '\0' ? options->device : options->type,
        .target = opened->data,
        .options = options->words,
    };
    int r;

    if (!needs_mount(options) || mounts_is_mounted(opened->data))
        return 0;
    if (request.source == NULL)
        return error_set(err, -EINVAL, "it has options of a mount, but neither type nor device");
    r = write_mark(opened->own_mark, err);
    if (r >= 0)
        r = mounts_make(&request, err);
    if (r >= 0)
        return 1;
    (void)unlink(opened->own_mark);
    return r;
}

/* The mark is the intent, and goes last. */
static int unmount_data(const struct opened *opened, struct error *err)
{
    int r;

    if (access(opened->own_mark, F_OK) < 0)
        return 0;
    r = mounts_detach(opened->data, err);
    if (r >= 0)
        (void)unlink(opened->own_mark);
    return r;
}

static int open_data(const struct opened *opened, struct error *err)
{
    int fd = open(opened->data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? error_set_errno(err, "open %s", opened->data) : fd;
}

static int resume_copy(const struct volume_place *volume, const struct opened *opened,
                       struct error *err)
{
    autoclose int data_fd = open_data(opened, err);
    struct volume_staging staging =
        volume_staging_at(opened->volume_fd, data_fd, mounts_is_mounted(opened->data));

    if (data_fd < 0)
        return data_fd;
    return volume_copy_resume(&staging, data_fd, volume->has_owner, err);
}

int volume_mount(const struct volume_place *volume, const char *container, struct error *err)
{
    autoopened struct opened opened = NOT_OPENED;
    int added = 0;
    int mounted = 0;
    int r = open_locked(volume->layout, volume->name, &opened, err);

    if (r >= 0)
        r = added = holders_add(&opened.users, container, err);
    if (r >= 0)
        r = mounted = mount_data(volume, &opened, err);
    if (r >= 0)
        r = resume_copy(volume, &opened, err);
    if (r >= 0)
        return 0;
    if (mounted > 0)
        (void)unmount_data(&opened, NULL);
    if (added > 0)
        (void)holders_drop(&opened.users, container, NULL);
    return fail_about(volume->name, r, err);
}

/* The directory in the root filesystem, as the container would find it; -1 when there is none. */
static int open_source(int rootfs_fd, const char *destination, int *ret, struct error *err)
{
    int fd = files_open_in_root(rootfs_fd, destination, O_RDONLY | O_DIRECTORY, err);

    *ret = fd >= 0 ? fd : -1;
    return fd >= 0 || fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
}

/* `path`, with the owners that the container's root filesystem shows there. */
static int open_mapped(const char *path, struct user_namespace *users, struct error *err)
{
    autoclose int mount_fd = mapped_mount_open(path, users, err);
    int fd;

    if (mount_fd < 0)
        return mount_fd;
    fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_set_errno(err, "open %s", path) : fd;
}

/* The volume's data. `ret_volume_fd` is the volume again when that has to be seen otherwise: both
 * on one mount, or no entry could be moved from one to the other. */
static int open_for_copy(const struct volume_place *volume, const struct opened *opened,
                         bool is_mounted, int *ret_volume_fd, struct error *err)
{
    autofree char *path = layout_volume(volume->layout, volume->name);
    int data_fd;

    if (volume->users == NULL)
        return open_data(opened, err);
    if (is_mounted)
        return open_mapped(opened->data, volume->users, err);
    *ret_volume_fd = open_mapped(path, volume->users, err);
    if (*ret_volume_fd < 0)
        return *ret_volume_fd;
    data_fd = files_open_beneath(*ret_volume_fd, "_data", O_RDONLY | O_DIRECTORY);
    return data_fd < 0 ? error_set(err, data_fd, "open _data") : data_fd;
}

static int copy_up(const struct volume_place *volume, const struct opened *opened, int source_fd,
                   struct error *err)
{
    bool is_mounted = mounts_is_mounted(opened->data);
    autoclose int volume_fd = -1;
    autoclose int data_fd = open_for_copy(volume, opened, is_mounted, &volume_fd, err);
    autoscope struct id_scope scope = { 0 };
    struct volume_staging staging;
    bool is_empty = false;
    int r = data_fd < 0 ? data_fd : id_scope_enter(&scope, volume->users, err);

    if (r < 0)
        return r;
    staging =
        volume_staging_at(volume_fd >= 0 ? volume_fd : opened->volume_fd, data_fd, is_mounted);
    r = volume_copy_resume(&staging, data_fd, volume->has_owner, err);
    if (r >= 0)
        r = volume_copy_is_empty(data_fd, &is_empty, err);
    if (r < 0 || !is_empty)
        return r;
    return volume_copy_fill(&staging, data_fd, source_fd, volume->has_owner, err);
}

int volume_copy_up(const struct volume_place *volume, int rootfs_fd, const char *destination,
                   struct error *err)
{
    autoopened struct opened opened = NOT_OPENED;
    autoclose int source_fd = -1;
    int r = open_locked(volume->layout, volume->name, &opened, err);

    if (r >= 0)
        r = open_source(rootfs_fd, destination, &source_fd, err);
    if (r >= 0 && source_fd >= 0)
        r = copy_up(volume, &opened, source_fd, err);
    if (r < 0)
        return error_add_context(err, r, "volume %s: copy from %s", volume->name, destination);
    return 0;
}

int volume_unmount(const struct layout *layout, const char *name, const char *container,
                   struct error *err)
{
    autoopened struct opened opened = NOT_OPENED;
    size_t count = 0;
    int r = open_locked(layout, name, &opened, err);

    if (r == -ENOENT) /* nor can anybody use it */
        return 0;
    if (r >= 0)
        r = holders_drop(&opened.users, container, err);
    if (r >= 0)
        r = holders_count(&opened.users, &count, NULL, err);
    if (r >= 0 && count == 0)
        r = unmount_data(&opened, err);
    return r < 0 ? fail_about(name, r, err) : 0;
}

static int remove_unused(const struct layout *layout, const char *name, struct opened *opened,
                         struct error *err)
{
    autofree char *volume = layout_volume(layout, name);
    autofree char *volatile_directory = mem_text("%s/volumes/%s", layout->run, name);
    autofree char *user = NULL;
    size_t count = 0;
    int r = holders_count(&opened->users, &count, &user, err);

    if (r < 0)
        return r;
    if (count > 0)
        return error_set(err, -EBUSY, "%zu containers use it, one of them is %s", count, user);
    r = unmount_data(opened, err);
    if (r >= 0)
        r = files_remove_tree(AT_FDCWD, volume, err);
    if (r >= 0)
        r = files_remove_tree(AT_FDCWD, volatile_directory, err);
    return r;
}

int volume_remove(const struct layout *layout, const char *name, struct error *err)
{
    autoopened struct opened opened = NOT_OPENED;
    int r = open_locked(layout, name, &opened, err);

    if (r == -ENOENT)
        return 0;
    if (r >= 0)
        r = remove_unused(layout, name, &opened, err);
    return r < 0 ? fail_about(name, r, err) : 0;
}

int volume_each(const struct layout *layout, volume_each_fn *fn, void *owner, struct error *err)
{
    autofree char *path = mem_text("%s/volumes", layout->state);
    DIR *directory = opendir(path);
    const struct dirent *entry;

    if (directory == NULL)
        return errno == ENOENT ? 0 : error_set_errno(err, "list %s", path);
    while ((entry = readdir(directory)) != NULL) {
        if (name_is_valid(entry->d_name))
            fn(owner, entry->d_name);
    }
    (void)closedir(directory);
    return 0;
}
