/*
 * The snapshots of the view on the disk (schemas/past.h), in a store of their own beside the log:
 *
 *     source     "source"                        -> past_source
 *     snapshots  ~u64 position                   -> past_snapshot
 *     times      ~u64 latest time, ~u64 position -> nothing
 *     chunks     u64 position, u32 number from 1 -> past_chunk
 *
 * Numbers are big endian; those with ~ are inverted, so that a walk goes back in time. Values are
 * sealed (stored_row.h). A snapshot is written in one transaction: it is there whole or not at all.
 *
 * All of it can be made again from the log: what cannot be read is dropped, never served. Any
 * thread; one writer at a time.
 */
#ifndef GANTRY_BROKER_IO_PAST_STORE_H
#define GANTRY_BROKER_IO_PAST_STORE_H

#include "common/arena.h"
#include "common/auto.h"
#include "common/error.h"
#include "schemas/past.h"

struct past_store;
struct past_writer;

/* Open or make it. One that cannot be opened for what is in it is removed and begun anew. -EBUSY
 * when another process has it. */
int past_store_open(const char *directory, uint64_t bytes_max, struct past_store **ret,
                    struct error *err);
/* NULL is legal. */
void past_store_close(struct past_store *store);

/* From now on it holds snapshots of this log by these rules (`source->format` is its own): any
 * others are dropped. */
int past_store_claim(struct past_store *store, const struct past_source *source, struct error *err);

struct past_counts {
    uint64_t snapshots;
    uint64_t first; /* position of the oldest; 0: there is none */
    uint64_t last;
    uint64_t bytes; /* of the file: room of dropped ones is used again */
};

int past_store_counts(struct past_store *store, struct past_counts *ret, struct error *err);

/* Which snapshot: the newest that is not beyond any of these. UINT64_MAX: no bound. */
struct past_bound {
    uint64_t pos;
    uint64_t time;
};

/* -ENOENT (without a text) when there is none, -EUCLEAN when what is stored is damaged. */
int past_store_find(struct past_store *store, const struct past_bound *bound,
                    struct past_snapshot *ret, struct error *err);

/* The rows of a chunk, in `arena`. -ENOENT (without a text) when there is no such chunk or snapshot
 * any more, -EUCLEAN when it is damaged. */
int past_store_rows(struct past_store *store, uint64_t pos, uint32_t chunk, struct past_rows *ret,
                    struct arena *arena, struct error *err);

/* In which chunk a row with this table and key is, if it is there: 1 at least. Errors as above. */
int past_store_chunk_of(struct past_store *store, uint64_t pos, const struct past_row *row,
                        uint32_t *ret, struct error *err);

/* Drop those below a position, one of them, all of them. */
int past_store_drop_below(struct past_store *store, uint64_t pos, struct error *err);
int past_store_drop(struct past_store *store, uint64_t pos, struct error *err);
int past_store_clear(struct past_store *store, struct error *err);

/* Write snapshots: begin, the rows in order of table and key, end; again for the next one; commit.
 */
int past_writer_new(struct past_store *store, struct past_writer **ret, struct error *err);
/* Without a commit nothing was written. NULL is legal. */
void past_writer_destroy(struct past_writer *writer);
DEFINE_AUTODESTROY(past_writer)

void past_writer_begin(struct past_writer *writer, uint64_t pos);
int past_writer_row(struct past_writer *writer, const struct past_row *row, struct error *err);
/* `snapshot` has its position, times and checksum; the rest is filled in. */
int past_writer_end(struct past_writer *writer, struct past_snapshot *snapshot, struct error *err);
/* It is on the disk. Frees the writer, also on failure. -ENOSPC when the disk or the store's
 * maximum is full. */
int past_writer_commit(struct past_writer *writer, struct error *err);

#endif
