/*
 * The start: what the journal holds goes into the engine, and the world is looked at for every run
 * that the journal says is alive.
 */
#ifndef GANTRY_WORKER_RECOVERY_H
#define GANTRY_WORKER_RECOVERY_H

#include "common/error.h"
#include "worker/core/engine.h"
#include "worker/io/hands.h"
#include "worker/io/journal.h"

/* Load a new engine from the journal. */
int recovery_load(struct journal *journal, const char *host, struct engine **ret,
                  struct error *err);

/* Let the hands watch every live run again; the engine is told of those that are gone. Not after a
 * reboot: nothing is alive then. */
void recovery_adopt(struct engine *engine, struct hands *hands);

/* After a reboot instead: the engine is told of the exits that the disk has kept. */
void recovery_find_exits(struct engine *engine, struct hands *hands);

/* Whatever the host's store holds that the journal does not know goes. Before the engine asks for
 * anything. */
int recovery_sweep(struct engine *engine, struct hands *hands, bool is_new_boot, struct error *err);

/* Uploads that no command wants, when they are old (io/uploads.h); also while the worker works. */
int recovery_sweep_uploads(struct engine *engine, struct hands *hands, struct error *err);

#endif
