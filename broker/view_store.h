/*
 * The view kept beside the log: common/fleet's view over the tables of a transaction of the log,
 * so that a record and what it means for the fleet are durable together.
 */
#ifndef GANTRY_BROKER_VIEW_STORE_H
#define GANTRY_BROKER_VIEW_STORE_H

#include "broker/io/log.h"
#include "common/fleet/fleet.h"

/* The view's tables, the broker's own numbers, then the tables of the base (view_base.h). */
enum { VIEW_STORE_NUMBERS = VIEW_TABLE_COUNT, VIEW_STORE_BASE };
#define VIEW_STORE_TABLES_MAX (VIEW_STORE_BASE + VIEW_TABLE_COUNT)

/* The NULL-ended names of the tables that the log has to be opened with. */
void view_store_tables(const char *ret[static VIEW_STORE_TABLES_MAX + 1]);

/* Open or make the broker's log in `directory`, with these tables. Errors as log_lmdb_open(). */
int view_store_open_log(const char *directory, struct log **ret, struct error *err);

/* The view as of this transaction; lives as long as it does. */
struct view view_store_in(struct log_txn *txn);

/* The broker's own numbers by name, beside the view: 0 when never put. */
int view_store_number(struct log_txn *txn, const char *name, uint64_t *ret, struct error *err);
int view_store_put_number(struct log_txn *txn, const char *name, uint64_t number,
                          struct error *err);

/* Fold one record of the log into a view. One that the view cannot follow changes nothing. */
int view_store_fold(const struct view *view, const struct log_entry *entry, struct error *err);

/* Bring the view up to the log: folds all of it when it was folded by other rules (VIEW_VERSION) or
 * a fold was interrupted, and otherwise does nothing. What is no longer kept is taken from the
 * base. The new view is in memory until all is folded. `ret_folded`: records folded. -ENODATA when
 * neither has what it needs. */
int view_store_prepare(struct log *log, uint64_t *ret_folded, struct error *err);

/* The next view_store_prepare() makes the view anew, whatever is kept of it. */
int view_store_forget(struct log *log, struct error *err);

#endif
