/* The two sides of cp, and where a copy ends up: podman's rules. Pure. */
#ifndef GANTRY_OPS_CONSOLE_COPY_ARGS_H
#define GANTRY_OPS_CONSOLE_COPY_ARGS_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/error.h"

struct copy_side {
    const char *container; /* NULL: a path of this machine */
    const char *path;
};

/* "web:/etc", or a path. What begins with "/" or "." is a path, whatever follows. */
int copy_args_side(const char *word, struct arena *arena, struct copy_side *ret, struct error *err);

/* "/a/b." of the container, from what was said and the container's working directory; a slash or
 * "/." at the end stays. */
char *copy_args_absolute(const char *path, const char *workdir, struct arena *arena);

/* The last part of a path without slashes at its end: "b" of "/a/b/", "." of "/a/.", "/" of "/". */
char *copy_args_base(const char *path, struct arena *arena);
/* What is before that: "/a", "." when there is nothing. */
char *copy_args_parent(const char *path, struct arena *arena);

/* Whether the path means what is in a directory: it ends with "/." or is ".". */
bool copy_args_means_content(const char *path);

#endif
