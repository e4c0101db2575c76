/*
 * How an image gets into the store, wherever it comes from: layers and documents into a batch,
 * digests checked, then all of it at once. For the image_*.c files of the store; everybody else
 * asks images.h.
 *
 * Blocking; one thread's.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_INTAKE_H
#define GANTRY_WORKER_IO_IMAGE_INTAKE_H

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "worker/io/image_catalog.h"
#include "worker/io/image_info.h"
#include "worker/io/image_store.h"
#include "worker/io/images.h"
#include "worker/io/oci_manifest.h"

struct images {
    struct image_store *store;
    struct image_catalog *catalog;
};

struct image_intake {
    struct images *images;
    struct image_batch *batch;
    const atomic_bool *is_cancelled; /* NULL: never */
    struct arena *arena;             /* of the results */
    bool has_made_manifests;         /* of an archive that has none of its own */
};

int image_intake_begin(struct images *images, const atomic_bool *is_cancelled, struct arena *arena,
                       struct image_intake *ret, struct error *err);
void image_intake_done(struct image_intake *intake);
#define autointake __attribute__((cleanup(image_intake_done))) struct image_intake

struct incoming_layer {
    const char *blob; /* the digest that it must have; NULL: any */
    const char *diff_id;
    /* Open the blob; only called when it is needed. A descriptor or a negative errno. */
    int (*open)(void *owner, struct error *err);
    void *owner;
    bool is_ours; /* a file of the batch's, which nobody else writes: needn't be copied */
};

/* A layer is in the batch, or was in the store. */
int image_intake_layer(struct image_intake *intake, const struct incoming_layer *layer,
                       struct stored_layer *ret, struct error *err);

/* Keep a configuration; gives the image's id, and fills what it says. Its layers must be those. */
int image_intake_config(struct image_intake *intake, struct bytes text, struct image_info *ret,
                        struct text_list *ret_diff_ids, struct error *err);

/* An OCI manifest of the image's layers, whatever the one that it came with. Heap. */
char *image_manifest_make(const struct image_info *image, uint64_t config_bytes,
                          struct arena *arena);

/* Keep a manifest as it came (`text`), or one that is made of the image (no text). */
int image_intake_manifest(struct image_intake *intake, struct bytes text, const char *media_type,
                          uint64_t config_bytes, struct image_info *image, struct error *err);

/* Everything is on the disk, and the images are there. */
int image_intake_commit(struct image_intake *intake, const struct image_info *images, size_t count,
                        struct error *err);

/* images_load() of a directory in another batch, which nobody else writes and which goes
 * afterwards: its blobs needn't be copied. */
int image_load_fetched(struct images *images, const struct image_source *source,
                       const struct text_list *names, struct arena *arena,
                       struct text_list *ret_ids, struct error *err);

/* What no image uses goes. */
int image_intake_collect(struct images *images, struct error *err);

#endif
