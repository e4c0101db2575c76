/* A file that one process holds at a time: who has it has what it stands for. */
#ifndef GANTRY_COMMON_IO_LOCK_FILE_H
#define GANTRY_COMMON_IO_LOCK_FILE_H

#include <sys/types.h>

#include "common/error.h"

/*
 * Take the lock `path`, making the file with `mode` when it is missing. The lock is the open
 * file's, not its presence: it dies with its holder, and the file is never unlinked. A holder that
 * was killed while it started a child leaves it to the child until that is another program; this is
 * waited for. `ret_fd` (close-on-exec) is the caller's: closing it gives the lock back. -EBUSY,
 * naming the holder, when another process has it.
 */
int lock_file_take(const char *path, mode_t mode, int *ret_fd, struct error *err);

#endif
