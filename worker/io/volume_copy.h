/*
 * Copy-up: filling an empty volume from an image so that a crash leaves it empty, or full as soon
 * as somebody looks (BEHAVIOUR CU, KB-56). The copy is made beside the volume's content; when it
 * is whole and on the disk it gets another name, which is the decision; then its entries are moved
 * into place, and whoever comes next goes on with that if need be. The volume's directory itself
 * stays the same, so who has it mounted already sees what comes.
 *
 * Under the volume's lock. Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_VOLUME_COPY_H
#define GANTRY_WORKER_IO_VOLUME_COPY_H

#include <stdbool.h>

#include "common/error.h"

/* Where the copy lies until it is moved: on the volume's own file system. */
struct volume_staging {
    int parent_fd;
    const char *copying; /* its name while it may be half */
    const char *copied;  /* its name when it is whole */
};

/* The directories, borrowed. `is_mounted`: a file system of its own is mounted on `data_fd`. */
struct volume_staging volume_staging_at(int volume_fd, int data_fd, bool is_mounted);

/* Go on with a copy that was whole, throw away one that was not. */
int volume_copy_resume(const struct volume_staging *staging, int data_fd, bool has_owner,
                       struct error *err);

/* Whether there is anything in it at all. */
int volume_copy_is_empty(int data_fd, bool *ret, struct error *err);

/* Copy the directory `source_fd` into the empty `data_fd`. With `has_owner` the owner of `data_fd`
 * stays. */
int volume_copy_fill(const struct volume_staging *staging, int data_fd, int source_fd,
                     bool has_owner, struct error *err);

#endif
