/* Images from layouts and archives; see images.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/image_name.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/image_intake.h"
#include "worker/io/image_origin.h"
#include "worker/io/images.h"
#include "worker/io/oci_manifest.h"

#define INDEX_DEPTH_MAX 4
#define BLOB_PATH_SIZE  (sizeof("blobs/sha256/") + DIGEST_HEX_SIZE)

struct loader {
    struct image_intake intake;
    struct image_origin origin;
    enum { LAYOUT_OCI, LAYOUT_DOCKER, LAYOUT_DIR } layout;
    const struct text_list *names; /* given; may have none */
    struct image_info *images;     /* loaded; the arena's */
    size_t count;
};

static void loader_done(struct loader *loader)
{
    image_origin_close(&loader->origin);
    image_intake_done(&loader->intake);
}

/* A document by its digest. */
static void blob_path(const struct loader *loader, const char *hex, char ret[BLOB_PATH_SIZE])
{
    (void)snprintf(ret, BLOB_PATH_SIZE, "%s%s", loader->layout == LAYOUT_DIR ? "" : "blobs/sha256/",
                   hex);
}

static int read_document(const struct loader *loader, const char *hex, char **ret, size_t *ret_size,
                         struct error *err)
{
    char path[BLOB_PATH_SIZE];
    char found[DIGEST_HEX_SIZE + 1];
    autofree char *text = NULL;
    size_t size;
    int r;

    blob_path(loader, hex, path);
    r = image_origin_read(&loader->origin, path, &text, &size, err);
    if (r < 0)
        return r;
    digest_of((struct bytes){ (uint8_t *)text, size }, found);
    if (strcmp(found, hex) != 0)
        return error_set(err, -EBADMSG, "document sha256:%s has the digest sha256:%s", hex, found);
    *ret = steal_ptr(text);
    *ret_size = size;
    return 0;
}

struct file {
    const struct image_origin *origin;
    const char *path;
};

static int open_file(void *owner, struct error *err)
{
    const struct file *file = owner;

    return image_origin_open_file(file->origin, file->path, err);
}

static int load_layer(struct loader *loader, const char *path, const char *blob,
                      const char *diff_id, struct stored_layer *ret, struct error *err)
{
    struct file file = { .origin = &loader->origin, .path = path };
    const struct incoming_layer layer = {
        .blob = blob,
        .diff_id = diff_id,
        .open = open_file,
        .owner = &file,
        .is_ours = loader->origin.is_ours,
    };

    return image_intake_layer(&loader->intake, &layer, ret, err);
}

static struct stored_layer *layers_of(struct loader *loader, struct image_info *image, size_t count)
{
    struct stored_layer *items = arena_zeroed(loader->intake.arena, (count + 1) * sizeof(*items));

    image->layers = (struct message_list){ .items = items, .count = count };
    return items;
}

static int check_count(size_t blobs, size_t diff_ids, struct error *err)
{
    if (blobs == diff_ids)
        return 0;
    return error_set(err, -EBADMSG, "the manifest has %zu layers, the configuration %zu", blobs,
                     diff_ids);
}

/* Names that the source gives; what is no name is no reason to refuse the image. */
static void add_name(struct loader *loader, struct image_info *image, const char *text,
                     const char *domain)
{
    char **items = arena_zeroed(loader->intake.arena, (image->names.count + 1) * sizeof(*items));

    if (text == NULL)
        return;
    if (image_name_normalise(text, domain, loader->intake.arena, &items[image->names.count], NULL) <
        0) {
        log_warning("image.name_ignored", "name=%s", LOG_TEXT(text));
        return;
    }
    for (size_t i = 0; i < image->names.count; i++)
        items[i] = image->names.items[i];
    image->names.items = items;
    image->names.count++;
}

static int load_manifest_layers(struct loader *loader, const struct oci_manifest *manifest,
                                const struct text_list *diff_ids, struct image_info *image,
                                struct error *err)
{
    struct stored_layer *layers = layers_of(loader, image, manifest->layers.count);
    int r = check_count(manifest->layers.count, diff_ids->count, err);

    for (size_t i = 0; i < manifest->layers.count && r == 0; i++) {
        const char *hex = manifest->layers.items[i].hex;
        char path[BLOB_PATH_SIZE];

        blob_path(loader, hex, path);
        r = load_layer(loader, path, hex, diff_ids->items[i], &layers[i], err);
    }
    return r;
}

