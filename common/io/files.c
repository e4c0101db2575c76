/* Files and directory trees; see the header. */
#include "common/io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"

#define READ_SIZE        4096
#define RESOLVE_TRIES    64
#define TREE_DEPTH_MAX   32 /* directories open at once; deeper ones are moved up first */
#define CREATED_MODE     0644
#define STRAY_NAME_SIZE  64
#define REOPEN_PATH_SIZE 32

enum durability { PASSING, DURABLE };

static int open_directory(int directory_fd, const char *path)
{
    return openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int files_sync_directory(const char *path, struct error *err)
{
    autoclose int fd = open_directory(AT_FDCWD, path);

    if (fd < 0 || fsync(fd) < 0)
        return error_set_errno(err, "sync directory %s", path);
    return 0;
}

static int sync_parent(const char *path, struct error *err)
{
    autofree char *copy = mem_dup_text(path);

    return files_sync_directory(dirname(copy), err);
}

/* EEXIST tells of anything with that name: only a directory will do. */
static int check_is_directory(const char *path, struct error *err)
{
    struct stat found;

    if (stat(path, &found) < 0)
        return error_set_errno(err, "look at %s", path);
    return S_ISDIR(found.st_mode) ? 0 : error_set(err, -ENOTDIR, "%s is not a directory", path);
}

/* 1: made, 0: was there. */
static int make_directory(const char *path, mode_t mode, struct error *err)
{
    if (mkdir(path, mode) == 0)
        return 1;
    if (errno != EEXIST)
        return error_set_errno(err, "make directory %s", path);
    return check_is_directory(path, err);
}

static int make_directories(const char *path, mode_t mode, enum durability durability,
                            struct error *err)
{
    autofree char *copy = mem_dup_text(path);
    const char *parent = dirname(copy);
    int r = make_directory(path, mode, err);

    if (r == -ENOENT && strcmp(parent, path) != 0) {
        r = make_directories(parent, mode, durability, err);
        if (r < 0)
            return r;
        r = make_directory(path, mode, err);
    }
    if (r < 0)
        return r;
    return r == 1 && durability == DURABLE ? sync_parent(path, err) : 0;
}

int files_make_directories(const char *path, mode_t mode, struct error *err)
{
    return make_directories(path, mode, PASSING, err);
}

int files_make_durable(const char *path, mode_t mode, struct error *err)
{
    int r = make_directories(path, mode, DURABLE, err);

    if (r < 0)
        return r;
    /* Whoever made it may have been killed before it came to this. */
    r = files_sync_directory(path, err);
    return r < 0 ? r : sync_parent(path, err);
}

int files_write_all(int fd, struct bytes content)
{
    while (content.size > 0) {
        ssize_t written = write(fd, content.data, content.size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        content.data += written;
        content.size -= (size_t)written;
    }
    return 0;
}

int files_write_all_at(int fd, struct bytes content, off_t offset)
{
    while (content.size > 0) {
        ssize_t written = pwrite(fd, content.data, content.size, offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        content.data += written;
        content.size -= (size_t)written;
        offset += written;
    }
    return 0;
}

/* Make `name` in `directory_fd`, with all of its content, or not at all. */
static int write_new(int directory_fd, const char *name, struct bytes content, mode_t mode,
                     enum durability durability)
{
    autoclose int fd =
        openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR);
    int r;

    if (fd < 0)
        return -errno;
    r = files_write_all(fd, content);
    if (r == 0 && fchmod(fd, mode) < 0)
        r = -errno;
    if (r == 0 && durability == DURABLE && fsync(fd) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(directory_fd, name, 0);
    return r;
}

static int replace_in(int directory_fd, const char *name, struct bytes content, mode_t mode,
                      enum durability durability)
{
    autofree char *fresh = mem_text(".%s.new", name);
    int r;

    (void)unlinkat(directory_fd, fresh, 0); /* of a writer that was killed */
    r = write_new(directory_fd, fresh, content, mode, durability);
    if (r < 0)
        return r;
    if (renameat(directory_fd, fresh, directory_fd, name) < 0) {
        r = -errno;
        (void)unlinkat(directory_fd, fresh, 0);
        return r;
    }
    return durability == DURABLE && fsync(directory_fd) < 0 ? -errno : 0;
}

int files_replace(int directory_fd, const char *name, struct bytes content, mode_t mode,
                  int is_durable, struct error *err)
{
    autofree char *directory = mem_dup_text(name);
    autofree char *last = mem_dup_text(name);
    autoclose int fd = open_directory(directory_fd, dirname(directory));
    int r;

    r = fd < 0 ? -errno
               : replace_in(fd, basename(last), content, mode, is_durable ? DURABLE : PASSING);
    return r == 0 ? 0 : error_set(err, r, "write %s: %s", name, strerrordesc_np(-r));
}

/* Read to the end or to one byte beyond `max`: then it is known to be too big. */
static int read_to_end(int fd, size_t max, struct buffer *content)
{
    uint8_t piece[READ_SIZE];

    while (content->size <= max) {
        size_t room = max + 1 - content->size;
        ssize_t size = read(fd, piece, room < sizeof(piece) ? room : sizeof(piece));

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (size == 0)
            return 0;
        buffer_append(content, piece, (size_t)size);
    }
    return -EFBIG;
}

int files_read(int directory_fd, const char *name, size_t max, char **ret, size_t *ret_size,
               struct error *err)
{
    autoclose int fd = openat(directory_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct buffer content = { 0 };
    int r;

    if (fd < 0)
        return error_set_errno(err, "open %s", name);
    r = read_to_end(fd, max, &content);
    if (r < 0) {
        buffer_done(&content);
        return error_set(err, r, "read %s: %s", name, strerrordesc_np(-r));
    }
    if (ret_size != NULL)
        *ret_size = content.size;
    buffer_append(&content, "", 1);
    *ret = (char *)content.data;
    return 0;
}

static int open_resolved(int directory_fd, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = (flags & O_CREAT) != 0 ? CREATED_MODE : 0,
        .resolve = resolve,
    };
    long fd = -1;

    /* EAGAIN: something was renamed meanwhile, and the kernel could not be sure. */
    for (unsigned tries = 0; tries < RESOLVE_TRIES; tries++) {
        fd = syscall(SYS_openat2, directory_fd, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd < 0 ? -errno : (int)fd;
}

int files_open_in_root(int root_fd, const char *path, int flags, struct error *err)
{
    int fd = open_resolved(root_fd, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

    return fd >= 0 ? fd : error_set(err, fd, "open %s: %s", path, strerrordesc_np(-fd));
}

int files_open_beneath(int directory_fd, const char *path, int flags)
{
    return open_resolved(directory_fd, path, flags | O_NOFOLLOW,
                         RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS |
                             RESOLVE_NO_MAGICLINKS);
}

int files_reopen(int fd, int flags)
{
    char path[REOPEN_PATH_SIZE];
    int again;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    again = open(path, flags | O_CLOEXEC);
    return again < 0 ? -errno : again;
}

/* One call of files_remove_tree. */
struct removal {
    int top_fd;                 /* of the tree's root, borrowed; -1 before it is open */
    unsigned stray_count;       /* directories moved up to it */
    char culprit[NAME_MAX + 1]; /* the entry that could not be removed */
};

/* A tree may be deeper than we may have descriptors or stack: what lies too deep is moved to the
 * top, where a later pass finds it. */
static int move_to_top(struct removal *removal, int directory_fd, const char *name)
{
    char stray[STRAY_NAME_SIZE];

    do {
        (void)snprintf(stray, sizeof(stray), ".stray-%u", removal->stray_count++);
        if (renameat2(directory_fd, name, removal->top_fd, stray, RENAME_NOREPLACE) == 0)
            return 0;
    } while (errno == EEXIST);
    return -errno;
}

static int remove_entry(struct removal *removal, int directory_fd, const char *name,
                        unsigned depth);

static bool is_self_or_parent(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* 1 when something was removed or moved away, 0 when nothing was there. */
static int remove_pass(struct removal *removal, DIR *directory, unsigned depth)
{
    const struct dirent *entry;
    int removed = 0;

    for (errno = 0; (entry = readdir(directory)) != NULL; errno = 0) {
        int r;

        if (is_self_or_parent(entry->d_name))
            continue;
        r = remove_entry(removal, dirfd(directory), entry->d_name, depth);
        if (r < 0)
            return r;
        removed = 1;
    }
    return errno == 0 ? removed : -errno;
}

/* Takes the descriptor. Passes until one sees nothing: a directory that changes while it is read
 * need not show every entry. */
static int empty_directory(struct removal *removal, int owned_fd, unsigned depth)
{
    DIR *directory = fdopendir(owned_fd);
    int r;

    if (directory == NULL) {
        r = -errno;
        (void)close(owned_fd);
        return r;
    }
    if (removal->top_fd < 0)
        removal->top_fd = owned_fd;
    do {
        r = remove_pass(removal, directory, depth);
        rewinddir(directory);
    } while (r > 0);
    (void)closedir(directory);
    return r;
}

static int remove_directory(struct removal *removal, int directory_fd, const char *name,
                            unsigned depth)
{
    int fd;
    int r;

    if (depth >= TREE_DEPTH_MAX)
        return move_to_top(removal, directory_fd, name);
    fd = open_resolved(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                       RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    if (fd < 0)
        return fd;
    r = empty_directory(removal, fd, depth + 1);
    if (r < 0)
        return r;
    return unlinkat(directory_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int remove_entry(struct removal *removal, int directory_fd, const char *name, unsigned depth)
{
    int r = unlinkat(directory_fd, name, 0) < 0 ? -errno : 0;

    if (r == -EISDIR)
        r = remove_directory(removal, directory_fd, name, depth);
    if (r == 0 || r == -ENOENT)
        return 0;
    if (removal->culprit[0] == '\0')
        (void)snprintf(removal->culprit, sizeof(removal->culprit), "%s", name);
    return r;
}

int files_remove_tree(int directory_fd, const char *name, struct error *err)
{
    autofree char *directory = mem_dup_text(name);
    autofree char *last = mem_dup_text(name);
    autoclose int parent_fd = open_directory(directory_fd, dirname(directory));
    struct removal removal = { .top_fd = -1 };
    int r;

    if (parent_fd < 0)
        return errno == ENOENT ? 0 : error_set_errno(err, "remove %s", name);
    r = remove_entry(&removal, parent_fd, basename(last), 0);
    if (r < 0)
        return error_set(err, r, "remove %s: %s: %s", name, removal.culprit, strerrordesc_np(-r));
    return 0;
}
