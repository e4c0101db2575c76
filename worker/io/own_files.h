/*
 * The files that a container made from an image gets of its own (BEHAVIOUR BM-7, KB-60): an entry
 * in /etc/passwd and /etc/group for a user that the image does not know, and /run/.containerenv.
 *
 * Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_OWN_FILES_H
#define GANTRY_WORKER_IO_OWN_FILES_H

#include <stdbool.h>

#include "common/error.h"
#include "schemas/container_config.h"
#include "worker/io/users.h"

/* All borrowed. */
struct own_files_request {
    int root_fd; /* of the mounted root filesystem */
    const struct container_config *config;
    const struct user_identity *user; /* who the process is */
    const char *directory;            /* RUN/containers/<id> */
    bool is_root_ours; /* an overlay of the container's, and not a host's directory */
};

/* Files to be mounted; on the heap, NULL: nothing is to be mounted there. */
struct own_files {
    char *passwd;
    char *group;
    char *containerenv;
};

/*
 * A number that is not listed gets a line. It is written into the container's own file, where it
 * and whatever users the container adds stay over restarts; a container whose root is read-only or
 * a host's gets a copy with the line, to be mounted. What the user mounts there is left alone.
 */
int own_files_write(const struct own_files_request *request, struct own_files *ret,
                    struct error *err);
void own_files_done(struct own_files *files);

#endif
