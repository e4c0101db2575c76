/*
 * A worker's two directories for tests that really mount, in a mount namespace of the test's own:
 * what they mount goes with the process, however it ends.
 */
#ifndef GANTRY_TESTS_SUPPORT_STORAGE_RIG_H
#define GANTRY_TESTS_SUPPORT_STORAGE_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/io/layout.h"

struct storage_rig {
    char directory[64]; /* "/tmp/gantry-storage-..."; holds state, run and outside */
    struct layout layout;
};

extern const char storage_rig_id[]; /* a container */
extern const char storage_rig_other_id[];

/* For cmocka, `state` is a struct storage_rig. Where nothing can be mounted the rig is NULL, and
 * storage_rig_of() skips the test, saying why. */
int storage_rig_setup(void **state);
int storage_rig_teardown(void **state);
struct storage_rig *storage_rig_of(void **state);

/* A path beneath the rig's directory; good until the sixty-fourth call after. */
const char *storage_rig_path(const struct storage_rig *rig, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Make a file, and the directories above it; a path that ends with a slash is a directory. */
void storage_rig_put(const char *path, const char *content);

/* A layer with a short link, for instance "AA". */
void storage_rig_layer(const struct storage_rig *rig, const char *link);

/* The content of a file; "" for what cannot be read. The caller frees. */
char *storage_rig_read(const char *path);

/* How many mounts lie beneath the rig's directory. */
size_t storage_rig_mount_count(const struct storage_rig *rig);

#endif
