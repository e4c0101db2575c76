/* Bytes made smaller for the disk, and back: the one door to zstd. Any thread. */
#ifndef GANTRY_BROKER_IO_SQUEEZE_H
#define GANTRY_BROKER_IO_SQUEEZE_H

#include "common/bytes.h"
#include "common/error.h"

/* Replace what `ret` holds by the packed form of `bytes`. */
int squeeze(struct bytes bytes, struct buffer *ret, struct error *err);

/* Replace what `ret` holds by what was packed, which has this size. -EUCLEAN when it has not. */
int unsqueeze(struct bytes packed, size_t size, struct buffer *ret, struct error *err);

#endif
