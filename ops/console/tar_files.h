/*
 * Files of this machine as a tar archive, and back. The console's one door to libarchive.
 *
 * Blocks. Archives that come are hostile: nothing of them gets outside of the place that is named.
 */
#ifndef GANTRY_OPS_CONSOLE_TAR_FILES_H
#define GANTRY_OPS_CONSOLE_TAR_FILES_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/error.h"

typedef int tar_files_write_fn(void *owner, struct bytes data, struct error *err);

/* The file or directory `path` as an archive whose names begin with `name` instead. Links are kept
 * as links, but for `path` itself. */
int tar_files_pack(const char *path, const char *name, tar_files_write_fn *write, void *owner,
                   struct error *err);

/* Where the entries of an archive go: the first part of their names becomes `name` in `directory`.
 * Of an archive of what is in a directory (`is_content`) they go into `name`, whole. */
struct tar_files_target {
    const char *directory; /* that is there */
    const char *name;      /* "." for the directory itself */
    bool is_content;
    bool keeps_owner; /* else it is ours */
};

/* Unpack what is read from `fd`. */
int tar_files_unpack(int fd, const struct tar_files_target *target, struct error *err);

#endif
