/*
 * The durable log as the broker uses it: records by position, the records of each stream by
 * position, and tables of the caller's that change in the same transaction as the log.
 *
 * An engine is a const table of functions; log_lmdb.h is the first. Positions grow and are not
 * contiguous; nobody outside an engine may count on more. What was committed is on the disk when
 * log_commit() returns.
 *
 * A transaction belongs to the thread that began it and is short. There is one writer at a time;
 * readers see the last commit and do not wait. No pointer into a transaction outlives it.
 */
#ifndef GANTRY_BROKER_IO_LOG_H
#define GANTRY_BROKER_IO_LOG_H

#include <stdint.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/id.h"
#include "schemas/record.h"

enum log_mode { LOG_READ, LOG_WRITE };

struct log_state {
    struct command_id id; /* random, made with the log */
    uint64_t epoch;       /* grows when the log is restored or rebuilt */
    uint64_t head;        /* position of the last record; 0 when there was never one */
    uint64_t floor;       /* records up to this position are no longer kept; 0: all are */
    uint64_t bytes; /* that the log takes on the disk: room of trimmed records is used again */
    uint64_t record_bytes; /* that its records take of these */
};

struct log_entry {
    uint64_t pos;
    struct bytes record; /* as record_schema encodes it; borrowed from the transaction */
};

struct log_functions;

/* An engine's own struct begins with one of these. */
struct log {
    const struct log_functions *functions;
};
struct log_txn {
    const struct log_functions *functions;
};
struct log_cursor {
    const struct log_functions *functions;
};

struct log_functions {
    void (*close)(struct log *log);
    int (*copy)(struct log *log, int fd, struct error *err);
    int (*begin)(struct log *log, enum log_mode mode, struct log_txn **ret, struct error *err);
    int (*commit)(struct log_txn *txn, struct error *err);
    void (*abort)(struct log_txn *txn);
    int (*state)(struct log_txn *txn, struct log_state *ret, struct error *err);
    int (*append)(struct log_txn *txn, struct record *record, struct error *err);
    void (*skip)(struct log_txn *txn, uint64_t upto);
    int (*stream_head)(struct log_txn *txn, const char *stream, uint64_t *ret, struct error *err);
    int (*walk)(struct log_txn *txn, const char *stream, uint64_t after, struct log_cursor **ret,
                struct error *err);
    int (*next)(struct log_cursor *cursor, struct log_entry *ret, struct error *err);
    void (*walk_end)(struct log_cursor *cursor);
    int (*trim)(struct log_txn *txn, uint64_t upto, unsigned max, unsigned *ret_count,
                struct error *err);
    int (*renew)(struct log_txn *txn, struct error *err);
    int (*table_get)(struct log_txn *txn, unsigned table, struct bytes key, struct bytes *ret);
    int (*table_put)(struct log_txn *txn, unsigned table, struct bytes key, struct bytes value,
                     struct error *err);
    int (*table_remove)(struct log_txn *txn, unsigned table, struct bytes key, struct error *err);
    int (*table_clear)(struct log_txn *txn, unsigned table, struct error *err);
    int (*table_walk)(struct log_txn *txn, unsigned table, struct bytes from,
                      int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                      struct error *err);
};

/* Close and free; no transaction may be open. NULL is legal. */
static inline void log_close(struct log *log)
{
    if (log != NULL)
        log->functions->close(log);
}

/* Write all that the log and the tables are at this moment to the open file `fd`, and flush it; the
 * engine makes a log of it again. Blocks for as long as it takes; others may write meanwhile. */
static inline int log_copy(struct log *log, int fd, struct error *err)
{
    return log->functions->copy(log, fd, err);
}

static inline int log_begin(struct log *log, enum log_mode mode, struct log_txn **ret,
                            struct error *err)
{
    return log->functions->begin(log, mode, ret, err);
}

/* Make the changes durable and free the transaction, also on failure. -ENOSPC when the disk or the
 * log's maximum is full: nothing was changed, and a later transaction may succeed. */
static inline int log_commit(struct log_txn *txn, struct error *err)
{
    return txn->functions->commit(txn, err);
}

