/*
 * Extended attributes of a file, but for the overlay's own marks: those are about its layers and
 * not about the file.
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_ATTRIBUTES_H
#define GANTRY_WORKER_IO_ATTRIBUTES_H

#include "common/bytes.h"
#include "worker/io/user_namespace.h"

/* Negative errno: the walk ends with it. */
typedef int attributes_each_fn(void *owner, const char *name, struct bytes value);

/* Tell of each attribute of an open file or directory (not of an O_PATH descriptor). A file system
 * without any has none. 0 or negative errno. */
int attributes_each(int fd, attributes_each_fn *fn, void *owner);

/* Ids in the value as the container's namespace has them: those of access control lists, and the
 * root whose capabilities they are. The value's size, which does not grow. */
size_t attribute_show(const struct user_namespace *users, const char *name, uint8_t *value,
                      size_t size);

#endif
