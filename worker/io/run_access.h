/*
 * The way to a root filesystem for a container that has a user namespace: its runtime goes there as
 * the container's root, who is nobody on the host.
 *
 * Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_RUN_ACCESS_H
#define GANTRY_WORKER_IO_RUN_ACCESS_H

#include "common/error.h"
#include "worker/io/layout.h"
#include "worker/io/user_namespace.h"

/* Let it pass RUN and RUN/containers, where nobody can list anything still, and let its group alone
 * pass RUN/containers/<id>. */
int run_access_give(const struct layout *layout, const char *id, const struct user_namespace *users,
                    struct error *err);

/* -EACCES with a sentence that names the directory above `path` which it may not pass: that is not
 * ours to open. */
int run_access_check(const char *path, const struct user_namespace *users, struct error *err);

#endif
