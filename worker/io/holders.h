/*
 * Who holds a mount: one empty file for each holder in a directory below RUN, so that the count is
 * read off the world, and is gone with the mounts at a reboot. The directory is also the lock
 * under which a mount is made and let go.
 *
 * Starts as HOLDERS_NONE, ends with holders_close(). Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_HOLDERS_H
#define GANTRY_WORKER_IO_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct holders {
    int fd; /* of the directory, locked */
};

#define HOLDERS_NONE \
    (struct holders) \
    {                \
        .fd = -1     \
    }

/* Lock a directory that is there; waits for whoever has it. The descriptor in `ret` is the lock.
 * -ENOENT also when it was removed meanwhile. */
int directory_lock(const char *path, int *ret, struct error *err);

/* Make the directory when it is missing, and lock it. */
int holders_open(const char *directory, struct holders *ret, struct error *err);
void holders_close(struct holders *holders);

#define autoholders __attribute__((cleanup(holders_close)))

/* 1: `name` holds now, 0: it did before. -EINVAL for what is no name (name_is_valid). */
int holders_add(const struct holders *holders, const char *name, struct error *err);

/* Success also when it did not hold. */
int holders_drop(const struct holders *holders, const char *name, struct error *err);

/* How many hold; one of them, on the heap, in `ret_one` (NULL when nobody does; may be NULL). */
int holders_count(const struct holders *holders, size_t *ret_count, char **ret_one,
                  struct error *err);

/* Tell of each; `fn` may drop the one it is told of. */
typedef void holders_each_fn(void *owner, const struct holders *holders, const char *name);
int holders_each(const struct holders *holders, holders_each_fn *fn, void *owner,
                 struct error *err);

#endif
