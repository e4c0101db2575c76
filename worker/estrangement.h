/*
 * Whether a broker's log is the one that a worker has worked with, and neither it nor the worker's
 * journal an older copy. Pure.
 */
#ifndef GANTRY_WORKER_ESTRANGEMENT_H
#define GANTRY_WORKER_ESTRANGEMENT_H

#include "schemas/bus.h"
#include "worker/io/journal.h"

/* The sentence why the two cannot go on with each other, on the heap; NULL when they can. */
char *estrangement_find(const char *host, const struct journal_state *state,
                        const struct welcome *welcome);

#endif
