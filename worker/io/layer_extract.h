/*
 * A layer's archive (tar; as it is, or compressed by gzip, zstd or xz), read from a descriptor
 * once: extracted, and known by its digests.
 *
 * Blocking; any thread. Memory is bounded whatever the archive says.
 */
#ifndef GANTRY_WORKER_IO_LAYER_EXTRACT_H
#define GANTRY_WORKER_IO_LAYER_EXTRACT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/io/digest.h"
#include "worker/io/layer_entry.h"

#define LAYER_ENTRIES_MAX 4000000U
#define LAYER_BYTES_MAX   (256ULL * 1024 * 1024 * 1024) /* uncompressed */

struct layer_source {
    enum layer_kind kind;
    int fd;                          /* to read until its end; any kind of descriptor */
    int copy_fd;                     /* gets every byte that was read; -1: none */
    uint64_t entries_max;            /* 0: LAYER_ENTRIES_MAX */
    uint64_t bytes_max;              /* 0: LAYER_BYTES_MAX */
    const atomic_bool *is_cancelled; /* looked at now and then: -ECANCELED; NULL: never */
};

enum layer_compression { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD, LAYER_XZ };

struct layer_digests {
    char blob[DIGEST_HEX_SIZE + 1]; /* of what was read */
    char diff[DIGEST_HEX_SIZE + 1]; /* of the tar in it */
    uint64_t blob_bytes;
    uint64_t tar_bytes;
    uint64_t entries;
    enum layer_compression compression;
    bool has_root;  /* the archive says owner, mode and time of the root */
    bool is_opaque; /* nothing of the layers below is seen */
};

/*
 * Extract beneath `root_fd`. On failure the directory holds whatever was made until then. -EBADMSG
 * for what is no such archive, or a broken one; -E2BIG beyond the limits; else see layer_entry.h.
 */
int layer_extract(const struct layer_source *source, int root_fd, struct layer_digests *ret,
                  struct error *err);

#endif
