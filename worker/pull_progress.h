/*
 * What skopeo says while it fetches images, for consoles that follow by a stream of kind
 * "progress": kept while the pull goes on, its last bytes only, and logged nowhere.
 *
 * Pool threads write the words into a pipe; whatever does not fit is dropped there, so that no
 * pull waits for a reader. Owner: the worker. Thread: the loop's.
 */
#ifndef GANTRY_WORKER_PULL_PROGRESS_H
#define GANTRY_WORKER_PULL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"

#define PULL_PROGRESS_BYTES_MAX 16384 /* of each pull that are kept */

struct event_base;
struct pull_progress;

struct pull_progress *pull_progress_new(struct event_base *loop);
/* After the streams. NULL is legal. */
void pull_progress_destroy(struct pull_progress *progress);
DEFINE_AUTODESTROY(pull_progress)

/* The command at this position of the log begins. Where its words are to be written: the caller
 * closes it once others have it; -1 when there is no room, and then there will be no words. */
int pull_progress_begin(struct pull_progress *progress, uint64_t pos);

/* It has ended, or never will begin: so do the streams about it. */
void pull_progress_end(struct pull_progress *progress, uint64_t pos);

/* End the streams about commands of which `is_open` says that they are over. */
void pull_progress_settle(struct pull_progress *progress,
                          bool (*is_open)(void *owner, uint64_t pos), void *owner);

#endif
