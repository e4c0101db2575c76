/* The images of a worker; see the header. */
#include "worker/io/images.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/image_name.h"
#include "common/mem.h"
#include "worker/io/image_intake.h"
#include "worker/io/layer_stream.h"
#include "worker/io/oci_config.h"

int images_open(const char *path, struct images **ret, struct error *err)
{
    autodestroy(images) struct images *images = mem_new(struct images);
    int r = image_store_open(path, &images->store, err);

    if (r == 0)
        r = image_catalog_open(images->store, &images->catalog, err);
    if (r == 0)
        r = image_intake_collect(images, err);
    if (r < 0)
        return error_add_context(err, r, "image store");
    *ret = steal_ptr(images);
    return 0;
}

void images_close(struct images *images)
{
    if (images == NULL)
        return;
    image_catalog_close(images->catalog);
    image_store_close(images->store);
    free(images);
}

static void copy_texts(struct arena *arena, const struct text_list *from, struct text_list *ret)
{
    ret->count = from->count;
    ret->items = arena_zeroed(arena, (from->count + 1) * sizeof(*ret->items));
    for (size_t i = 0; i < from->count; i++)
        ret->items[i] = arena_text(arena, from->items[i]);
}

static void copy_layers(struct arena *arena, const struct message_list *from,
                        struct message_list *ret)
{
    const struct stored_layer *layers = from->items;
    struct stored_layer *items = arena_zeroed(arena, (from->count + 1) * sizeof(*items));

    for (size_t i = 0; i < from->count; i++) {
        items[i] = layers[i];
        items[i].diff_id = arena_text(arena, layers[i].diff_id);
        items[i].media_type = arena_text(arena, layers[i].media_type);
        items[i].blob = arena_text(arena, layers[i].blob);
        items[i].link = arena_text(arena, layers[i].link);
    }
    *ret = (struct message_list){ .items = items, .count = from->count };
}

/* What a record has, for those who don't hold the lock. */
static void copy_record(struct arena *arena, const struct image_info *from, struct image_info *ret)
{
    *ret = (struct image_info){
        .id = arena_text(arena, from->id),
        .digest = arena_text(arena, from->digest),
        .media_type = arena_text(arena, from->media_type),
        .size_bytes = from->size_bytes,
    };
    copy_texts(arena, &from->names, &ret->names);
    copy_layers(arena, &from->layers, &ret->layers);
}

/* And what its configuration says. */
static int read_config(struct images *images, struct arena *arena, struct image_info *image,
                       struct error *err)
{
    autofree char *text = NULL;
    struct bytes bytes = { 0 };
    struct text_list diff_ids;
    int r = image_store_read_document(images->store, image->id, &text, &bytes.size, err);

    bytes.data = (uint8_t *)text;
    if (r == 0)
        r = oci_config_read(bytes, arena, image, &diff_ids, err);
    return r < 0 ? error_add_context(err, r, "image %s", image->id) : 0;
}

int images_list(struct images *images, struct arena *arena, struct message_list *ret,
                struct error *err)
{
    struct image_info *items;
    size_t count;
    int r = 0;

    image_store_lock(images->store);
    count = image_catalog_count(images->catalog);
    items = arena_zeroed(arena, (count + 1) * sizeof(*items));
    for (size_t i = 0; i < count && r == 0; i++) {
        copy_record(arena, image_catalog_at(images->catalog, i), &items[i]);
        r = read_config(images, arena, &items[i], err);
    }
    image_store_unlock(images->store);
    if (r == 0)
        *ret = (struct message_list){ .items = items, .count = count };
    return r;
}

void images_ids(struct images *images, struct arena *arena, struct text_list *ret)
{
    image_store_lock(images->store);
    ret->count = image_catalog_count(images->catalog);
    ret->items = arena_zeroed(arena, ret->count * sizeof(*ret->items));
    for (size_t i = 0; i < ret->count; i++)
        ret->items[i] = arena_text(arena, image_catalog_at(images->catalog, i)->id);
    image_store_unlock(images->store);
}

