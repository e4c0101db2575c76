/*
 * Which images there are: images/<id>.json of the store, and the same in memory.
 *
 * A name is one image's. It moves by writing the image that gets it first; should the crash come
 * then, the record that was written last has it.
 *
 * All functions but open and close are for whoever holds image_store_lock().
 */
#ifndef GANTRY_WORKER_IO_IMAGE_CATALOG_H
#define GANTRY_WORKER_IO_IMAGE_CATALOG_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/error.h"
#include "worker/io/image_info.h"
#include "worker/io/image_store.h"

struct image_catalog;

/* Read the records. One that cannot be read is left alone and out, with a line in the log. */
int image_catalog_open(struct image_store *store, struct image_catalog **ret, struct error *err);
/* NULL is legal. */
void image_catalog_close(struct image_catalog *catalog);

/* False when there is a record that could not be read: what it uses is not known. */
bool image_catalog_is_whole(const struct image_catalog *catalog);

size_t image_catalog_count(const struct image_catalog *catalog);
/* What a record has (id, digest, media type, names, layers, size), in the order of ids; borrowed
 * until the catalog changes. */
const struct image_info *image_catalog_at(const struct image_catalog *catalog, size_t index);

bool image_catalog_has(const struct image_catalog *catalog, const char *id);

/* See images.h, `image`. */
int image_catalog_find(const struct image_catalog *catalog, const char *image,
                       const struct image_info **ret, struct error *err);

/* The full name by which `name` means the image; NULL: by none of its names. */
const char *image_catalog_name_of(const struct image_info *image, const char *name);

/* Keep what a record has of `image`. Of one that is there already, the names are added. */
int image_catalog_put(struct image_catalog *catalog, const struct image_info *image,
                      struct error *err);
/* A full name. */
int image_catalog_tag(struct image_catalog *catalog, const char *id, const char *name,
                      struct error *err);
int image_catalog_untag(struct image_catalog *catalog, const char *id, const char *name,
                        struct error *err);
int image_catalog_remove(struct image_catalog *catalog, const char *id, struct error *err);

/* Whether an image uses it. */
bool image_catalog_uses(const struct image_catalog *catalog, enum stored_kind kind,
                        const char *hex);

#endif
