/*
 * Extended attributes of a file, but for the overlay's own marks: those are about its layers and
 * not about the file.
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_ATTRIBUTES_H
#define GANTRY_WORKER_IO_ATTRIBUTES_H

#include "common/bytes.h"

/* Negative errno: the walk ends with it. */
typedef int attributes_each_fn(void *owner, const char *name, struct bytes value);

/* Tell of each attribute of an open file or directory (not of an O_PATH descriptor). A file system
 * without any has none. 0 or negative errno. */
int attributes_each(int fd, attributes_each_fn *fn, void *owner);

#endif
