/*
 * images/<id>.json of the store as text: what a record has of an image. Pure but for the arena.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_RECORD_H
#define GANTRY_WORKER_IO_IMAGE_RECORD_H

#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "worker/io/image_info.h"

/* `serial`: a later writing has a higher one. Heap. */
char *image_record_write(const struct image_info *image, uint64_t serial);

/* -EBADMSG for what is none. */
int image_record_read(struct bytes text, struct arena *arena, struct image_info *ret,
                      uint64_t *ret_serial, struct error *err);

/* layer.json: the layer as a record has it. Heap. */
char *layer_record_write(const struct stored_layer *layer);

int layer_record_read(struct bytes text, struct arena *arena, struct stored_layer *ret,
                      struct error *err);

#endif
