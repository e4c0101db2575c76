/* Records of the image store; see the header. */
#include "worker/io/image_record.h"

#include <errno.h>

#include "common/id.h"
#include "worker/io/images.h"
#include "worker/io/oci_json.h"

static json_t *layer_json(const struct stored_layer *layer)
{
    json_t *object = json_object();

    oci_set_text(object, "diff_id", layer->diff_id);
    oci_set_text(object, "media_type", layer->media_type);
    oci_set_text(object, "blob", layer->blob);
    oci_set_number(object, "blob_bytes", layer->blob_bytes);
    oci_set_number(object, "size_bytes", layer->size_bytes);
    oci_set_number(object, "file_count", layer->file_count);
    oci_set_text(object, "link", layer->link);
    (void)json_object_set_new(object, "has_root", json_boolean(layer->has_root));
    (void)json_object_set_new(object, "is_opaque", json_boolean(layer->is_opaque));
    return object;
}

static char *read_hex(struct oci_reader *reader, const json_t *object, const char *key)
{
    char *text = oci_text(reader, object, key);

    if (text == NULL || !container_id_is_valid(text))
        oci_reader_fail(reader, key, "64 hexadecimal digits");
    return text;
}

static struct stored_layer read_layer(struct oci_reader *reader, const json_t *from)
{
    struct stored_layer layer = {
        .diff_id = read_hex(reader, from, "diff_id"),
        .media_type = oci_text(reader, from, "media_type"),
        .blob = read_hex(reader, from, "blob"),
        .blob_bytes = oci_number(reader, from, "blob_bytes"),
        .size_bytes = oci_number(reader, from, "size_bytes"),
        .file_count = oci_number(reader, from, "file_count"),
        .link = oci_text(reader, from, "link"),
        .has_root = oci_bool(reader, from, "has_root"),
        .is_opaque = oci_bool(reader, from, "is_opaque"),
    };

    if (layer.link == NULL)
        oci_reader_fail(reader, "link", "a text");
    return layer;
}

char *image_record_write(const struct image_info *image, uint64_t serial)
{
    const struct stored_layer *layers = image->layers.items;
    json_t *object = json_object();
    json_t *array = json_array();

    oci_set_text(object, "id", image->id);
    oci_set_text(object, "digest", image->digest);
    oci_set_text(object, "media_type", image->media_type);
    oci_set_texts(object, "names", &image->names);
    oci_set_number(object, "size_bytes", image->size_bytes);
    oci_set_number(object, "serial", serial);
    for (size_t i = 0; i < image->layers.count; i++)
        (void)json_array_append_new(array, layer_json(&layers[i]));
    (void)json_object_set_new(object, "layers", array);
    return oci_dump(object);
}

static struct message_list read_layers(struct oci_reader *reader)
{
    const json_t *array = oci_array(reader, reader->root, "layers");
    struct message_list list = { .count = json_array_size(array) };
    struct stored_layer *items;

    if (list.count > IMAGE_LAYERS_MAX) {
        oci_reader_fail(reader, "layers", "of a size that is supported");
        return (struct message_list){ 0 };
    }
    items = arena_zeroed(reader->arena, (list.count + 1) * sizeof(*items));
    for (size_t i = 0; i < list.count; i++)
        items[i] = read_layer(reader, json_array_get(array, i));
    list.items = items;
    return list;
}

int image_record_read(struct bytes text, struct arena *arena, struct image_info *ret,
                      uint64_t *ret_serial, struct error *err)
{
    autoreader reader = { 0 };
    struct image_info image = { 0 };
    uint64_t serial;
    int r = oci_reader_init(&reader, "record of an image", text, arena, err);

    if (r < 0)
        return r;
    image.id = read_hex(&reader, reader.root, "id");
    image.digest = read_hex(&reader, reader.root, "digest");
    image.media_type = oci_text(&reader, reader.root, "media_type");
    image.names = oci_texts(&reader, reader.root, "names");
    image.size_bytes = oci_number(&reader, reader.root, "size_bytes");
    image.layers = read_layers(&reader);
    serial = oci_number(&reader, reader.root, "serial");
    r = oci_reader_result(&reader, err);
    if (r < 0)
        return r;
    *ret = image;
    *ret_serial = serial;
    return 0;
}

char *layer_record_write(const struct stored_layer *layer)
{
    return oci_dump(layer_json(layer));
}

int layer_record_read(struct bytes text, struct arena *arena, struct stored_layer *ret,
                      struct error *err)
{
    autoreader reader = { 0 };
    struct stored_layer layer;
    int r = oci_reader_init(&reader, "layer.json", text, arena, err);

    if (r < 0)
        return r;
    layer = read_layer(&reader, reader.root);
    r = oci_reader_result(&reader, err);
    if (r == 0)
        *ret = layer;
    return r;
}
