/* A copy of a tree; see the header. */
#include "worker/io/tree_copy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/attributes.h"
#include "worker/io/inode_names.h"
#include "worker/io/tree_walk.h"

#define PIECE_SIZE (128 * 1024)

struct copy {
    int target_fd;
    int directory_fds[TREE_DEPTH_MAX + 1]; /* of the target, by depth; [0] is target_fd */
    struct inode_names linked;             /* paths in the target */
    char *piece;                           /* PIECE_SIZE */
};

static int fail(const struct tree_entry *entry, const char *what, struct error *err)
{
    return error_set_errno(err, "copy /%s: %s", entry->path, what);
}

/* What lies in [begin, end); a file that shrinks meanwhile ends early. */
static int copy_range(struct copy *copy, int source_fd, int target_fd, off_t begin, off_t end)
{
    while (begin < end) {
        size_t room = end - begin < PIECE_SIZE ? (size_t)(end - begin) : PIECE_SIZE;
        ssize_t size = pread(source_fd, copy->piece, room, begin);
        int r;

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size < 0 ? -errno : 0;
        r = files_write_all_at(target_fd, bytes_at(copy->piece, (size_t)size), begin);
        if (r < 0)
            return r;
        begin += size;
    }
    return 0;
}

/* Data where there is data, holes where there are holes. */
static int copy_content(struct copy *copy, int source_fd, int target_fd, off_t size)
{
    off_t at = 0;

    if (ftruncate(target_fd, size) < 0)
        return -errno;
    while (at < size) {
        off_t begin = lseek(source_fd, at, SEEK_DATA);
        off_t end;
        int r;

        if (begin < 0 && errno == ENXIO) /* holes to the end */
            return 0;
        if (begin < 0)
            begin = at;
        end = lseek(source_fd, begin, SEEK_HOLE);
        if (end <= begin || end > size)
            end = size;
        r = copy_range(copy, source_fd, target_fd, begin, end);
        if (r < 0)
            return r;
        at = end;
    }
    return 0;
}

/* A file system that has no such attributes loses them, as with cp(1). */
static int copy_attribute(void *owner, const char *name, struct bytes value)
{
    int target_fd = *(const int *)owner;

    if (fsetxattr(target_fd, name, value.data, value.size, 0) < 0 && errno != EOPNOTSUPP)
        return -errno;
    return 0;
}

/* The owner first: changing it takes set-user-id bits and capabilities away. */
static int copy_status(int source_fd, int target_fd, const struct stat *status)
{
    const struct timespec times[2] = { status->st_atim, status->st_mtim };
    int r;

    if (fchown(target_fd, status->st_uid, status->st_gid) < 0)
        return -errno;
    r = attributes_each(source_fd, copy_attribute, &target_fd);
    if (r < 0)
        return r;
    if (fchmod(target_fd, status->st_mode & 07777) < 0 || futimens(target_fd, times) < 0)
        return -errno;
    return 0;
}

static int copy_file(struct copy *copy, const struct tree_entry *entry, int directory_fd,
                     struct error *err)
{
    autoclose int source_fd = files_reopen(entry->fd, O_RDONLY | O_NOCTTY);
    autoclose int target_fd = -1;
    int r;

    if (source_fd < 0)
        return error_set(err, source_fd, "copy /%s: open: %s", entry->path,
                         strerrordesc_np(-source_fd));
    target_fd = openat(directory_fd, entry->name,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target_fd < 0)
        return fail(entry, "make", err);
    r = copy_content(copy, source_fd, target_fd, entry->status.st_size);
    if (r >= 0)
        r = copy_status(source_fd, target_fd, &entry->status);
    return r < 0 ? error_set(err, r, "copy /%s: %s", entry->path, strerrordesc_np(-r)) : 0;
}