int images_layers(struct images *images, const char *image, struct arena *arena,
                  struct message_list *ret, struct error *err)
{
    const struct image_info *found;
    int r;

    image_store_lock(images->store);
    r = image_catalog_find(images->catalog, image, &found, err);
    if (r == 0)
        copy_layers(arena, &found->layers, ret);
    image_store_unlock(images->store);
    return r;
}

int images_find(struct images *images, const char *image, struct arena *arena,
                struct image_info *ret, struct error *err)
{
    const struct image_info *found;
    struct image_info info;
    int r;

    image_store_lock(images->store);
    r = image_catalog_find(images->catalog, image, &found, err);
    if (r == 0) {
        copy_record(arena, found, &info);
        r = read_config(images, arena, &info, err);
    }
    image_store_unlock(images->store);
    if (r == 0)
        *ret = info;
    return r;
}

int images_tag(struct images *images, const char *image, const char *name, struct error *err)
{
    autoarena arena = { 0 };
    const struct image_info *found;
    char *full;
    int r = image_name_normalise(name, "localhost", &arena, &full, err);

    if (r < 0)
        return r;
    image_store_lock(images->store);
    r = image_catalog_find(images->catalog, image, &found, err);
    if (r == 0)
        r = image_catalog_tag(images->catalog, found->id, full, err);
    image_store_unlock(images->store);
    return r;
}

int images_untag(struct images *images, const char *name, struct error *err)
{
    autoarena arena = { 0 };
    const struct image_info *found;
    const char *full = NULL;
    int r;

    image_store_lock(images->store);
    r = image_catalog_find(images->catalog, name, &found, err);
    if (r == 0) {
        full = arena_text(&arena, image_catalog_name_of(found, name));
        r = full == NULL ? error_set(err, -ENOENT, "no image is called %.200s", name)
                         : image_catalog_untag(images->catalog, found->id, full, err);
    }
    image_store_unlock(images->store);
    return r;
}

int images_remove(struct images *images, const char *image, struct error *err)
{
    const struct image_info *found;
    int r;

    image_store_lock(images->store);
    r = image_catalog_find(images->catalog, image, &found, err);
    if (r == 0)
        r = image_catalog_remove(images->catalog, found->id, err);
    image_store_unlock(images->store);
    return r < 0 ? r : image_intake_collect(images, err);
}

static int verify_blob(struct images *images, const char *hex, const char *diff_id,
                       struct error *err)
{
    autoclose int fd = image_store_open_blob(images->store, hex, err);
    const struct layer_source source = { .fd = fd, .copy_fd = -1 };
    autodestroy(layer_stream) struct layer_stream *stream = NULL;
    struct layer_digests digests;
    int r = fd < 0 ? -EBADMSG : layer_stream_open(&source, &stream, err);

    if (r == 0)
        r = layer_stream_end(stream, &digests, err);
    if (r < 0)
        return r;
    if (strcmp(digests.blob, hex) != 0)
        return error_set(err, -EBADMSG, "blob sha256:%s is damaged", hex);
    if (strcmp(digests.diff, diff_id) != 0)
        return error_set(err, -EBADMSG, "blob sha256:%s is not layer %s", hex, diff_id);
    return 0;
}

int images_verify(struct images *images, const char *image, struct error *err)
{
    autoarena arena = { 0 };
    autofree char *manifest = NULL;
    size_t size;
    struct image_info info;
    const struct stored_layer *layers;
    int r = images_find(images, image, &arena, &info, err);

    if (r != 0)
        return r;
    layers = info.layers.items;
    r = image_store_read_document(images->store, info.digest, &manifest, &size, err);
    for (size_t i = 0; i < info.layers.count && r == 0; i++) {
        if (!image_store_has(images->store, STORED_LAYER, layers[i].diff_id))
            r = error_set(err, -EBADMSG, "layer %s is missing", layers[i].diff_id);
        else
            r = verify_blob(images, layers[i].blob, layers[i].diff_id, err);
    }
    return r < 0 ? error_add_context(err, r, "image %s", info.id) : 0;
}
