/*
 * The OCI image configuration: what a container of the image is made with, and which layers it has.
 * Its digest is the image's id. Pure but for the arena; any bytes are refused or understood.
 */
#ifndef GANTRY_WORKER_IO_OCI_CONFIG_H
#define GANTRY_WORKER_IO_OCI_CONFIG_H

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "worker/io/image_info.h"

/* Fills what the configuration says of the image (all but id, digest, names, sizes and layers).
 * -EBADMSG with the key that is wrong. `ret_diff_ids`: hexadecimal digits, the lowest first. */
int oci_config_read(struct bytes text, struct arena *arena, struct image_info *ret,
                    struct text_list *ret_diff_ids, struct error *err);

/* JSON, on the heap. The same image gives the same bytes. */
char *oci_config_write(const struct image_info *image, const struct text_list *diff_ids);

#endif
