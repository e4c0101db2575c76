/*
 * Values in a store with their checksum before them: a flipped bit is found, named and not served.
 */
#ifndef GANTRY_WORKER_IO_SEALED_H
#define GANTRY_WORKER_IO_SEALED_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/id.h"
#include "common/io/store.h"

/* The crc32c (big endian) and the value, in place of what `ret` held. */
void sealed_wrap(struct bytes value, struct buffer *ret);
/* The value, borrowed from `sealed`; -EUCLEAN when it is not what was wrapped. */
int sealed_unwrap(struct bytes sealed, struct bytes *ret, struct error *err);

int sealed_put(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
               struct error *err);
/* Borrowed as by store_get(). -ENOENT (without a text), -EUCLEAN. */
int sealed_get(struct store_txn *txn, unsigned table, struct bytes key, struct bytes *ret,
               struct error *err);

/* Values with a name. Reading gives zero when it was never put. */
int sealed_put_number(struct store_txn *txn, unsigned table, const char *name, uint64_t number,
                      struct error *err);
int sealed_get_number(struct store_txn *txn, unsigned table, const char *name, uint64_t *ret,
                      struct error *err);
int sealed_put_id(struct store_txn *txn, unsigned table, const char *name, struct command_id id,
                  struct error *err);
int sealed_get_id(struct store_txn *txn, unsigned table, const char *name, struct command_id *ret,
                  struct error *err);

#endif
