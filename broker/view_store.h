/*
 * The view kept beside the log: common/fleet's view over the tables of a transaction of the log,
 * so that a record and what it means for the fleet are durable together.
 */
#ifndef GANTRY_BROKER_VIEW_STORE_H
#define GANTRY_BROKER_VIEW_STORE_H

#include "broker/io/log.h"
#include "common/fleet/fleet.h"

/* The view's tables, then the broker's own numbers. */
#define VIEW_STORE_TABLES_MAX (VIEW_TABLE_COUNT + 1)

/* The NULL-ended names of the tables that the log has to be opened with. */
void view_store_tables(const char *ret[static VIEW_STORE_TABLES_MAX + 1]);

/* The view as of this transaction; lives as long as it does. */
struct view view_store_in(struct log_txn *txn);

/* The broker's own numbers by name, beside the view: 0 when never put. */
int view_store_number(struct log_txn *txn, const char *name, uint64_t *ret, struct error *err);
int view_store_put_number(struct log_txn *txn, const char *name, uint64_t number,
                          struct error *err);

/* Bring the view up to the log: folds all of it when it was folded by other rules (VIEW_VERSION) or
 * a fold was interrupted, and otherwise does nothing. `ret_folded`: records folded. -ENODATA when
 * records that it needs are no longer kept. */
int view_store_prepare(struct log *log, uint64_t *ret_folded, struct error *err);

#endif
