/*
 * A worker tells what the log has lost, or never had: the records that begin and end it, and what
 * the broker keeps of it beside the view. Pool thread, in a transaction of the committer; but for
 * recovery_mark().
 *
 * What a worker has done by another log's word stays done: positions go on beyond its cursor, so
 * that nothing new can be taken for what it has seen, and it is given only commands from then on.
 */
#ifndef GANTRY_BROKER_RECOVERY_H
#define GANTRY_BROKER_RECOVERY_H

#include "broker/commit.h"
#include "schemas/bus.h"

/* Numbers of view_store.h, ns since 1970: when the log was begun in place of a lost one, and until
 * when what happened may be missing in it. */
#define RECOVERY_REBUILT    "rebuilt"
#define RECOVERY_LOST_UNTIL "lost_until"

/* An empty log begins in place of a lost one: log.rebuilt. Nothing happens to another. Blocks; for
 * the start of the broker. */
int recovery_mark(struct log *log, struct error *err);

/* Append host.recovering behind the hello at `hello_pos`: the events from `from` on come next. */
int recovery_begin(struct commit_turn *turn, const struct hello *said, const char *actor,
                   uint64_t from, uint64_t hello_pos, struct error *err);

/* Append host.recovered of the recovery that began at `recovery`: what the log still waits for and
 * the worker does not know has failed. */
int recovery_end(struct commit_turn *turn, const char *host, const char *actor, uint64_t recovery,
                 uint64_t told, struct error *err);

#endif