static int load_manifest(struct loader *loader, struct bytes text, struct image_info *image,
                         struct error *err)
{
    struct oci_manifest manifest;
    struct text_list diff_ids;
    autofree char *config = NULL;
    size_t config_size = 0;
    int r = oci_manifest_read(text, loader->intake.arena, &manifest, err);

    if (r == 0)
        r = read_document(loader, manifest.config.hex, &config, &config_size, err);
    if (r < 0)
        return r;
    r = image_intake_config(&loader->intake, (struct bytes){ (uint8_t *)config, config_size },
                            image, &diff_ids, err);
    if (r == 0)
        r = load_manifest_layers(loader, &manifest, &diff_ids, image, err);
    if (r < 0)
        return r;
    return image_intake_manifest(&loader->intake, text, manifest.media_type, config_size, image,
                                 err);
}

/* A manifest, or an index of manifests for several platforms, perhaps of indexes. */
static int load_described(struct loader *loader, const struct oci_descriptor *described,
                          struct image_info *image, struct error *err)
{
    for (unsigned depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
        autofree char *text = NULL;
        struct bytes bytes = { 0 };
        struct oci_descriptors index = { 0 };
        int r = read_document(loader, described->hex, &text, &bytes.size, err);

        if (r < 0)
            return r;
        bytes.data = (uint8_t *)text;
        if (oci_document_kind(bytes) != OCI_DOCUMENT_INDEX)
            return load_manifest(loader, bytes, image, err);
        r = oci_index_read(bytes, loader->intake.arena, &index, err);
        if (r == 0)
            r = oci_pick_platform(&index, &described, err);
        if (r < 0)
            return r;
    }
    return error_set(err, -EBADMSG, "an index within an index within an index");
}

static void make_room(struct loader *loader, size_t count)
{
    loader->images = arena_zeroed(loader->intake.arena, count * sizeof(*loader->images));
    loader->count = count;
}

/* The entries are one image for several platforms when nothing else tells them apart. */
static bool is_one_image(const struct oci_descriptors *index)
{
    for (size_t i = 0; i < index->count; i++) {
        if (!index->items[i].has_platform || index->items[i].name != NULL)
            return false;
    }
    return index->count > 1;
}

static int load_oci(struct loader *loader, struct error *err)
{
    autofree char *text = NULL;
    struct bytes bytes = { 0 };
    struct oci_descriptors index = { 0 };
    int r = image_origin_read(&loader->origin, "index.json", &text, &bytes.size, err);

    bytes.data = (uint8_t *)text;
    if (r == 0)
        r = oci_index_read(bytes, loader->intake.arena, &index, err);
    if (r < 0)
        return r;
    if (is_one_image(&index)) {
        const struct oci_descriptor *picked;

        r = oci_pick_platform(&index, &picked, err);
        if (r < 0)
            return r;
        make_room(loader, 1);
        return load_described(loader, picked, loader->images, err);
    }
    make_room(loader, index.count);
    for (size_t i = 0; i < index.count && r == 0; i++) {
        add_name(loader, &loader->images[i], index.items[i].name, "localhost");
        r = load_described(loader, &index.items[i], &loader->images[i], err);
    }
    return r;
}

static int load_docker_image(struct loader *loader, const struct oci_docker_image *from,
                             struct image_info *image, struct error *err)
{
    autofree char *config = NULL;
    size_t size;
    struct text_list diff_ids;
    struct stored_layer *layers = layers_of(loader, image, from->layers.count);
    int r = image_origin_read(&loader->origin, from->config, &config, &size, err);

    if (r == 0)
        r = image_intake_config(&loader->intake, (struct bytes){ (uint8_t *)config, size }, image,
                                &diff_ids, err);
    if (r == 0)
        r = check_count(from->layers.count, diff_ids.count, err);
    for (size_t i = 0; r == 0 && i < from->layers.count; i++)
        r = load_layer(loader, from->layers.items[i], NULL, diff_ids.items[i], &layers[i], err);
    for (size_t i = 0; r == 0 && i < from->names.count; i++)
        add_name(loader, image, from->names.items[i], "docker.io");
    if (r < 0)
        return r;
    return image_intake_manifest(&loader->intake, (struct bytes){ 0 }, NULL, size, image, err);
}

