/* A container's root filesystem; see the header. */
#include "worker/io/rootfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

/* Where the runtime mounts the kernel's own. runc makes links in /dev by a path that it has not
 * locked into the root filesystem: through a symbolic link there it would write on the host. */
static int check_mount_points(int root_fd, const char *path, struct error *err)
{
    static const char *const names[] = { "dev", "proc", "sys" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct stat status;

        if (fstatat(root_fd, names[i], &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* the runtime makes it */
        if (!S_ISDIR(status.st_mode))
            return error_set(err, -ENOTDIR, "root filesystem %s: its /%s is not a directory", path,
                             names[i]);
    }
    return 0;
}

int rootfs_open(const char *path, int *ret, struct error *err)
{
    autoclose int fd = -1;
    int r;

    if (path[0] != '/')
        return error_set(err, -EINVAL, "root filesystem %s: not an absolute path", path);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, "root filesystem %s", path);
    r = check_mount_points(fd, path, err);
    if (r < 0)
        return r;
    *ret = steal_fd(&fd);
    return 0;
}

/* What follows `directory` in `path` ("" for itself), or NULL when it is not beneath. */
static const char *path_beneath(const char *path, const char *directory)
{
    size_t size = strlen(directory);

    while (size > 0 && directory[size - 1] == '/')
        size--;
    if (strncmp(path, directory, size) != 0 || (path[size] != '\0' && path[size] != '/'))
        return NULL;
    return path + size;
}

/* The bind mount that covers `path`, the deepest of them; NULL when there is none. */
static const struct mount_config *find_cover(const struct container_config *config,
                                             const char *path)
{
    const struct mount_config *mounts = config->mounts.items;
    const struct mount_config *found = NULL;

    for (size_t i = 0; i < config->mounts.count; i++) {
        const struct mount_config *mount = &mounts[i];

        if (mount->source == NULL || path_beneath(path, mount->destination) == NULL)
            continue;
        if (found == NULL || strlen(mount->destination) >= strlen(found->destination))
            found = mount;
    }
    return found;
}

/* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int open_file(int root_fd, const struct container_config *config, const char *path,
                     struct error *err)
{
    const struct mount_config *cover = find_cover(config, path);
    const char *rest;
    autoclose int source_fd = -1;

    if (cover == NULL)
        return files_open_in_root(root_fd, path, READ_FLAGS, err);

    rest = path_beneath(path, cover->destination);
    assert(rest != NULL); /* that is what makes it a cover */
    if (rest[0] == '\0') {
        int fd = open(cover->source, READ_FLAGS);

        return fd < 0 ? error_set_errno(err, "open %s", cover->source) : fd;
    }
    source_fd = open(cover->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (source_fd < 0)
        return error_set_errno(err, "open %s", cover->source);
    return files_open_in_root(source_fd, rest, READ_FLAGS, err);
}

static int read_all(int fd, const char *path, size_t max, char **ret, struct error *err)
{
    struct stat status;
    autofree char *text = NULL;
    size_t size = 0;

    if (fstat(fd, &status) < 0)
        return error_set_errno(err, "%s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(err, -EINVAL, "%s: not a regular file", path);
    if ((size_t)status.st_size > max)
        return error_set(err, -EFBIG, "%s: more than %zu bytes", path, max);

    text = mem_zeroed((size_t)status.st_size + 1);
    while (size < (size_t)status.st_size) {
        ssize_t n = read(fd, text + size, (size_t)status.st_size - size);

        if (n < 0)
            return error_set_errno(err, "read %s", path);
        if (n == 0)
            break;
        size += (size_t)n;
    }
    *ret = steal_ptr(text);
    return 0;
}

int rootfs_read_file(int root_fd, const struct container_config *config, const char *path,
                     size_t max, char **ret, struct error *err)
{
    autoclose int fd = open_file(root_fd, config, path, err);

    if (fd < 0)
        return fd;
    return read_all(fd, path, max, ret, err);
}

bool rootfs_has_directory(int root_fd, const char *path)
{
    autoclose int fd = files_open_in_root(root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, NULL);

    return fd >= 0;
}

/* The path of a descriptor beneath the root's, as the kernel has it. */
static int path_in_root(int root_fd, int fd, char **ret, struct error *err)
{
    char root[PATH_MAX];
    char path[PATH_MAX];
    autofree char *root_link = mem_text("/proc/self/fd/%d", root_fd);
    autofree char *link = mem_text("/proc/self/fd/%d", fd);
    ssize_t root_size = readlink(root_link, root, sizeof(root) - 1);
    ssize_t size = readlink(link, path, sizeof(path) - 1);

    if (root_size < 0 || size < 0)
        return error_set_errno(err, "resolve a path");
    root[root_size] = path[size] = '\0';
    if (strcmp(root, "/") == 0)
        root_size = 0;
    if (size < root_size || strncmp(path, root, (size_t)root_size) != 0)
        return error_set(err, -EXDEV, "%s is not beneath %s", path, root);
    *ret = mem_dup_text(size == root_size ? "/" : path + root_size);
    return 0;
}

/* Bytes of what is above the last name. */
static size_t parent_size(const char *path, size_t size)
{
    while (size > 0 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    return size;
}

int rootfs_resolve(int root_fd, const char *path, char **ret, struct error *err)
{
    autofree char *above = mem_dup_text(path);
    autofree char *resolved = NULL;
    size_t size = strlen(path);
    autoclose int fd = files_open_in_root(root_fd, path, O_PATH, err);
    int r;

    while (fd == -ENOENT && size > 0) {
        size = parent_size(path, size);
        above[size] = '\0';
        fd = files_open_in_root(root_fd, size == 0 ? "/" : above, O_PATH, err);
    }
    if (fd < 0)
        return fd;
    r = path_in_root(root_fd, fd, &resolved, err);
    if (r < 0)
        return r;
    if (path[size] == '\0')
        *ret = steal_ptr(resolved);
    else
        *ret = mem_text("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, path + size);
    return 0;
}
