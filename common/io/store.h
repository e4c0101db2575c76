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
/* Every transaction has ended. NULL is legal. */
void store_close(struct store *store);
static inline void store_auto_destroy_(struct store **owned)
{
    store_close(*owned);
}

/* STORE_WRITE waits for the writer before. -EAGAIN when 126 readers are there. */
int store_begin(struct store *store, enum store_mode mode, struct store_txn **ret,
                struct error *err);
/* Frees the transaction either way: store_commit(steal_ptr(txn), err). -ENOSPC when disk or map are
 * full: nothing was written, and a later transaction may succeed. */
int store_commit(struct store_txn *txn, struct error *err);
/* NULL is legal. Ends a transaction of either mode without changes. */
void store_abort(struct store_txn *txn);
static inline void store_txn_auto_destroy_(struct store_txn **owned)
{
    store_abort(*owned);
}

/* Borrowed until the transaction ends or changes. -ENOENT (without a text) when absent. */
int store_get(struct store_txn *txn, unsigned table, struct bytes key, struct bytes *ret);
/* Insert or replace. A key has 1 to 511 bytes, -EINVAL else. When a write fails for any other
 * reason than the key's presence or absence, the commit will fail too. */
int store_put(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
              struct error *err);
/* As put for a key beyond the last one; -EEXIST when it is not beyond. */
int store_append(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
                 struct error *err);
/* -ENOENT when absent. */
int store_delete(struct store_txn *txn, unsigned table, struct bytes key, struct error *err);
/* Empty the table. */
int store_clear(struct store_txn *txn, unsigned table, struct error *err);

/* Walk: the first key at or after `from` (no bytes: the first of all), then the next ones. 1 with
 * an entry, 0 at the end. The transaction may write in between: each step gives the first key
 * beyond the last one that is there then. */
int store_walk(struct store_txn *txn, unsigned table, struct bytes from, struct store_cursor **ret,
               struct error *err);
int store_next(struct store_cursor *cursor, struct bytes *ret_key, struct bytes *ret_value,
               struct error *err);
/* Also after the transaction's end. NULL is legal. */
void store_walk_end(struct store_cursor *cursor);
static inline void store_cursor_auto_destroy_(struct store_cursor **owned)
{
    store_walk_end(*owned);
}
/* The last entry of the table; 1, or 0 when it is empty. Borrowed as by store_get. */
int store_last(struct store_txn *txn, unsigned table, struct bytes *ret_key,
               struct bytes *ret_value, struct error *err);

uint64_t store_count(struct store_txn *txn, unsigned table);
/* Bytes of the file that were ever used: it does not shrink, freed pages are used again. */
uint64_t store_bytes(struct store *store);
/* Bytes of the pages that hold the table now. */
uint64_t store_table_bytes(struct store_txn *txn, unsigned table);

/* Write the store, as it is at this moment and without its free pages, to the open file `fd` and
 * flush it: the data.mdb of a store with the same content. Blocks; others may write meanwhile. */
int store_copy(struct store *store, int fd, struct error *err);

/* Keys that sort as their numbers: big endian. */
void store_key_u64(uint64_t number, uint8_t ret[static 8]);
/* Of the first 8 bytes; a shorter key is a caller's bug. */
uint64_t store_key_read_u64(struct bytes key);

#endif
