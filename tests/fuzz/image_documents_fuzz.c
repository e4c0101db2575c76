/* Any bytes as an image's documents: refused, or understood and written again the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/auto.h"
#include "worker/io/image_record.h"
#include "worker/io/images.h"
#include "worker/io/oci_config.h"
#include "worker/io/oci_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_config(struct bytes text, struct arena *arena)
{
    struct image_info image = { 0 };
    struct image_info again = { 0 };
    struct text_list diff_ids;
    autofree char *first = NULL;
    autofree char *second = NULL;

    if (oci_config_read(text, arena, &image, &diff_ids, NULL) < 0)
        return;
    assert(diff_ids.count <= IMAGE_LAYERS_MAX);
    first = oci_config_write(&image, &diff_ids);
    if (oci_config_read(bytes_of_text(first), arena, &again, &diff_ids, NULL) < 0)
        return; /* it may have grown beyond the maximum */
    second = oci_config_write(&again, &diff_ids);
    assert(strcmp(first, second) == 0);
}

static void read_manifest(struct bytes text, struct arena *arena)
{
    struct oci_manifest manifest;
    struct oci_manifest again;
    autofree char *written = NULL;

    if (oci_manifest_read(text, arena, &manifest, NULL) < 0)
        return;
    assert(manifest.layers.count <= IMAGE_LAYERS_MAX);
    written = oci_manifest_write(&manifest);
    if (oci_manifest_read(bytes_of_text(written), arena, &again, NULL) == 0)
        assert(again.layers.count == manifest.layers.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = { .data = data, .size = size };
    autoarena arena = { 0 };
    struct oci_descriptors index;
    struct oci_docker_images images;
    const struct oci_descriptor *picked;
    struct image_info image;
    struct stored_layer layer;
    uint64_t serial;

    (void)oci_document_kind(text);
    read_config(text, &arena);
    read_manifest(text, &arena);
    if (oci_index_read(text, &arena, &index, NULL) == 0)
        (void)oci_pick_platform(&index, &picked, NULL);
    (void)oci_docker_images_read(text, &arena, &images, NULL);
    (void)image_record_read(text, &arena, &image, &serial, NULL);
    (void)layer_record_read(text, &arena, &layer, NULL);
    return 0;
}