/* End without changes and free; NULL is legal. */
static inline void log_abort(struct log_txn *txn)
{
    if (txn != NULL)
        txn->functions->abort(txn);
}

static inline void log_txn_destroy(struct log_txn *txn)
{
    log_abort(txn);
}
DEFINE_AUTODESTROY(log_txn)

static inline int log_state(struct log_txn *txn, struct log_state *ret, struct error *err)
{
    return txn->functions->state(txn, ret, err);
}

/* Append `record`, whose `stream` is set, and give it its `pos` and `prev`. -ENOSPC as commit. */
static inline int log_append(struct log_txn *txn, struct record *record, struct error *err)
{
    return txn->functions->append(txn, record, err);
}

/* What is appended next in this transaction lies beyond `upto`. */
static inline void log_skip(struct log_txn *txn, uint64_t upto)
{
    txn->functions->skip(txn, upto);
}

/* Position of the stream's last record, trimmed or not; 0 when it never had one. */
static inline int log_stream_head(struct log_txn *txn, const char *stream, uint64_t *ret,
                                  struct error *err)
{
    return txn->functions->stream_head(txn, stream, ret, err);
}

/* Walk the records beyond `after`, in order: of one stream, or of all when `stream` is NULL. */
static inline int log_walk(struct log_txn *txn, const char *stream, uint64_t after,
                           struct log_cursor **ret, struct error *err)
{
    return txn->functions->walk(txn, stream, after, ret, err);
}

/* 1 with an entry, 0 at the end. -EUCLEAN for a record that is damaged on the disk: it is never
 * given out, ret->pos is its position, and the walk may go on behind it. A ret->pos of 0 says that
 * the log cannot be walked any further. */
static inline int log_next(struct log_cursor *cursor, struct log_entry *ret, struct error *err)
{
    return cursor->functions->next(cursor, ret, err);
}

/* End a walk, before its transaction ends. NULL is legal. */
static inline void log_walk_end(struct log_cursor *cursor)
{
    if (cursor != NULL)
        cursor->functions->walk_end(cursor);
}

static inline void log_cursor_destroy(struct log_cursor *cursor)
{
    log_walk_end(cursor);
}
DEFINE_AUTODESTROY(log_cursor)

/* Drop the oldest records, none beyond `upto`, at most `max` of them, never the last of the log.
 * The floor rises to the last one dropped. */
static inline int log_trim(struct log_txn *txn, uint64_t upto, unsigned max, unsigned *ret_count,
                           struct error *err)
{
    return txn->functions->trim(txn, upto, max, ret_count, err);
}

/* Begin another epoch: the log was restored, and may lack what others have seen of it. */
static inline int log_renew(struct log_txn *txn, struct error *err)
{
    return txn->functions->renew(txn, err);
}

/* The caller's tables, known by their index in the list that opened the log. `get`: borrowed until
 * the next change; without a text -ENOENT when absent, -EUCLEAN when damaged on the disk. `remove`:
 * -ENOENT when absent. `walk`: from the first key at or after `from`, until `visit` returns not 0;
 * what it returned is the result. */
static inline int log_table_get(struct log_txn *txn, unsigned table, struct bytes key,
                                struct bytes *ret)
{
    return txn->functions->table_get(txn, table, key, ret);
}

static inline int log_table_put(struct log_txn *txn, unsigned table, struct bytes key,
                                struct bytes value, struct error *err)
{
    return txn->functions->table_put(txn, table, key, value, err);
}

static inline int log_table_remove(struct log_txn *txn, unsigned table, struct bytes key,
                                   struct error *err)
{
    return txn->functions->table_remove(txn, table, key, err);
}

static inline int log_table_clear(struct log_txn *txn, unsigned table, struct error *err)
{
    return txn->functions->table_clear(txn, table, err);
}

static inline int log_table_walk(struct log_txn *txn, unsigned table, struct bytes from,
                                 int (*visit)(void *owner, struct bytes key, struct bytes value),
                                 void *owner, struct error *err)
{
    return txn->functions->table_walk(txn, table, from, visit, owner, err);
}

#endif
