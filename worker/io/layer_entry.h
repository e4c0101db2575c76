/*
 * One entry of a layer's archive, made into what it stands for in the layer's directory.
 *
 * Blocking; one thread at a time.
 */
#ifndef GANTRY_WORKER_IO_LAYER_ENTRY_H
#define GANTRY_WORKER_IO_LAYER_ENTRY_H

#include <stdbool.h>

#include "common/error.h"
#include "worker/io/layer_tree.h"

struct archive;
struct archive_entry;

enum layer_kind {
    LAYER_IMAGE,   /* of an image: whiteouts, owners, devices, extended attributes */
    LAYER_ARCHIVE, /* of an archive of an image: plain files, directories and links, root's */
};

/* What an entry turned out to be. */
enum layer_entry_kind { LAYER_ENTRY_FILE, LAYER_ENTRY_ROOT, LAYER_ENTRY_OPAQUE_ROOT };

/*
 * Make it. -EINVAL for a path that leads out of the layer, for what cannot be in a layer, and for
 * extended attributes that are overlayfs's own; sentences name the path. `archive` stands at the
 * entry; its content is read.
 */
int layer_entry_make(struct layer_tree *tree, enum layer_kind kind, struct archive *archive,
                     struct archive_entry *entry, enum layer_entry_kind *ret, struct error *err);

#endif
