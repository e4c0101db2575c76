/*
 * Names of images, as people type and registries know them: [DOMAIN/]PATH[:TAG][@sha256:DIGEST].
 * Pure.
 *
 * Full names are kept everywhere: domain, path, and a tag or a digest. A name without a domain
 * ("busybox", "team/app"; a domain has a dot or a colon, or is "localhost") is short, and what it
 * means depends on where it is said, as with podman:
 *   - where an image is named (tag, commit, import, the annotations of an OCI layout), it is this
 *     host's: localhost/busybox:latest;
 *   - where it is fetched from, and in archives of docker's, it is Docker Hub's:
 *     docker.io/library/busybox:latest;
 *   - where an image is looked for, it is the first that there is of these two; the store
 *     (worker/io/images.h) then takes the one image of any other registry whose name ends so.
 * There are no aliases and no search lists: whoever wants another registry says it.
 */
#ifndef GANTRY_COMMON_IMAGE_NAME_H
#define GANTRY_COMMON_IMAGE_NAME_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/error.h"

#define IMAGE_NAME_SIZE_MAX 511 /* with tag and digest */

struct image_name {
    char *domain; /* NULL: the name is short */
    char *path;   /* "library/busybox" */
    char *tag;    /* NULL: none was said */
    char *digest; /* 64 hexadecimal digits; NULL: none was said */
};

/* -EINVAL for what is no name, with a sentence that shows it. */
int image_name_parse(const char *text, struct arena *arena, struct image_name *ret,
                     struct error *err);

/* The full name, in the arena; a short one is of `domain` ("localhost", "docker.io"). The tag is
 * "latest" when neither tag nor digest was said. */
char *image_name_full(const struct image_name *name, const char *domain, struct arena *arena);

/* Both at once. */
int image_name_normalise(const char *text, const char *domain, struct arena *arena, char **ret,
                         struct error *err);

/* Whether `name` is short, and `full` is that name in some registry. */
bool image_name_ends_like(const char *full, const struct image_name *name);

/* "web" -> "localhost/web:latest"; a whole name only gets its tag. One with a digest names that
 * manifest, and loses its tag. In the arena; NULL: the text (it may be NULL) is no name. */
char *image_name_local(const char *text, struct arena *arena);

/* "busybox" -> "docker.io/library/busybox:latest"; otherwise the same. */
char *image_name_registry(const char *text, struct arena *arena);

#endif
