/*
 * Which function of the hands carries out which command about images and volumes.
 */
#ifndef GANTRY_WORKER_ERRAND_TABLE_H
#define GANTRY_WORKER_ERRAND_TABLE_H

#include "worker/core/engine.h"
#include "worker/io/hands.h"
#include "worker/pull_progress.h"

/* What came of the errand at this position in the log; everything is borrowed for the call. */
typedef void errand_done_fn(void *owner, uint64_t number, const struct errand_result *result);

/* Begin the errand's next action, of a pull with its words in `progress`. `done` is called once,
 * later. */
void errand_begin(struct hands *hands, const struct engine *engine, const struct errand *errand,
                  struct pull_progress *progress, errand_done_fn *done, void *owner);

#endif
