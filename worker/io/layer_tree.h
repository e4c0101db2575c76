/*
 * The directory that a layer is extracted into. What is made in it was named by a stranger: nothing
 * is reached through a symbolic link, through a mount, or from outside of the layer's root.
 *
 * Whiteouts are written as overlayfs wants them: a character device 0:0 in the place of what is
 * gone, trusted.overlay.opaque=y on a directory that hides what is below it. Modes are exact,
 * whatever the umask.
 *
 * Blocking; one thread at a time.
 */
#ifndef GANTRY_WORKER_IO_LAYER_TREE_H
#define GANTRY_WORKER_IO_LAYER_TREE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "common/auto.h"
#include "common/error.h"
#include "worker/io/layer_path.h"

#define LAYER_WHITEOUT_PREFIX ".wh."
#define LAYER_WHITEOUT_META   ".wh..wh." /* what aufs kept for itself, but for: */
#define LAYER_WHITEOUT_OPAQUE ".wh..wh..opq"

#define OVERLAY_OPAQUE_XATTR "trusted.overlay.opaque"

struct layer_tree;

/* `root_fd` is borrowed for as long as the tree is open. */
struct layer_tree *layer_tree_new(int root_fd);
/* NULL is legal. */
void layer_tree_destroy(struct layer_tree *tree);
DEFINE_AUTODESTROY(layer_tree)

/* A place for something new. */
struct layer_place {
    int parent_fd;    /* the tree's, O_PATH, until the next call */
    const char *name; /* within the path that was asked for */
};

/* The place of `path`, which is not the root; directories on the way that the layer doesn't have
 * yet are made, 0755 and root's. -ENOTDIR when something else is in the way. */
int layer_tree_find(struct layer_tree *tree, const struct layer_path *path, struct layer_place *ret,
                    struct error *err);

/* The same with nothing there: what the layer itself had put there before is removed. */
int layer_tree_clear(struct layer_tree *tree, const struct layer_path *path,
                     struct layer_place *ret, struct error *err);

/* Make the directory, or find it there. In the place of a whiteout it becomes opaque. The root is
 * there. */
int layer_tree_make_directory(struct layer_tree *tree, const struct layer_path *path,
                              struct layer_place *ret, struct error *err);

/* What the layers below have at `path` is gone; what this layer has there stays. Nothing to do
 * where it has no directory on the way. */
int layer_tree_whiteout(struct layer_tree *tree, const struct layer_path *path, struct error *err);

/* What the layers below have in the directory `path` is gone. */
int layer_tree_opaque(struct layer_tree *tree, const struct layer_path *path, struct error *err);

/* A hard link to what this layer has at `target`, itself no directory. -ENOENT when there is none:
 * what other layers have cannot be linked to. */
int layer_tree_link(struct layer_tree *tree, const struct layer_path *target,
                    const struct layer_path *path, struct error *err);

/* Directories get their times at the end, when nothing is made in them any more. -E2BIG when more
 * of them are kept in mind than memory is meant for that. */
int layer_tree_defer_time(struct layer_tree *tree, const struct layer_path *path,
                          struct timespec time, struct error *err);
int layer_tree_finish(struct layer_tree *tree, struct error *err);

/* Whether the status is that of overlayfs's whiteout. */
static inline bool layer_is_whiteout(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

/* lsetxattr for what is in a directory that is known by its descriptor. 0 or a negative errno. */
int layer_set_xattr(const struct layer_place *place, const char *name, const void *value,
                    size_t size);

#endif
