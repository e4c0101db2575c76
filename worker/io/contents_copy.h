/*
 * Copying into a container: a tar archive is unpacked beneath a path of its own, by the rules of
 * podman cp, without ever writing outside of it (CVE-2025-9566): every directory is opened as the
 * container would find it, beneath its root or its mount; the last name is never followed.
 *
 * Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_CONTENTS_COPY_H
#define GANTRY_WORKER_IO_CONTENTS_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "worker/io/contents.h"

struct contents_copy {
    const char *destination; /* absolute in the container; a slash at the end: a directory */
    bool is_renamed; /* what is in the archive gets the destination's name, as if nothing were
                      * there: a copy that made it new is done again after a crash */
    bool has_owner;  /* everything gets this owner, else the archive's */
    uint32_t uid;
    uint32_t gid;
};

/*
 * Unpack the archive read from `in_fd` (tar, not compressed; one file or directory at its top, or
 * "." for what is in a directory):
 *   the destination is a directory: into it, under its own name; "." right into it
 *   it is a file: a file takes its place, in the same inode; a directory is refused (-ENOTDIR)
 *   it is not there: it is made so; -ENOENT for a file when it ends with a slash, or when what is
 *   above is not there
 * A directory that exists keeps owner and mode; other things that exist are replaced. Device files
 * are refused (-EPERM), names with ".." too (-EINVAL), what is on a read-only mount (-EROFS). A
 * failure leaves what had been unpacked before, but no half file (unless it is the destination
 * itself, which keeps its inode). -EBADMSG for no archive.
 */
int contents_copy_in(const struct contents_root *root, const struct contents_copy *copy, int in_fd,
                     struct error *err);

#endif
