/*
 * Changes of an image's configuration as people write them: instructions of a Containerfile,
 * "CMD=/bin/httpd -f", "CMD [\"/bin/httpd\",\"-f\"]", "ENV A=1" (podman's --change).
 *
 * Pure.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_CHANGES_H
#define GANTRY_WORKER_IO_IMAGE_CHANGES_H

#include "common/arena.h"
#include "common/error.h"
#include "worker/io/image_info.h"

/* CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR, in the order given;
 * parts are in the arena. -EINVAL with the change that makes no sense. */
int image_changes_apply(const struct text_list *changes, struct arena *arena,
                        struct oci_config *config, struct error *err);

#endif
