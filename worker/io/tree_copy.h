/*
 * A copy of a directory tree as it is: owners, modes, times, extended attributes, symbolic links,
 * hard links within it, holes, device files. Neither end follows a symbolic link.
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_TREE_COPY_H
#define GANTRY_WORKER_IO_TREE_COPY_H

#include "common/error.h"

/*
 * Copy what the directory `source_fd` holds into `target_fd`, an empty directory that nobody else
 * writes to; `target_fd` itself gets owner, mode, times and attributes of the source. Sockets are
 * left out, and so is what is mounted in the source. -EEXIST when it is not empty after all.
 */
int tree_copy(int source_fd, int target_fd, struct error *err);

#endif
