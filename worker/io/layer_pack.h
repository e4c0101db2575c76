/*
 * A layer's archive from the upper directory of an overlay mount: the opposite of layer_extract.
 * Whiteouts become ".wh." entries again, opaque directories get ".wh..wh..opq".
 *
 * Blocking; any thread. Names in the directory are a stranger's; nothing is reached through a link.
 */
#ifndef GANTRY_WORKER_IO_LAYER_PACK_H
#define GANTRY_WORKER_IO_LAYER_PACK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/error.h"
#include "worker/io/layer_extract.h"

struct layer_pack {
    int root_fd;                        /* the directory; borrowed */
    int out_fd;                         /* gets the archive; borrowed */
    enum layer_compression compression; /* LAYER_PLAIN or LAYER_GZIP */
    const atomic_bool *is_cancelled;    /* NULL: never */
};

/*
 * The same directory gives the same bytes: entries come in the order of their names. Sockets are
 * left out, as are the extended attributes of overlayfs and of this host's security modules. A file
 * that grows or shrinks meanwhile is -ESTALE.
 */
int layer_pack(const struct layer_pack *pack, struct error *err);

#endif
