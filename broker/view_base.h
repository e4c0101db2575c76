/*
 * The base: the view as it was at the floor of the log, in tables of its own in the same store.
 *
 * What is trimmed is folded into the base first, in the transaction that drops it. So the base and
 * the records that are kept are always worth the whole log: the view can be made anew from them.
 */
#ifndef GANTRY_BROKER_VIEW_BASE_H
#define GANTRY_BROKER_VIEW_BASE_H

#include "broker/io/log.h"
#include "common/fleet/fleet.h"

/* The names of its VIEW_TABLE_COUNT tables: for view_store_tables(). */
void view_base_tables(const char **ret);

/*
 * The base, to fold what is trimmed in this transaction into; view_base_moved() ends that.
 * -ENODATA when it is not of this log's floor, or was folded by other rules (VIEW_VERSION): then
 * it can neither be taken on nor built on.
 */
int view_base_open(struct log_txn *txn, struct view *ret, struct error *err);

/* It holds everything up to this position, the new floor. */
int view_base_moved(struct log_txn *txn, uint64_t floor, struct error *err);

/* Put all of it into `view`, which is empty. -ENODATA as above. */
int view_base_copy(struct log_txn *txn, const struct view *view, struct error *err);

#endif
