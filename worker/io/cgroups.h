/*
 * Control groups of this host: which layout the kernel has, and what is in ours. The OCI runtime
 * makes and limits a container's group, /gantry/<id>; what is here looks at it, thaws it and
 * clears it away when nobody else did.
 *
 * Read once at the start; immutable then, so any thread may use it.
 */
#ifndef GANTRY_WORKER_IO_CGROUPS_H
#define GANTRY_WORKER_IO_CGROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/auto.h"
#include "common/error.h"

struct cgroups;

int cgroups_open(struct cgroups **ret, struct error *err);
void cgroups_destroy(struct cgroups *cgroups);
DEFINE_AUTODESTROY(cgroups)

/* "v1", "v2", "hybrid" or "none". */
const char *cgroups_layout(const struct cgroups *cgroups);

/* The unified hierarchy governs everything: a container gets a namespace of its own. */
bool cgroups_is_v2(const struct cgroups *cgroups);

/* Whether containers can be frozen. */
bool cgroups_can_freeze(const struct cgroups *cgroups);

/* Whether they can limit how many processes there are. A unified hierarchy beside old ones, or one
 * that its host has not given the controller, cannot. */
bool cgroups_can_limit_pids(const struct cgroups *cgroups);

/* The value of cgroupsPath for a container, on the heap. */
char *cgroups_path(const char *id);

/* Move conmon out of the worker's group, so that neither the worker's supervisor nor its memory
 * limit hits it. As far as the host lets us: failing is harmless. */
void cgroups_place_conmon(const struct cgroups *cgroups, pid_t pid);

/* Has the kernel killed a process of the container for want of memory? */
bool cgroups_was_oom_killed(const struct cgroups *cgroups, const char *id);

bool cgroups_is_frozen(const struct cgroups *cgroups, const char *id);

/* Let a frozen group run: a signal reaches it only then. Not being frozen is success. */
int cgroups_thaw(const struct cgroups *cgroups, const char *id, struct error *err);

/* Blocking: SIGKILL what is still in the container's group and remove it from every hierarchy.
 * Nothing there is success. -ETIMEDOUT when a process does not end. */
int cgroups_clear(const struct cgroups *cgroups, const char *id, int timeout_ms, struct error *err);

#endif
