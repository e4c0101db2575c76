/*
 * A row of a table as it lies on the disk: its value, then the crc32c of key and value (u32, big
 * endian). As records have it: a bit that flipped on the disk is never served.
 */
#ifndef GANTRY_BROKER_IO_STORED_ROW_H
#define GANTRY_BROKER_IO_STORED_ROW_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/io/store.h"

/* Replace what `ret` holds by the stored form of `value`. */
void stored_row_seal(struct bytes key, struct bytes value, struct buffer *ret);

/* The value within `stored`. -EUCLEAN, naming the key, when key or value are not what was written.
 */
int stored_row_check(struct bytes key, struct bytes stored, struct bytes *ret, struct error *err);

/* Seal each row of a table that has none sealed. */
int stored_row_seal_table(struct store_txn *txn, unsigned table, struct error *err);

#endif
