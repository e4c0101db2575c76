/*
 * The bytes of a layer's archive on their way: read, copied, digested, and decompressed.
 *
 * Blocking; one thread at a time.
 */
#ifndef GANTRY_WORKER_IO_LAYER_STREAM_H
#define GANTRY_WORKER_IO_LAYER_STREAM_H

#include <sys/types.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "worker/io/layer_extract.h"

struct layer_stream;

/* `source` and its descriptors are borrowed for as long as the stream is open. */
int layer_stream_open(const struct layer_source *source, struct layer_stream **ret,
                      struct error *err);
/* NULL is legal. */
void layer_stream_destroy(struct layer_stream *stream);
DEFINE_AUTODESTROY(layer_stream)

/* The next bytes of the tar, borrowed until the next call; none at its end. */
int layer_stream_next(struct layer_stream *stream, struct bytes *ret, struct error *err);

/* Read whatever is left, of the tar and of the source, and give the digests and sizes. Once. */
int layer_stream_end(struct layer_stream *stream, struct layer_digests *ret, struct error *err);

#endif