static int copy_symlink(const struct tree_entry *entry, int directory_fd, struct error *err)
{
    char text[PATH_MAX];
    ssize_t size = readlinkat(entry->fd, "", text, sizeof(text) - 1);
    const struct timespec times[2] = { entry->status.st_atim, entry->status.st_mtim };

    if (size < 0)
        return fail(entry, "read the link", err);
    text[size] = '\0';
    if (symlinkat(text, directory_fd, entry->name) < 0 ||
        fchownat(directory_fd, entry->name, entry->status.st_uid, entry->status.st_gid,
                 AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(directory_fd, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(entry, "make the link", err);
    return 0;
}

/* A device or a FIFO. No chmod by a name: it could have become a symbolic link. */
static int copy_node(const struct tree_entry *entry, int directory_fd, struct error *err)
{
    mode_t type = entry->status.st_mode & S_IFMT;
    autoclose int fd = -1;
    char path[64];

    if (mknodat(directory_fd, entry->name, type | 0600, entry->status.st_rdev) < 0)
        return fail(entry, "make", err);
    fd = files_open_beneath(directory_fd, entry->name, O_PATH);
    if (fd < 0)
        return error_set(err, fd, "copy /%s: %s", entry->path, strerrordesc_np(-fd));
    if (fchownat(fd, "", entry->status.st_uid, entry->status.st_gid, AT_EMPTY_PATH) < 0)
        return fail(entry, "set the owner", err);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (chmod(path, entry->status.st_mode & 07777) < 0)
        return fail(entry, "set the mode", err);
    return 0;
}

static int enter_directory(struct copy *copy, const struct tree_entry *entry, int directory_fd,
                           struct error *err)
{
    int fd;

    if (mkdirat(directory_fd, entry->name, 0700) < 0)
        return fail(entry, "make directory", err);
    fd = files_open_beneath(directory_fd, entry->name, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return error_set(err, fd, "copy /%s: %s", entry->path, strerrordesc_np(-fd));
    assert(entry->depth <= TREE_DEPTH_MAX && copy->directory_fds[entry->depth] < 0);
    copy->directory_fds[entry->depth] = fd;
    return 0;
}

/* 1: it is a further name of what is copied already, and has been made so. */
static int copy_link(struct copy *copy, const struct tree_entry *entry, int directory_fd,
                     struct error *err)
{
    const char *first = inode_names_meet(&copy->linked, &entry->status, entry->path);
    autoclose int fd = -1;
    char path[64];

    if (first == NULL)
        return 0;
    fd = files_open_beneath(copy->target_fd, first, O_PATH);
    if (fd < 0)
        return error_set(err, fd, "copy /%s: open /%s: %s", entry->path, first,
                         strerrordesc_np(-fd));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, directory_fd, entry->name, AT_SYMLINK_FOLLOW) < 0)
        return fail(entry, "link", err);
    return 1;
}

static int enter(void *owner, const struct tree_entry *entry, struct error *err)
{
    struct copy *copy = owner;
    int directory_fd;
    int r;

    if (entry->depth == 0)
        return 0;
    if (entry->fd < 0) /* mounted there */
        return TREE_SKIP;
    directory_fd = copy->directory_fds[entry->depth - 1];
    if (S_ISDIR(entry->status.st_mode))
        return enter_directory(copy, entry, directory_fd, err);
    if (S_ISSOCK(entry->status.st_mode))
        return 0;
    r = copy_link(copy, entry, directory_fd, err);
    if (r != 0)
        return r < 0 ? r : 0;
    if (S_ISREG(entry->status.st_mode))
        return copy_file(copy, entry, directory_fd, err);
    if (S_ISLNK(entry->status.st_mode))
        return copy_symlink(entry, directory_fd, err);
    return copy_node(entry, directory_fd, err);
}

static int leave(void *owner, const struct tree_entry *entry, struct error *err)
{
    struct copy *copy = owner;
    int target_fd = copy->directory_fds[entry->depth];
    autoclose int source_fd = openat(entry->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (source_fd < 0)
        return fail(entry, "open", err);
    r = copy_status(source_fd, target_fd, &entry->status);
    if (entry->depth > 0) {
        (void)close(target_fd);
        copy->directory_fds[entry->depth] = -1;
    }
    return r < 0 ? error_set(err, r, "copy /%s: %s", entry->path, strerrordesc_np(-r)) : 0;
}

static void copy_done(struct copy *copy)
{
    for (size_t i = 1; i <= TREE_DEPTH_MAX; i++) {
        if (copy->directory_fds[i] >= 0)
            (void)close(copy->directory_fds[i]);
    }
    inode_names_done(&copy->linked);
    free(copy->piece);
}

int tree_copy(int source_fd, int target_fd, struct error *err)
{
    static const struct tree_visitor visitor = { .enter = enter, .leave = leave };
    struct copy copy = { .target_fd = target_fd, .piece = mem_zeroed(PIECE_SIZE) };
    int r;

    copy.directory_fds[0] = target_fd;
    for (size_t i = 1; i <= TREE_DEPTH_MAX; i++)
        copy.directory_fds[i] = -1;
    r = tree_walk(source_fd, &visitor, &copy, err);
    copy_done(&copy);
    return r;
}
