/*
 * The files that are made for a run and mounted in its container: hosts, resolv.conf and hostname
 * (BEHAVIOUR 4.1), and those of own_files.h. They lie in RUN/containers/<id>.
 *
 * Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_RUN_FILES_H
#define GANTRY_WORKER_IO_RUN_FILES_H

#include "common/error.h"
#include "schemas/container_config.h"
#include "worker/io/layout.h"
#include "worker/io/own_files.h"
#include "worker/io/user_namespace.h"
#include "worker/io/users.h"

/* All borrowed. */
struct run_files_request {
    const struct layout *layout;
    const char *id;
    const struct container_config *config;
    int root_fd;                        /* of the mounted root filesystem */
    const struct user_identity *user;   /* who the process is */
    const struct user_namespace *users; /* whose root owns the files; NULL: the host's */
};

/* Their host paths, on the heap; NULL for those that the container keeps as they are. */
struct run_files {
    char *hosts;
    char *resolv_conf;
    char *hostname;
    struct own_files own;
};

int run_files_write(const struct run_files_request *request, struct run_files *ret,
                    struct error *err);
void run_files_done(struct run_files *files);

#define autorunfiles __attribute__((cleanup(run_files_done)))

#endif
