/*
 * Who makes the snapshots of the view, in the order of the log, one each so many records.
 *
 * Near the log's end a snapshot is read from the view, in one transaction. A log that has none yet,
 * because it is older than they are or was folded by other rules, is folded once more in memory,
 * from its floor on. So a snapshot is always what a fold of the records up to it gives.
 *
 * As many records lie between two snapshots that these take PAST_SHARE of the records' bytes at
 * most, and PAST_RECORDS_MIN at least: a fold from the one before a moment to the moment is short,
 * and all of them together grow with the log. One below the log's floor is dropped.
 *
 * One thread at a time; blocks.
 */
#ifndef GANTRY_BROKER_PAST_MAKER_H
#define GANTRY_BROKER_PAST_MAKER_H

#include <stdbool.h>

#include "broker/io/log.h"
#include "broker/io/past_store.h"

#define PAST_RECORDS_MIN 2000
#define PAST_SHARE       8 /* an eighth */

struct past_maker;

/* Drop what `store` has and this log does not bear out. Both outlive the maker. */
int past_maker_new(struct log *log, struct past_store *store, struct past_maker **ret,
                   struct error *err);
/* NULL is legal. */
void past_maker_destroy(struct past_maker *maker);
DEFINE_AUTODESTROY(past_maker)

struct past_progress {
    uint64_t wait_records; /* nothing to do before so many more; 0: go on */
    uint64_t built;        /* not 0: an old log has been folded to its end, up to this position */
};

/* Do what is to be done, for PAST_STEP_MS or a little longer. */
#define PAST_STEP_MS 100
int past_maker_step(struct past_maker *maker, struct past_progress *ret, struct error *err);

/* A snapshot cannot be read: drop it, and all of them when that cannot be done either. */
int past_maker_drop(struct past_maker *maker, uint64_t pos, struct error *err);

#endif
