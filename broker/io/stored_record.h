/*
 * A record as it lies on the disk: the crc32c of its bytes (u32, big endian), then the bytes.
 *
 * LMDB has no checksums of its own: a bit that flipped on the disk would be served.
 */
#ifndef GANTRY_BROKER_IO_STORED_RECORD_H
#define GANTRY_BROKER_IO_STORED_RECORD_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "schemas/record.h"

/* Replace what `ret` holds by the stored form of `record`. */
void stored_record_encode(const struct record *record, struct buffer *ret);

/* The record's bytes within `stored`. -EUCLEAN, naming `pos`, when they are not what was written.
 */
int stored_record_check(uint64_t pos, struct bytes stored, struct bytes *ret, struct error *err);

#endif
