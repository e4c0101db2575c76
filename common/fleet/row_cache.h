/*
 * A view in front of another one, which keeps the rows that the fold changes as messages: a row
 * that changes with each of a thousand events is decoded once, changed in memory, and encoded once,
 * when all that has changed is written.
 *
 * Hosts, containers, commands, clients and totals are kept; other tables, and hosts and containers
 * as a whole, pass through. What is read here is always what was put here last.
 *
 * Owner: whoever writes the view beneath, and nobody else writes it while rows are kept. One thread
 * at a time. A row that was got borrows its parts from the cache until that trims or forgets.
 */
#ifndef GANTRY_COMMON_FLEET_ROW_CACHE_H
#define GANTRY_COMMON_FLEET_ROW_CACHE_H

#include <stdbool.h>

#include "common/auto.h"
#include "common/fleet/fleet.h"

struct row_cache;

/* Full with about so many bytes of one table's rows; it takes more all the same. */
struct row_cache *row_cache_new(size_t bytes_max);
/* What was not written is gone. NULL is legal. */
void row_cache_destroy(struct row_cache *cache);
DEFINE_AUTODESTROY(row_cache)

/* The view to read and write by, until the next call: rows that are not kept come from `beneath`,
 * which holds what the one before held (another transaction). */
const struct view *row_cache_over(struct row_cache *cache, const struct view *beneath);

/* Put what has changed into the view beneath, which holds all of it then. */
int row_cache_write(struct row_cache *cache, struct error *err);

/* To be written, and then trimmed. */
bool row_cache_is_full(const struct row_cache *cache);

/* Keep nothing of the tables that it is full of: many commands do not drive out the containers. All
 * that was changed is written. */
void row_cache_trim(struct row_cache *cache);

/* Fold a record of a log again, and make room when the cache is full. One that the view cannot
 * follow changes nothing. */
int row_cache_fold(struct row_cache *cache, const struct record *record, struct error *err);

/* Keep nothing: also what was changed and not written, when the view beneath is undone. */
void row_cache_forget(struct row_cache *cache);

#endif
