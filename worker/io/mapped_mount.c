/* Id-mapped mounts; see the header. */
#include "worker/io/mapped_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/auto.h"

int mapped_mount_detached(const char *path, struct error *err)
{
    int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    return fd < 0 ? error_set_errno(err, "open the mount of %s", path) : fd;
}

static int explain(int code, const char *path, struct error *err)
{
    if (code == -ENOSYS)
        return error_set(err, -EOPNOTSUPP,
                         "%s: this kernel has no id-mapped mounts (Linux 5.12 brought them), "
                         "without which a container has no user namespace here",
                         path);
    if (code == -EINVAL)
        return error_set(err, -EOPNOTSUPP,
                         "%s: its file system has no id-mapped mounts on this kernel, without "
                         "which it cannot be of a container with a user namespace (ext4, xfs and "
                         "btrfs have them)",
                         path);
    return error_set(err, code, "%s: map its owners: %s", path, strerrordesc_np(-code));
}

int mapped_mount_open(const char *path, struct user_namespace *users, struct error *err)
{
    struct mount_attr attributes = { .attr_set = MOUNT_ATTR_IDMAP };
    int userns_fd = user_namespace_fd(users, err);
    autoclose int fd = userns_fd < 0 ? userns_fd : mapped_mount_detached(path, err);

    if (fd < 0)
        return fd;
    attributes.userns_fd = (unsigned)userns_fd;
    if (mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
        return explain(-errno, path, err);
    return steal_fd(&fd);
}

int mapped_mount_attach(int fd, const char *target, struct error *err)
{
    if (move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_set_errno(err, "mount %s", target);
    return 0;
}
