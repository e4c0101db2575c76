/*
 * Where images are loaded from: a directory, or an archive, which is unpacked into the batch. Names
 * in it are a stranger's: they are resolved as in a root directory, and never lead out of it.
 *
 * Blocking; one thread's.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_ORIGIN_H
#define GANTRY_WORKER_IO_IMAGE_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "worker/io/image_store.h"
#include "worker/io/images.h"

struct image_origin {
    int fd;       /* the directory */
    bool is_ours; /* unpacked: nobody else writes there */
};

/* -EBADMSG for what is no archive. */
int image_origin_open(const struct image_source *source, struct image_batch *batch,
                      struct image_origin *ret, struct error *err);
void image_origin_close(struct image_origin *origin);
#define autoorigin __attribute__((cleanup(image_origin_close))) struct image_origin

bool image_origin_has(const struct image_origin *origin, const char *path);

/* A regular file, to read; -EINVAL for anything else. */
int image_origin_open_file(const struct image_origin *origin, const char *path, struct error *err);

/* All of a file of at most IMAGE_DOCUMENT_MAX bytes. The caller frees it. */
int image_origin_read(const struct image_origin *origin, const char *path, char **ret,
                      size_t *ret_size, struct error *err);

#endif
