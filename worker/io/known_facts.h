/*
 * What the last probe of this boot has found, kept in RUN: a worker that is started again need not
 * wait for the next probe before it takes commands.
 *
 * Any thread.
 */
#ifndef GANTRY_WORKER_IO_KNOWN_FACTS_H
#define GANTRY_WORKER_IO_KNOWN_FACTS_H

#include <stdbool.h>

#include "common/arena.h"
#include "schemas/events.h"
#include "worker/io/layout.h"

/* False when nothing is known that this worker can rely on: it is of another boot or version, or a
 * runtime has gone since. `ret` is in `arena`. */
bool known_facts_read(const struct layout *layout, const char *boot_id, struct arena *arena,
                      struct host_facts *ret);

/* A failure is logged: the next worker waits for its probe, that is all. `path` is that of
 * layout_facts(). */
void known_facts_write(const char *path, const struct host_facts *facts);

#endif
