/*
 * A tar archive read from a descriptor, entry by entry; it may be a stranger's. One of the doors to
 * libarchive.
 *
 * Blocking; one thread at a time.
 */
#ifndef GANTRY_WORKER_IO_TAR_READ_H
#define GANTRY_WORKER_IO_TAR_READ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/auto.h"
#include "common/error.h"

struct tar_reader;

/* Borrowed until the next entry. Paths have no "", "." and no ".." components and no slash at their
 * ends: "a/b", "" for the top. */
struct tar_entry {
    const char *path;
    const char *hard_link; /* the path of an entry before; NULL: none */
    const char *link;      /* text of a symbolic link; NULL: none */
    struct stat status;    /* type, mode, owner, size, times */
};

/* `fd` is borrowed. */
int tar_reader_new(int fd, struct tar_reader **ret, struct error *err);

/* 1: an entry, 0: the end. -EINVAL for a name with "..", -EBADMSG for what is no archive. */
int tar_reader_next(struct tar_reader *reader, struct tar_entry *ret, struct error *err);

/* Write the present entry's content into a file that is empty, holes as holes, and its extended
 * attributes: the user's and the capabilities. */
int tar_reader_extract(struct tar_reader *reader, int file_fd, struct error *err);

void tar_reader_destroy(struct tar_reader *reader);
DEFINE_AUTODESTROY(tar_reader)

#endif
