/*
 * What the fleet was: snapshots of the view, made as the log grows, for who folds it to a moment.
 *
 * A pool thread of low priority makes them (past_maker.h), so that neither the loop nor the
 * committer waits; the loop reads them. A broker whose snapshots fail says so and serves all else:
 * whoever gets none folds from the log's floor. Loop thread.
 */
#ifndef GANTRY_BROKER_SNAPSHOTS_H
#define GANTRY_BROKER_SNAPSHOTS_H

#include <stdbool.h>

#include "broker/io/past_store.h"
#include "common/error.h"

/* In the state directory. With no broker running it may be removed: it is made again. */
#define PAST_DIRECTORY "past"

struct broker;
struct snapshots;

int snapshots_new(struct broker *broker, struct snapshots **ret, struct error *err);

/* Waits for the step that is under way. Before the log is closed. NULL is legal. */
void snapshots_destroy(struct snapshots *snapshots);

/* The log has grown; records were trimmed. */
void snapshots_wake(struct snapshots *snapshots);
void snapshots_trimmed(struct snapshots *snapshots);

/* In a moment there will be something to read, or it will be known that there is not. */
bool snapshots_are_settling(const struct snapshots *snapshots);

/* What there is to read; NULL: nothing. */
struct past_store *snapshots_store(struct snapshots *snapshots);

/* It cannot be read: it will be dropped, and until then nothing is given out. */
void snapshots_condemn(struct snapshots *snapshots, uint64_t pos, const struct error *why);

/* All zero when there are none. */
struct past_counts snapshots_counts(const struct snapshots *snapshots);

#endif
