/*
 * What this host is and can: facts, and for each OCI runtime whether it works here.
 *
 * Loop thread.
 */
#ifndef GANTRY_WORKER_IO_PROBE_H
#define GANTRY_WORKER_IO_PROBE_H

#include "common/auto.h"
#include "schemas/events.h"

struct jobpool;
struct layout;
struct probe;

/* `pool` is borrowed. */
struct probe *probe_new(struct jobpool *pool, const struct layout *layout);

/* Nobody who still waits is called any more. */
void probe_destroy(struct probe *probe);
DEFINE_AUTODESTROY(probe)

typedef void probe_done_fn(void *owner, const struct host_facts *facts);

/* Probe; one that is under way is joined. `done` is called on the loop, later, or from within when
 * the pool takes no more work; the facts are borrowed for the call. */
void probe_run(struct probe *probe, probe_done_fn *done, void *owner);

/* Of the last probe of this boot, even if that was another worker's; NULL before the first one is
 * through; borrowed until the next is. */
const struct host_facts *probe_facts(const struct probe *probe);

/* The boot id of the running kernel. */
const char *probe_boot_id(const struct probe *probe);

#endif