static int load_docker(struct loader *loader, struct bytes text, struct error *err)
{
    struct oci_docker_images images;
    int r = oci_docker_images_read(text, loader->intake.arena, &images, err);

    if (r < 0)
        return r;
    make_room(loader, images.count);
    for (size_t i = 0; i < images.count && r == 0; i++)
        r = load_docker_image(loader, &images.items[i], &loader->images[i], err);
    return r;
}

/* manifest.json: a list is docker's, a manifest is that of skopeo's "dir:". */
static int load_by_manifest(struct loader *loader, struct error *err)
{
    autofree char *text = NULL;
    struct bytes bytes = { 0 };
    int r = image_origin_read(&loader->origin, "manifest.json", &text, &bytes.size, err);

    if (r < 0)
        return r;
    bytes.data = (uint8_t *)text;
    if (oci_document_kind(bytes) == OCI_DOCUMENT_DOCKER) {
        loader->layout = LAYOUT_DOCKER;
        return load_docker(loader, bytes, err);
    }
    loader->layout = LAYOUT_DIR;
    make_room(loader, 1);
    return load_manifest(loader, bytes, loader->images, err);
}

static int load_all(struct loader *loader, struct error *err)
{
    if (image_origin_has(&loader->origin, "index.json"))
        return load_oci(loader, err);
    if (image_origin_has(&loader->origin, "manifest.json"))
        return load_by_manifest(loader, err);
    return error_set(err, -EBADMSG,
                     "neither an OCI layout nor a docker archive: it has no index.json and no "
                     "manifest.json (a root filesystem is imported, not loaded)");
}

static int give_names(struct loader *loader, struct error *err)
{
    int r = 0;

    if (loader->names == NULL || loader->names->count == 0)
        return 0;
    if (loader->count != 1)
        return error_set(err, -EINVAL, "it has %zu images: they cannot all be called %.200s",
                         loader->count, loader->names->items[0]);
    loader->images[0].names = (struct text_list){
        .items = arena_zeroed(loader->intake.arena, loader->names->count * sizeof(char *)),
        .count = loader->names->count,
    };
    for (size_t i = 0; i < loader->names->count && r == 0; i++)
        r = image_name_normalise(loader->names->items[i], "localhost", loader->intake.arena,
                                 &loader->images[0].names.items[i], err);
    return r;
}

enum ownership { OTHERS, OURS };

static int load(struct images *images, const struct image_source *source, enum ownership ownership,
                struct loader *loader, struct arena *arena, struct error *err)
{
    int r = image_intake_begin(images, source->is_cancelled, arena, &loader->intake, err);

    if (r == 0)
        r = image_origin_open(source, loader->intake.batch, &loader->origin, err);
    if (r < 0)
        return r;
    loader->origin.is_ours |= ownership == OURS;
    r = load_all(loader, err);
    if (r == 0)
        r = give_names(loader, err);
    if (r == 0)
        r = image_intake_commit(&loader->intake, loader->images, loader->count, err);
    return r;
}

static void give_ids(const struct loader *loader, struct arena *arena, struct text_list *ret)
{
    ret->items = arena_zeroed(arena, (loader->count + 1) * sizeof(*ret->items));
    ret->count = loader->count;
    for (size_t i = 0; i < loader->count; i++)
        ret->items[i] = loader->images[i].id;
}

int images_load(struct images *images, const struct image_source *source,
                const struct text_list *names, struct arena *arena, struct text_list *ret_ids,
                struct error *err)
{
    __attribute__((cleanup(loader_done))) struct loader loader = { .names = names,
                                                                   .origin = { .fd = -1 } };
    int r = load(images, source, OTHERS, &loader, arena, err);

    if (r < 0)
        return error_add_context(err, r, "load %s", source->path == NULL ? "image" : source->path);
    give_ids(&loader, arena, ret_ids);
    return 0;
}

int image_load_fetched(struct images *images, const struct image_source *source,
                       const struct text_list *names, struct arena *arena,
                       struct text_list *ret_ids, struct error *err)
{
    __attribute__((cleanup(loader_done))) struct loader loader = { .names = names,
                                                                   .origin = { .fd = -1 } };
    int r = load(images, source, OURS, &loader, arena, err);

    if (r == 0)
        give_ids(&loader, arena, ret_ids);
    return r;
}
