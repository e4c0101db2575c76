/*
 * Files, written so that a crash leaves the old or the new, never a half.
 */
#ifndef GANTRY_COMMON_IO_FILES_H
#define GANTRY_COMMON_IO_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/error.h"

/* Write `name` beneath `directory_fd` (AT_FDCWD for a path): temporary file `.NAME.new` beside it,
 * rename; with `is_durable` also fsync of file and directory. `mode` is exact, whatever the umask.
 * One writer of a name at a time. */
int files_replace(int directory_fd, const char *name, struct bytes content, mode_t mode,
                  int is_durable, struct error *err);

/* Write all of it to the descriptor, or at the offset of its file. 0 or a negative errno. */
int files_write_all(int fd, struct bytes content);
int files_write_all_at(int fd, struct bytes content, off_t offset);

/* Read a whole file of at most `max` bytes, -EFBIG beyond. `ret` is freed by the caller and has a
 * NUL behind its last byte; `ret_size` may be NULL. Does not wait for the writer of a FIFO. */
int files_read(int directory_fd, const char *name, size_t max, char **ret, size_t *ret_size,
               struct error *err);

/* mkdir -p with `mode` for what is new. -ENOTDIR when something else is there. */
int files_make_directories(const char *path, mode_t mode, struct error *err);

/* The same, and the directory and its name are on the disk when it returns. */
int files_make_durable(const char *path, mode_t mode, struct error *err);

/* fsync: the names in the directory are on the disk. */
int files_sync_directory(const char *path, struct error *err);

/* rm -r beneath `directory_fd`; never follows a symbolic link and never crosses a mount, bind
 * mounts included (-EXDEV or -EBUSY, what is mounted stays whole). Any depth. -ENOENT is success.
 */
int files_remove_tree(int directory_fd, const char *name, struct error *err);

/* openat2 with RESOLVE_IN_ROOT: `path` as a process chrooted to `root_fd` would see it. Gives the
 * descriptor (close-on-exec) or a negative errno. O_CREAT makes files of mode 0644. */
int files_open_in_root(int root_fd, const char *path, int flags, struct error *err);

/* openat2 beneath the directory: no symbolic link on the way or (but with O_PATH) at the end, no
 * mount crossed (-EXDEV). Gives the descriptor (close-on-exec) or a negative errno. */
int files_open_beneath(int directory_fd, const char *path, int flags);

/* Open once more what a descriptor, which may be an O_PATH one, is of: what was looked at is what
 * is opened. Gives the descriptor (close-on-exec) or a negative errno. */
int files_reopen(int fd, int flags);

#endif
