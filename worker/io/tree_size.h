/* How much is in a directory tree. Blocking; any thread. */
#ifndef GANTRY_WORKER_IO_TREE_SIZE_H
#define GANTRY_WORKER_IO_TREE_SIZE_H

#include <stdint.h>

#include "common/error.h"

/* The sizes of the files beneath `root_fd`, as stat(2) says them: a file of several names counted
 * once, directories not at all, mounts not entered. */
int tree_size(int root_fd, uint64_t *ret_bytes, struct error *err);

/* The same of a path; 0 when it is not there. */
int tree_size_of(const char *path, uint64_t *ret_bytes, struct error *err);

#endif
