/* The directory that a layer is extracted into; see the header. */
#include "worker/io/layer_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "common/arena.h"
#include "common/io/files.h"
#include "common/mem.h"

#define DIRECTORY_MODE     0755
#define DEFERRED_BYTES_MAX (64UL * 1024 * 1024)
#define PROC_PATH_SIZE     64

struct deferred {
    struct deferred *next;
    struct timespec time;
    char *path;
};

struct layer_tree {
    int root_fd;
    int parent_fd; /* of `parent`; -1: of nothing */
    struct layer_path parent;
    struct arena arena; /* what is deferred */
    struct deferred *deferred;
};

struct layer_tree *layer_tree_new(int root_fd)
{
    struct layer_tree *tree = mem_new(struct layer_tree);

    tree->root_fd = root_fd;
    tree->parent_fd = -1;
    return tree;
}

static void forget_parent(struct layer_tree *tree)
{
    if (tree->parent_fd >= 0)
        (void)close(tree->parent_fd);
    tree->parent_fd = -1;
}

void layer_tree_destroy(struct layer_tree *tree)
{
    if (tree == NULL)
        return;
    forget_parent(tree);
    arena_done(&tree->arena);
    free(tree);
}

int layer_set_xattr(const struct layer_place *place, const char *name, const void *value,
                    size_t size)
{
    autofree char *path = mem_text("/proc/self/fd/%d/%s", place->parent_fd, place->name);

    return lsetxattr(path, name, value, size, 0) < 0 ? -errno : 0;
}

static int open_beneath(int root_fd, const char *path)
{
    const struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    int fd;

    do
        fd = (int)syscall(SYS_openat2, root_fd, path[0] == '\0' ? "." : path, &how, sizeof(how));
    while (fd < 0 && errno == EAGAIN); /* a rename somewhere on the machine */
    return fd < 0 ? -errno : fd;
}

static int make_directory(const struct layer_place *place)
{
    if (mkdirat(place->parent_fd, place->name, S_IRWXU) < 0 ||
        fchmodat(place->parent_fd, place->name, DIRECTORY_MODE, 0) < 0)
        return -errno;
    return 0;
}

/* A directory that replaces what was whited out shows nothing of what was there. */
static int replace_whiteout(const struct layer_place *place)
{
    int r;

    if (unlinkat(place->parent_fd, place->name, 0) < 0)
        return -errno;
    r = make_directory(place);
    return r < 0 ? r : layer_set_xattr(place, OVERLAY_OPAQUE_XATTR, "y", 1);
}

