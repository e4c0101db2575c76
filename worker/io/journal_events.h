/*
 * The events of a worker's journal, in their table: each under its number, with the bytes of all
 * events up to it, itself included, before it. Within transactions of the journal.
 */
#ifndef GANTRY_WORKER_IO_JOURNAL_EVENTS_H
#define GANTRY_WORKER_IO_JOURNAL_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/schema.h"
#include "worker/io/journal_limits.h"

#define JOURNAL_EVENTS_TABLE 1 /* of the store */

struct store_txn;

int journal_events_put(struct store_txn *txn, uint64_t seq, uint64_t total, struct bytes event,
                       struct error *err);

/* The running total that an event carries, where it can be read: it is only for what is full, and a
 * damaged event is found by who reads it. */
void journal_events_total(struct store_txn *txn, uint64_t seq, uint64_t *ret);

/* What the event kept->first_seq says of itself. One that cannot be read counts as older than any
 * bound. */
void journal_events_look(struct store_txn *txn, struct journal_kept *kept);

/* Drop the oldest that need not be kept, at most some thousands. */
int journal_events_drop(struct store_txn *txn, const struct journal_limits *limits,
                        const struct journal_told *told, struct journal_kept *kept,
                        struct error *err);

struct journal_range {
    uint64_t after;   /* journal_seq */
    size_t bytes_max; /* one event may be larger: then it comes alone */
    size_t count_max;
};

/* As journal_read(). */
int journal_events_read(struct store_txn *txn, const struct journal_range *range,
                        struct raw_list *ret, struct arena *arena, struct error *err);

#endif
