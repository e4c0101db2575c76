/*
 * Which function of the hands carries out which step.
 */
#ifndef GANTRY_WORKER_STEP_TABLE_H
#define GANTRY_WORKER_STEP_TABLE_H

#include "worker/core/engine.h"
#include "worker/io/hands.h"

/* What came of a step; everything is borrowed for the call. */
typedef void step_done_fn(void *owner, const char *id, enum step step,
                          const struct step_result *result);

/* Begin the step that the action asks for; the container must be known to the engine. `done` is
 * called once, later. `runtime`: of those who choose none; may be NULL. */
void step_begin(struct hands *hands, const struct engine *engine, const struct action *action,
                const struct engine_container *container, const char *runtime, step_done_fn *done,
                void *owner);

#endif