/* Make it, or find it there. */
static int ensure_directory(const struct layer_place *place)
{
    struct stat status;

    if (fstatat(place->parent_fd, place->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? make_directory(place) : -errno;
    if (S_ISDIR(status.st_mode))
        return 0;
    return layer_is_whiteout(&status) ? replace_whiteout(place) : -ENOTDIR;
}

/* Part by part, each in the one before. */
static int make_parents(int root_fd, const char *path)
{
    autofree char *parts = mem_dup_text(path);
    autoclose int fd = open_beneath(root_fd, "");
    char *rest = parts;

    while (fd >= 0 && rest != NULL) {
        struct layer_place place = { .parent_fd = fd, .name = strsep(&rest, "/") };
        int next;
        int r = ensure_directory(&place);

        if (r < 0)
            return r;
        next = open_beneath(fd, place.name);
        (void)close(fd);
        fd = next;
    }
    return steal_fd(&fd);
}

int layer_tree_find(struct layer_tree *tree, const struct layer_path *path, struct layer_place *ret,
                    struct error *err)
{
    struct layer_path parent;
    int fd;

    layer_path_parent(path, &parent);
    ret->name = layer_path_name(path);
    if (tree->parent_fd < 0 || strcmp(parent.text, tree->parent.text) != 0) {
        fd = open_beneath(tree->root_fd, parent.text);
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
            fd = make_parents(tree->root_fd, parent.text);
        if (fd == -ENOTDIR || fd == -ELOOP)
            return error_set(err, -ENOTDIR,
                             "%.200s: a part of its path is no directory of this layer (a link?)",
                             path->text);
        if (fd < 0)
            return error_set(err, fd, "%.200s: %s", path->text, strerror(-fd));
        forget_parent(tree);
        tree->parent_fd = fd;
        tree->parent = parent;
    }
    ret->parent_fd = tree->parent_fd;
    return 0;
}

int layer_tree_clear(struct layer_tree *tree, const struct layer_path *path,
                     struct layer_place *ret, struct error *err)
{
    struct stat status;
    int r = layer_tree_find(tree, path, ret, err);

    if (r < 0)
        return r;
    if (ret->name[0] == '\0')
        return error_set(err, -EINVAL, "the layer's root must be a directory");
    if (fstatat(ret->parent_fd, ret->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_set_errno(err, "%.200s", path->text);
    return files_remove_tree(ret->parent_fd, ret->name, err);
}

int layer_tree_make_directory(struct layer_tree *tree, const struct layer_path *path,
                              struct layer_place *ret, struct error *err)
{
    int r = layer_tree_find(tree, path, ret, err);

    if (r < 0)
        return r;
    if (ret->name[0] == '\0') {
        ret->name = ".";
        return 0;
    }
    r = ensure_directory(ret);
    if (r == -ENOTDIR) {
        /* The archive says it twice, and differently: the last word counts. */
        r = layer_tree_clear(tree, path, ret, err);
        if (r < 0)
            return r;
        r = make_directory(ret);
    }
    return r < 0 ? error_set(err, r, "make directory %.200s: %s", path->text, strerror(-r)) : 0;
}

int layer_tree_opaque(struct layer_tree *tree, const struct layer_path *path, struct error *err)
{
    struct layer_place place;
    int r = layer_tree_make_directory(tree, path, &place, err);

    if (r < 0)
        return r;
    r = layer_set_xattr(&place, OVERLAY_OPAQUE_XATTR, "y", 1);
    return r < 0 ? error_set(err, r, "make directory %.200s opaque: %s", path->text, strerror(-r))
                 : 0;
}

int layer_tree_whiteout(struct layer_tree *tree, const struct layer_path *path, struct error *err)
{
    struct layer_place place;
    struct stat status;
    int r;

    /* What was a directory may be something else in this layer, which hides it whole: umoci still
     * says of each of its files that it is gone. */
    if (layer_tree_find(tree, path, &place, NULL) == -ENOTDIR)
        return 0;
    r = layer_tree_find(tree, path, &place, err);
    if (r < 0)
        return r;
    if (fstatat(place.parent_fd, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return S_ISDIR(status.st_mode) ? layer_tree_opaque(tree, path, err) : 0;
    if (errno != ENOENT || mknodat(place.parent_fd, place.name, S_IFCHR, 0) < 0)
        return error_set_errno(err, "whiteout of %.200s", path->text);
    return 0;
}

/* The parent of `target`, nothing being made on the way. */
static int open_target(struct layer_tree *tree, const struct layer_path *target)
{
    struct layer_path parent;
    const char *name = layer_path_name(target);
    autoclose int fd = -1;
    struct stat status;

    layer_path_parent(target, &parent);
    fd = open_beneath(tree->root_fd, parent.text);
    if (fd < 0)
        return fd;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode) || layer_is_whiteout(&status))
        return -EPERM;
    return steal_fd(&fd);
}

int layer_tree_link(struct layer_tree *tree, const struct layer_path *target,
                    const struct layer_path *path, struct error *err)
{
    struct layer_place place;
    autoclose int target_fd = -1;
    int r;

    if (target->text[0] == '\0' || strcmp(target->text, path->text) == 0)
        return error_set(err, -EINVAL, "%.200s: a hard link to itself or the root", path->text);
    /* First: the way to the link may lead over the target, and replace it. */
    r = layer_tree_clear(tree, path, &place, err);
    if (r < 0)
        return r;
    target_fd = open_target(tree, target);
    if (target_fd < 0)
        return error_set(err, target_fd,
                         "%.150s: a hard link to %.150s, which is no file of this layer: %s",
                         path->text, target->text, strerror(-target_fd));
    if (linkat(target_fd, layer_path_name(target), place.parent_fd, place.name, 0) < 0)
        return error_set_errno(err, "%.150s: hard link to %.150s", path->text, target->text);
    return 0;
}

int layer_tree_defer_time(struct layer_tree *tree, const struct layer_path *path,
                          struct timespec time, struct error *err)
{
    struct deferred *deferred;

    if (tree->arena.used > DEFERRED_BYTES_MAX)
        return error_set(err, -E2BIG, "%.200s: the layer has too many directories", path->text);
    deferred = arena_zeroed(&tree->arena, sizeof(*deferred));
    deferred->path = arena_text(&tree->arena, path->text);
    deferred->time = time;
    deferred->next = tree->deferred;
    tree->deferred = deferred;
    return 0;
}

int layer_tree_finish(struct layer_tree *tree, struct error *err)
{
    /* From the last one backwards, while of several entries for one directory the last one
     * counts: they are turned round first. */
    struct deferred *ordered = NULL;

    while (tree->deferred != NULL) {
        struct deferred *deferred = tree->deferred;

        tree->deferred = deferred->next;
        deferred->next = ordered;
        ordered = deferred;
    }
    for (; ordered != NULL; ordered = ordered->next) {
        const struct timespec times[2] = { ordered->time, ordered->time };
        autoclose int fd = open_beneath(tree->root_fd, ordered->path);

        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
            continue; /* the archive replaced it later */
        if (fd < 0)
            return error_set(err, fd, "%.200s: %s", ordered->path, strerror(-fd));
        if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
            return error_set_errno(err, "time of %.200s", ordered->path);
    }
    return 0;
}
