/*
 * A tar archive written to a descriptor: POSIX pax, not compressed. One of the doors to libarchive.
 *
 * Blocking; one thread at a time.
 */
#ifndef GANTRY_WORKER_IO_TAR_WRITE_H
#define GANTRY_WORKER_IO_TAR_WRITE_H

#include "common/auto.h"
#include "common/error.h"
#include "worker/io/user_namespace.h"

struct tar_writer;

/* `fd` is borrowed: a file, pipe or socket. The process must not die of SIGPIPE. With `users`
 * (borrowed as long) owners are written as that namespace has them. */
int tar_writer_new(int fd, const struct user_namespace *users, struct tar_writer **ret,
                   struct error *err);

/*
 * Add what `root_fd` is of, with all in it when it is a directory, under `name`; "" makes the
 * directory itself "./". The tree may change meanwhile: what is read is what was looked at, nothing
 * beyond the tree can get in, and a file that grows or shrinks is cut or filled with zeros. Sockets
 * are left out. -EPIPE when the reader has gone.
 */
int tar_writer_add(struct tar_writer *writer, int root_fd, const char *name, struct error *err);

/* Write the end. Without it the archive is visibly cut short. */
int tar_writer_finish(struct tar_writer *writer, struct error *err);

void tar_writer_destroy(struct tar_writer *writer);
DEFINE_AUTODESTROY(tar_writer)

#endif
