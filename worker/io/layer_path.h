/*
 * Names in a layer's archive: a stranger's bytes, made into a path beneath the layer's root, or
 * refused. Pure.
 */
#ifndef GANTRY_WORKER_IO_LAYER_PATH_H
#define GANTRY_WORKER_IO_LAYER_PATH_H

#include <limits.h>

#include "common/error.h"

struct layer_path {
    char text[PATH_MAX]; /* "usr/bin/sh"; "" is the root itself */
};

/*
 * Without "." and empty parts. Leading slashes go: some builders write "/app", and mean the
 * layer's root. -EINVAL for "..", -ENAMETOOLONG for what no file can be called; the sentence names
 * the path.
 */
int layer_path_clean(const char *name, struct layer_path *ret, struct error *err);

/* The last part, within `path`; "" for the root. */
const char *layer_path_name(const struct layer_path *path);

/* Everything before it; "" for what is in the root. */
void layer_path_parent(const struct layer_path *path, struct layer_path *ret);

#endif
