/*
 * The OCI runtime specification of a run: config.json, made from the container's configuration
 * and what is known about the host (BEHAVIOUR 4). Pure but for a look at mount sources; every
 * call builds it anew, nothing is kept.
 */
#ifndef GANTRY_WORKER_IO_SPEC_H
#define GANTRY_WORKER_IO_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "schemas/container_config.h"
#include "worker/io/layout.h"
#include "worker/io/user_namespace.h"
#include "worker/io/users.h"

struct spec_request {
    const struct layout *layout;
    const char *id;
    const char *root; /* path of the root filesystem */
    uint64_t created; /* ns since 1970 */
    const struct container_config *config;
    const struct user_identity *user;
    const struct user_namespace *users; /* NULL: the host's */
    const char *hosts;        /* host path of the file that becomes /etc/hosts; NULL: leave it */
    const char *resolv_conf;  /* likewise */
    const char *hostname;     /* likewise, /etc/hostname */
    const char *passwd;       /* likewise, /etc/passwd */
    const char *group;        /* likewise, /etc/group */
    const char *containerenv; /* likewise, /run/.containerenv */
    bool has_cgroup_namespace;
    bool lacks_pids_controller; /* of this host: no limit but one that was asked for */
    bool has_mqueue;            /* the kernel has POSIX message queues */
};

/* The JSON text, on the heap. -EINVAL with a sentence for what makes no sense, -ENOENT for a mount
 * source that is not there. */
int spec_write(const struct spec_request *request, char **ret, struct error *err);

#endif
