/*
 * An image store in a directory of its own, and images to put into it: directories as skopeo's
 * "dir:" writes them, with layers of one file each.
 */
#ifndef GANTRY_TESTS_SUPPORT_IMAGE_RIG_H
#define GANTRY_TESTS_SUPPORT_IMAGE_RIG_H

#include <stddef.h>

#include "common/arena.h"
#include "common/error.h"
#include "worker/io/images.h"
#include "worker/io/oci_manifest.h"

struct image_rig {
    char top[64];
    char *store;
    char *layout;
    struct images *images;
    struct arena arena;
    struct error err;
};

void image_rig_open(struct image_rig *rig);
void image_rig_close(struct image_rig *rig);
int image_rig_set_up(void **state);
int image_rig_tear_down(void **state);
struct oci_descriptor image_rig_write_layer(struct image_rig *rig, const char *name,
                                            const char *content);
char *image_rig_write_document(struct image_rig *rig, const char *name, const char *text);
char *image_rig_write_image(struct image_rig *rig, const struct oci_descriptor *layers,
                            size_t count, const char *salt);
int image_rig_load(struct image_rig *rig, const char *name);
char *image_rig_load_new(struct image_rig *rig, const char *name, const char *salt);
size_t image_rig_count(const struct image_rig *rig, const char *directory);
void image_rig_assert_empty(const struct image_rig *rig);
char *image_rig_find(struct image_rig *rig, const char *image);

#endif
