/*
 * The layers of an image as overlayfs merges them, read without a mount: whiteouts hide what lies
 * below, opaque directories all of it.
 *
 * Blocking; any thread.
 */
#ifndef GANTRY_WORKER_IO_OVERLAY_LAYERS_H
#define GANTRY_WORKER_IO_OVERLAY_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/error.h"

struct overlay_layers {
    int *fds; /* the topmost first */
    size_t count;
};

/* Open `links` in the directory `path`. Ends with overlay_layers_close(), also after a failure;
 * starts as { 0 }. */
int overlay_layers_open(const char *path, const char *const *links, size_t link_count,
                        struct overlay_layers *ret, struct error *err);
void overlay_layers_close(struct overlay_layers *layers);

/* Is there anything at `path` ("a/b") in the merge? Links are not followed. */
bool overlay_layers_find(const struct overlay_layers *layers, const char *path, struct stat *ret);

/* Tell of each name in the merged directory `path`; a name may come several times. */
typedef void overlay_layers_name_fn(void *owner, const char *name);
void overlay_layers_list(const struct overlay_layers *layers, const char *path,
                         overlay_layers_name_fn *fn, void *owner);

/* The overlay's marks: something is deleted; nothing below shows through the open directory. */
bool overlay_is_whiteout(const struct stat *status);
bool overlay_is_opaque(int directory_fd);

#endif
