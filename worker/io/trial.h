/*
 * A trial of an OCI runtime: run one small container, with a spec as those of ours, on the host's
 * own /usr and /bin mounted read-only, and see whether it works in this host's cgroup layout.
 *
 * Blocking; for a pool thread.
 */
#ifndef GANTRY_WORKER_IO_TRIAL_H
#define GANTRY_WORKER_IO_TRIAL_H

#include "common/error.h"

struct cgroups;

/* `directory` belongs to trials alone; `runtime` is the program's path. -EIO with the runtime's
 * own words when it does not work. Nothing is left behind. */
int trial_run(const char *directory, const struct cgroups *cgroups, const char *runtime,
              struct error *err);

/* Clear away what trials that were cut off have left in `directory` and in the control groups. */
void trial_clear_leftovers(const char *directory, const struct cgroups *cgroups);

#endif
