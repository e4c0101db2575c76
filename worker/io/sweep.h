/*
 * What a crash has left in the store: images, volumes and uploads of which the journal knows
 * nothing, and mounts (storage_sweep.h). A volume that has anything in it stays, and is told of.
 *
 * Blocking; at the start, before anything else is done in the store.
 */
#ifndef GANTRY_WORKER_IO_SWEEP_H
#define GANTRY_WORKER_IO_SWEEP_H

#include "common/error.h"
#include "worker/io/hands.h"

struct tools;

int sweep(struct tools *tools, const struct hands_known *known, struct error *err);

#endif
