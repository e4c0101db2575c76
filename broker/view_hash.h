/*
 * view.hash: a fingerprint of the view, so that others can hold a fold of the log against it.
 *
 * To walk the whole view takes its time: a pool thread does it, in a read transaction of its own
 * and one at a time. Loop thread.
 */
#ifndef GANTRY_BROKER_VIEW_HASH_H
#define GANTRY_BROKER_VIEW_HASH_H

#include "common/error.h"

struct broker;
struct view_hashes;

int view_hashes_new(struct broker *broker, struct view_hashes **ret, struct error *err);

/* Waits for the walk that is under way; who waits for another is told to ask again. Before the
 * server and the log are closed. NULL is legal. */
void view_hashes_destroy(struct view_hashes *hashes);

#endif
