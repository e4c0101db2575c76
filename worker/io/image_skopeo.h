/*
 * What skopeo is asked for, and what the image will be called. Pure but for the arena.
 *
 * Images are fetched as skopeo's "dir:", which, unlike an OCI layout, keeps the manifest as the
 * registry has it: its digest stays the registry's.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_SKOPEO_H
#define GANTRY_WORKER_IO_IMAGE_SKOPEO_H

#include "common/arena.h"
#include "common/error.h"
#include "worker/io/images.h"

/* NULL-ended, in the arena. -EINVAL when the source is neither a name nor a transport that is
 * known. */
int image_skopeo_argv(const struct image_fetch *fetch, const char *directory, struct arena *arena,
                      const char *const **ret, struct error *err);

/* The full name that it gets: the one that was asked for; that of a registry's image; of
 * "oci:/path/web:1" it is localhost/web:1, of "dir:/path/web" localhost/web:latest. NULL when the
 * source doesn't tell. */
int image_skopeo_name(const struct image_fetch *fetch, struct arena *arena, char **ret,
                      struct error *err);

#endif
