/*
 * How a child is started, by posix_spawn. For spawn.c alone: everybody else asks it (spawn.h).
 */
#ifndef GANTRY_COMMON_IO_SPAWN_PLAN_H
#define GANTRY_COMMON_IO_SPAWN_PLAN_H

#include <sys/types.h>

#include "common/error.h"
#include "common/io/spawn.h"

/*
 * Start the request's program and do not wait. `output_fd` (borrowed; -1: none) becomes its 1 and
 * 2 where the request names none. Its end and its output are the caller's to deal with. Any thread.
 */
int spawn_plan_start(const struct spawn_request *request, int output_fd, pid_t *ret_pid,
                     struct error *err);

#endif
