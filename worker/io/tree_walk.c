/* A walk by descriptors; see the header. */
#include "worker/io/tree_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"

struct walk {
    const struct tree_visitor *visitor;
    void *owner;
    struct buffer path; /* of the present entry, with a NUL that is not counted */
};

static void path_cut(struct buffer *path, size_t size)
{
    path->size = size;
    buffer_append(path, "", 1);
    path->size = size;
}

static void path_add(struct buffer *path, const char *name)
{
    if (path->size > 0)
        buffer_append(path, "/", 1);
    buffer_append(path, name, strlen(name));
    path_cut(path, path->size);
}

static bool is_self_or_parent(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int walk_entry(struct walk *walk, const char *name, size_t depth, int fd, struct error *err);

/*
 * Something is mounted on the name (seen only in a running container's own view). A file of it is
 * the file that the container sees; a directory is told of as an empty one.
 */
static int walk_mount(struct walk *walk, int directory_fd, const char *name, size_t depth,
                      struct error *err)
{
    struct tree_entry entry = {
        .path = (const char *)walk->path.data,
        .name = name,
        .depth = depth,
        .fd = -1,
    };
    autoclose int fd = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int r;

    if (fd < 0 || fstat(fd, &entry.status) < 0)
        return 0;
    if (S_ISREG(entry.status.st_mode))
        return walk_entry(walk, name, depth, fd, err);
    if (!S_ISDIR(entry.status.st_mode))
        return 0;
    r = walk->visitor->enter(walk->owner, &entry, err);
    if (r == 0 && walk->visitor->leave != NULL)
        r = walk->visitor->leave(walk->owner, &entry, err);
    return r < 0 ? r : 0;
}

static int walk_name(struct walk *walk, int directory_fd, const char *name, size_t depth,
                     struct error *err)
{
    size_t size = walk->path.size;
    autoclose int fd = files_open_beneath(directory_fd, name, O_PATH);
    int r = 0;

    path_add(&walk->path, name);
    if (fd >= 0)
        r = walk_entry(walk, name, depth, fd, err);
    else if (fd == -EXDEV)
        r = walk_mount(walk, directory_fd, name, depth, err);
    else if (fd != -ENOENT)
        r = error_set(err, fd, "open %s: %s", (const char *)walk->path.data, strerrordesc_np(-fd));
    path_cut(&walk->path, size);
    return r;
}

static int walk_names(struct walk *walk, DIR *directory, size_t depth, struct error *err)
{
    const struct dirent *entry;

    for (errno = 0; (entry = readdir(directory)) != NULL; errno = 0) {
        int r;

        if (is_self_or_parent(entry->d_name))
            continue;
        r = walk_name(walk, dirfd(directory), entry->d_name, depth, err);
        if (r < 0)
            return r;
    }
    if (errno != 0)
        return error_set_errno(err, "list /%s", (const char *)walk->path.data);
    return 0;
}

static int walk_directory(struct walk *walk, int path_fd, size_t depth, struct error *err)
{
    autoclose int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory;
    int r;

    if (depth >= TREE_DEPTH_MAX)
        return error_set(err, -ELOOP, "/%s: deeper than %d directories",
                         (const char *)walk->path.data, TREE_DEPTH_MAX);
    if (fd < 0 && errno == ENOENT) /* removed meanwhile */
        return 0;
    directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL)
        return error_set_errno(err, "open /%s", (const char *)walk->path.data);
    (void)steal_fd(&fd);
    r = walk_names(walk, directory, depth + 1, err);
    (void)closedir(directory);
    return r;
}

static int walk_entry(struct walk *walk, const char *name, size_t depth, int fd, struct error *err)
{
    struct tree_entry entry = { .name = name, .depth = depth, .fd = fd };
    int r;

    if (fstat(fd, &entry.status) < 0)
        return error_set_errno(err, "look at /%s", (const char *)walk->path.data);
    entry.path = (const char *)walk->path.data;
    r = walk->visitor->enter(walk->owner, &entry, err);
    if (r != 0 || !S_ISDIR(entry.status.st_mode))
        return r < 0 ? r : 0;
    r = walk_directory(walk, fd, depth, err);
    entry.path = (const char *)walk->path.data; /* the buffer may have moved */
    if (r == 0 && walk->visitor->leave != NULL)
        r = walk->visitor->leave(walk->owner, &entry, err);
    return r;
}

int tree_walk(int root_fd, const struct tree_visitor *visitor, void *owner, struct error *err)
{
    struct walk walk = { .visitor = visitor, .owner = owner };
    int r;

    path_cut(&walk.path, 0);
    r = walk_entry(&walk, "", 0, root_fd, err);
    buffer_done(&walk.path);
    return r;
}
