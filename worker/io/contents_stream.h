/*
 * What streams give of a container's files: whole, in part, or as lines about them. Its root
 * filesystem is held mounted meanwhile, whatever becomes of its run.
 *
 * Blocking; for pool threads. A reader who goes ends the writing with -EPIPE.
 */
#ifndef GANTRY_WORKER_IO_CONTENTS_STREAM_H
#define GANTRY_WORKER_IO_CONTENTS_STREAM_H

#include <stdint.h>

#include "common/error.h"
#include "schemas/container_config.h"
#include "worker/io/images.h"
#include "worker/io/layout.h"

/* All borrowed. */
struct contents_subject {
    const struct layout *layout;
    struct images *images;
    const char *holder; /* of the mount (rootfs_mount.h); of this stream alone */
    const char *id;
    const struct container_config *config;
    uint32_t pid; /* of its init; 0: it does not run */
    uint64_t pid_started;
    uint64_t image_bytes; /* of its image's layers */
};

/* Its root filesystem as a tar. */
int contents_stream_export(const struct contents_subject *subject, int fd, struct error *err);

/* What is at `path` in it as a tar, by contents_copy_out(); a running one shows its mounts. */
int contents_stream_archive(const struct contents_subject *subject, const char *path, int fd,
                            struct error *err);

/* Lines "A /path", "C /path", "D /path" about its image. -EINVAL for one of a directory. */
int contents_stream_diff(const struct contents_subject *subject, int fd, struct error *err);

/* A line: its id, bytes of what it has written, bytes of its root filesystem. */
int contents_stream_sizes(const struct contents_subject *subject, int fd, struct error *err);

#endif
