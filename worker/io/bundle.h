/*
 * The files of a container and of its runs: making them, writing config.json, clearing away.
 * Blocking; for pool threads.
 */
#ifndef GANTRY_WORKER_IO_BUNDLE_H
#define GANTRY_WORKER_IO_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/container_config.h"
#include "schemas/volumes.h"
#include "worker/io/images.h"
#include "worker/io/layout.h"
#include "worker/io/outcome.h"

struct bundle_request {
    const struct layout *layout;
    const char *id;
    uint32_t run;
    uint64_t created; /* ns since 1970 */
    const struct container_config *config;
    bool has_cgroup_namespace;
    bool lacks_pids_controller; /* of this host: no limit but one that was asked for */
    struct images *images;
    const struct volume *const *volumes; /* what is known of those that it mounts */
    size_t volume_count;
};

/* create: the root filesystem is usable; make the container's directories. */
int bundle_make(const struct bundle_request *request, struct outcome *outcome);

/* init: make what is missing, drop what an earlier run or try left, write config.json. */
int bundle_prepare(const struct bundle_request *request, struct outcome *outcome);

/* cleanup: unmount and remove what RUN has of the container and of its run; the runtime has deleted
 * the run if it could. A root filesystem that others than the run hold stays mounted. */
int bundle_clear(const struct layout *layout, const char *id, uint32_t run,
                 const struct container_config *config, struct outcome *outcome);

/* remove: everything, exit files of all runs and the `doomed` volumes too. */
int bundle_remove(const struct layout *layout, const char *id, const struct text_list *doomed,
                  struct outcome *outcome);

/* The files of a run that never came to be: exit file and its copy. */
int bundle_forget_run(const struct layout *layout, const char *id, uint32_t run,
                      struct outcome *outcome);

#endif
