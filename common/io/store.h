/*
 * Durable tables: the one door to LMDB. Sorted byte keys, byte values, transactions.
 *
 * A store is a directory, opened once by one process (a second open is refused by a lock file).
 * A transaction belongs to the thread that began it; there is one writer at a time. A commit has
 * been flushed to the disk when it returns. No pointer into a transaction outlives it. Dead
 * readers are cleared at open.
 */
#ifndef GANTRY_COMMON_IO_STORE_H
#define GANTRY_COMMON_IO_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"

struct store;
struct store_txn;
struct store_cursor;

enum store_mode { STORE_READ, STORE_WRITE };

/*
 * Open or make (mode 0700) the store in `directory` with the `tables` of that NULL-ended list; a
 * table is known by its index in the list. `map_bytes`: the address space to reserve, the file's
 * maximum. The new directory and file are made durable. -EBUSY when another process has it.
 */
int store_open(const char *directory, const char *const *tables, uint64_t map_bytes,
               struct store **ret, struct error *err);
void store_close(struct store *store);

int store_begin(struct store *store, enum store_mode mode, struct store_txn **ret,
                struct error *err);
/* Frees the transaction either way. -ENOSPC when disk or map are full: nothing was written. */
int store_commit(struct store_txn *txn, struct error *err);
/* NULL is legal. Ends a transaction of either mode without changes. */
void store_abort(struct store_txn *txn);

/* Borrowed until the transaction ends or changes. -ENOENT (without a text) when absent. */
int store_get(struct store_txn *txn, unsigned table, struct bytes key, struct bytes *ret);
/* Insert or replace. */
int store_put(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
              struct error *err);
/* As put for a key beyond the last one; -EEXIST when it is not beyond. */
int store_append(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
                 struct error *err);
/* -ENOENT when absent. */
int store_delete(struct store_txn *txn, unsigned table, struct bytes key, struct error *err);
/* Empty the table. */
int store_clear(struct store_txn *txn, unsigned table, struct error *err);

/* Walk: the first key at or after `from`, then the next ones. 1 with an entry, 0 at the end. */
int store_walk(struct store_txn *txn, unsigned table, struct bytes from, struct store_cursor **ret,
               struct error *err);
int store_next(struct store_cursor *cursor, struct bytes *ret_key, struct bytes *ret_value,
               struct error *err);
void store_walk_end(struct store_cursor *cursor);
/* The last entry of the table; 1, or 0 when it is empty. */
int store_last(struct store_txn *txn, unsigned table, struct bytes *ret_key,
               struct bytes *ret_value, struct error *err);

uint64_t store_count(struct store_txn *txn, unsigned table);
/* Bytes of the file in use. */
uint64_t store_bytes(struct store *store);

/* Keys that sort as their numbers: big endian. */
void store_key_u64(uint64_t number, uint8_t ret[static 8]);
uint64_t store_key_read_u64(struct bytes key);

#endif
