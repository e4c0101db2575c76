/*
 * A walk through a directory tree that belongs to a stranger, who may change it meanwhile. Every
 * step is taken by descriptors, from the directory that is held open to a name in it: no symbolic
 * link is followed and no mount is entered, so the walk cannot leave the tree (CVE-2023-0778).
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_TREE_WALK_H
#define GANTRY_WORKER_IO_TREE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/error.h"

#define TREE_DEPTH_MAX 128 /* directories in one another; each holds a descriptor */

/* All borrowed for the call. */
struct tree_entry {
    const char *path;   /* from the root: "a/b"; "" for the root itself */
    const char *name;   /* its last part */
    size_t depth;       /* 0: the root, 1: what is in it */
    int fd;             /* O_PATH, of the entry itself; -1 for a mount that is not entered */
    struct stat status; /* of that very descriptor */
};

#define TREE_SKIP 1 /* of `enter`: not what is in this directory */

/* Results: 0 or TREE_SKIP: go on; negative: the walk ends with it. */
typedef int tree_visit_fn(void *owner, const struct tree_entry *entry, struct error *err);

struct tree_visitor {
    tree_visit_fn *enter; /* every entry; a directory before what is in it */
    tree_visit_fn *leave; /* a directory after what is in it, unless skipped; may be NULL */
};

/*
 * Walk what `root_fd` is of: a directory and all in it, or a single file. What vanishes on the way
 * is left out. -ELOOP beyond TREE_DEPTH_MAX. Entries come as the file system lists them.
 */
int tree_walk(int root_fd, const struct tree_visitor *visitor, void *owner, struct error *err);

#endif
