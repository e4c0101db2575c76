/*
 * Where a worker keeps what: the paths below its two directories, STATE (durable) and RUN (until
 * the next boot). hands.h shows the tree.
 *
 * Paths are on the heap, the caller frees them. Any thread.
 */
#ifndef GANTRY_WORKER_IO_LAYOUT_H
#define GANTRY_WORKER_IO_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/id.h"

struct layout {
    char *state; /* absolute */
    char *run;
};

/* "<id>-<run>": conmon's and the OCI runtime's name of one run of a container. */
#define RUN_NAME_SIZE (CONTAINER_ID_SIZE + 1 + 10 + 1) /* with the NUL */

void run_name_write(const char *id, uint32_t run, char ret[RUN_NAME_SIZE]);

/* False for anything that run_name_write() does not write. */
bool run_name_parse(const char *name, char ret_id[CONTAINER_ID_SIZE + 1], uint32_t *ret_run);

void layout_init(struct layout *layout, const char *state, const char *run);
void layout_done(struct layout *layout);

/* STATE/containers/<id>: the bundle. */
char *layout_bundle(const struct layout *layout, const char *id);
/* STATE/containers/<id>/exits/<run>: conmon's persist directory. */
char *layout_persist(const struct layout *layout, const char *id, uint32_t run);
/* RUN/containers/<id>: what is good until the next boot. */
char *layout_volatile(const struct layout *layout, const char *id);
/* RUN/exits: conmon's exit directory. */
char *layout_exits(const struct layout *layout);
/* RUN/runtime: --root of the OCI runtimes. */
char *layout_runtime_root(const struct layout *layout);
/* RUN/runtime/<id>-<run>: what a runtime keeps of a run. */
char *layout_runtime_state(const struct layout *layout, const char *id, uint32_t run);
/* STATE/storage: the images (images.h). */
char *layout_storage(const struct layout *layout);
/* RUN/facts: what the last probe has found. */
char *layout_facts(const struct layout *layout);
/* RUN/probe: bundles of the small containers that probe the runtimes. */
char *layout_probe(const struct layout *layout);

/* STATE/storage/l: short links to the image layers' directories, for mount options. */
char *layout_layer_links(const struct layout *layout);
/* RUN/containers/<id>/rootfs: where the root filesystem of an image's container is mounted. */
char *layout_rootfs(const struct layout *layout, const char *id);
/* RUN/containers/<id>/mounts: who holds that mount. */
char *layout_rootfs_holders(const struct layout *layout, const char *id);
/* RUN/containers/<id>/mapped: id-mapped mounts of what it mounts (mapped_binds.h). */
char *layout_mapped_mounts(const struct layout *layout, const char *id);
/* STATE/volumes/<name>, and _data in it, which containers get to see. */
char *layout_volume(const struct layout *layout, const char *name);
char *layout_volume_data(const struct layout *layout, const char *name);
/* RUN/volumes/<name>/users: the containers that have it mounted. */
char *layout_volume_users(const struct layout *layout, const char *name);

#endif
