/* Archives of images; see images.h. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "worker/io/image_intake.h"
#include "worker/io/images.h"
#include "worker/io/layer_locale.h"
#include "worker/io/layer_stream.h"
#include "worker/io/oci_json.h"

#define READ_SIZE (256 * 1024)
#define FILE_MODE 0644

/* An archive that is being written. */
struct saving {
    struct images *images;
    struct image_batch *batch; /* keeps what is to be written */
    struct archive *archive;
    struct archive_entry *entry;
    int fd;
    int write_failure;
    struct text_list written; /* names of what is in it already */
    struct arena *arena;
    struct image_info *wanted;
    char **wanted_as; /* what each was asked by */
    size_t count;
    char buffer[READ_SIZE];
};

static void saving_destroy(struct saving *saving)
{
    if (saving == NULL)
        return;
    archive_entry_free(saving->entry);
    (void)archive_write_free(saving->archive);
    image_batch_destroy(saving->batch);
    free(saving->written.items);
    free(saving);
}
DEFINE_AUTODESTROY(saving)

static ssize_t on_write(struct archive *archive, void *owner, const void *data, size_t size)
{
    struct saving *saving = owner;
    ssize_t written;

    (void)archive;
    do
        written = write(saving->fd, data, size);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        saving->write_failure = -errno;
    return written;
}

static int fail(const struct saving *saving, struct error *err)
{
    if (saving->write_failure < 0)
        return error_set(err, saving->write_failure, "write the archive: %s",
                         strerror(-saving->write_failure));
    return error_set(err, -EIO, "write the archive: %.300s", archive_error_string(saving->archive));
}

static int begin(struct saving *saving, struct error *err)
{
    saving->archive = archive_write_new();
    saving->entry = archive_entry_new();
    if (saving->archive == NULL || saving->entry == NULL ||
        archive_write_set_format_pax_restricted(saving->archive) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(saving->archive, 1) != ARCHIVE_OK)
        return error_set(err, -ENOSYS, "libarchive lacks pax archives");
    if (archive_write_open(saving->archive, saving, NULL, on_write, NULL) != ARCHIVE_OK)
        return fail(saving, err);
    return image_batch_begin(saving->images->store, &saving->batch, err);
}

/* False when a file of that name is in the archive already. */
static bool is_new(struct saving *saving, const char *name)
{
    struct text_list *written = &saving->written;

    for (size_t i = 0; i < written->count; i++) {
        if (strcmp(written->items[i], name) == 0)
            return false;
    }
    written->items = mem_resized(written->items, (written->count + 1) * sizeof(char *));
    written->items[written->count++] = arena_text(saving->arena, name);
    return true;
}

static int add_header(struct saving *saving, const char *name, uint64_t size, struct error *err)
{
    archive_entry_clear(saving->entry);
    archive_entry_copy_pathname(saving->entry, name);
    archive_entry_set_filetype(saving->entry, AE_IFREG);
    archive_entry_set_perm(saving->entry, FILE_MODE);
    archive_entry_set_mtime(saving->entry, 0, 0);
    archive_entry_set_size(saving->entry, (int64_t)size);
    return archive_write_header(saving->archive, saving->entry) == ARCHIVE_OK ? 0
                                                                              : fail(saving, err);
}

static int add_data(struct saving *saving, const void *data, size_t size, struct error *err)
{
    return archive_write_data(saving->archive, data, size) == (ssize_t)size ? 0 : fail(saving, err);
}

static int add_text(struct saving *saving, const char *name, const char *text, struct error *err)
{
    int r = add_header(saving, name, strlen(text), err);

    return r < 0 ? r : add_data(saving, text, strlen(text), err);
}

static int add_document(struct saving *saving, const char *name, const char *hex,
                        uint64_t *ret_size, struct error *err)
{
    autofree char *text = NULL;
    size_t size;
    int r = image_store_read_document(saving->images->store, hex, &text, &size, err);

    if (r < 0)
        return r;
    *ret_size = size;
    if (!is_new(saving, name))
        return 0;
    r = add_header(saving, name, size, err);
    return r < 0 ? r : add_data(saving, text, size, err);
}

/* As it came. The tar writer holds us to the size: a damaged blob is noticed by whoever loads. */
static int add_blob(struct saving *saving, const char *name, const struct stored_layer *layer,
                    struct error *err)
{
    autoclose int fd = -1;
    uint64_t left = layer->blob_bytes;
    int r;

    if (!is_new(saving, name))
        return 0;
    fd = image_store_open_blob(saving->images->store, layer->blob, err);
    r = fd < 0 ? fd : add_header(saving, name, left, err);
    while (r == 0 && left > 0) {
        ssize_t size = read(fd, saving->buffer, left < READ_SIZE ? (size_t)left : READ_SIZE);

        if (size < 0)
            return error_set_errno(err, "read blob sha256:%s", layer->blob);
        if (size == 0)
            return error_set(err, -EBADMSG, "blob sha256:%s is too short", layer->blob);
        r = add_data(saving, saving->buffer, (size_t)size, err);
        left -= (uint64_t)size;
    }
    return r;
}

/* The tar that is in the blob. */
static int add_tar(struct saving *saving, const char *name, const struct stored_layer *layer,
                   struct error *err)
{
    autoclose int fd = -1;
    autodestroy(layer_stream) struct layer_stream *stream = NULL;
    struct layer_source source = { .copy_fd = -1 };
    struct layer_digests digests;
    struct bytes bytes;
    int r;

    if (!is_new(saving, name))
        return 0;
    fd = image_store_open_blob(saving->images->store, layer->blob, err);
    source.fd = fd;
    r = fd < 0 ? fd : layer_stream_open(&source, &stream, err);
    if (r == 0)
        r = add_header(saving, name, layer->size_bytes, err);
    while (r == 0) {
        r = layer_stream_next(stream, &bytes, err);
        if (r < 0 || bytes.size == 0)
            break;
        r = add_data(saving, bytes.data, bytes.size, err);
    }
    if (r == 0)
        r = layer_stream_end(stream, &digests, err);
    if (r == 0 && strcmp(digests.diff, layer->diff_id) != 0)
        r = error_set(err, -EBADMSG, "blob sha256:%s is damaged", layer->blob);
    return r;
}

/* The names it goes by in the archive: the one that was asked for; all of them when it was by id.
 */
static struct text_list names_of(const struct saving *saving, size_t index)
{
    const struct image_info *image = &saving->wanted[index];
    const char *name = image_catalog_name_of(image, saving->wanted_as[index]);

    for (size_t i = 0; i < image->names.count && name != NULL; i++) {
        if (image->names.items[i] == name)
            return (struct text_list){ .items = &image->names.items[i], .count = 1 };
    }
    return image->names;
}

static void describe(json_t *manifests, const struct oci_descriptor *manifest, const char *name)
{
    json_t *object = json_object();

    oci_set_text(object, "mediaType", OCI_MANIFEST_MEDIA_TYPE);
    oci_set_digest(object, "digest", manifest->hex);
    oci_set_number(object, "size", manifest->size);
    if (name != NULL)
        (void)json_object_set_new(object, "annotations",
                                  json_pack("{s:s}", "org.opencontainers.image.ref.name", name));
    (void)json_array_append_new(manifests, object);
}

/* The manifest as it came when it is OCI's; else one of OCI's: no reader of a layout looks for
 * another kind. */
static int add_manifest(struct saving *saving, const struct image_info *image,
                        uint64_t config_bytes, struct oci_descriptor *ret, struct error *err)
{
    autofree char *made = NULL;
    char hex[DIGEST_HEX_SIZE + 1];
    const char *name;

    if (strcmp(image->media_type, OCI_MANIFEST_MEDIA_TYPE) == 0) {
        ret->hex = image->digest;
        name = arena_printf(saving->arena, "blobs/sha256/%s", ret->hex);
        return add_document(saving, name, ret->hex, &ret->size, err);
    }
    made = image_manifest_make(image, config_bytes, saving->arena);
    digest_of(bytes_of_text(made), hex);
    ret->hex = arena_text(saving->arena, hex);
    ret->size = strlen(made);
    name = arena_printf(saving->arena, "blobs/sha256/%s", ret->hex);
    return is_new(saving, name) ? add_text(saving, name, made, err) : 0;
}

static int save_oci_image(struct saving *saving, size_t index, json_t *manifests, struct error *err)
{
    const struct image_info *image = &saving->wanted[index];
    const struct stored_layer *layers = image->layers.items;
    const struct text_list names = names_of(saving, index);
    struct oci_descriptor manifest = { 0 };
    uint64_t config_size = 0;
    int r = 0;

    for (size_t i = 0; i < image->layers.count && r == 0; i++)
        r = add_blob(saving, arena_printf(saving->arena, "blobs/sha256/%s", layers[i].blob),
                     &layers[i], err);
    if (r == 0)
        r = add_document(saving, arena_printf(saving->arena, "blobs/sha256/%s", image->id),
                         image->id, &config_size, err);
    if (r == 0)
        r = add_manifest(saving, image, config_size, &manifest, err);
    for (size_t i = 0; i < names.count && r == 0; i++)
        describe(manifests, &manifest, names.items[i]);
    if (r == 0 && names.count == 0)
        describe(manifests, &manifest, NULL);
    return r;
}

static int save_oci(struct saving *saving, struct error *err)
{
    json_t *index = json_object();
    json_t *manifests = json_array();
    autofree char *text = NULL;
    int r = add_text(saving, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", err);

    for (size_t i = 0; i < saving->count && r == 0; i++)
        r = save_oci_image(saving, i, manifests, err);
    oci_set_number(index, "schemaVersion", 2);
    (void)json_object_set_new(index, "manifests", manifests);
    text = oci_dump(index);
    return r < 0 ? r : add_text(saving, "index.json", text, err);
}

static int save_docker_image(struct saving *saving, size_t index, json_t *documents,
                             struct error *err)
{
    const struct image_info *image = &saving->wanted[index];
    const struct stored_layer *layers = image->layers.items;
    const struct text_list names = names_of(saving, index);
    struct text_list files = { .count = image->layers.count };
    const char *config = arena_printf(saving->arena, "%s.json", image->id);
    json_t *object;
    uint64_t size;
    int r = 0;

    files.items = arena_zeroed(saving->arena, (files.count + 1) * sizeof(char *));
    for (size_t i = 0; i < files.count && r == 0; i++) {
        files.items[i] = arena_printf(saving->arena, "%s.tar", layers[i].diff_id);
        r = add_tar(saving, files.items[i], &layers[i], err);
    }
    if (r == 0)
        r = add_document(saving, config, image->id, &size, err);
    if (r < 0)
        return r;
    object = json_object();
    oci_set_text(object, "Config", config);
    oci_set_texts(object, "RepoTags", &names);
    oci_set_texts(object, "Layers", &files);
    (void)json_array_append_new(documents, object);
    return 0;
}

static int save_docker(struct saving *saving, struct error *err)
{
    json_t *documents = json_array();
    autofree char *text = NULL;
    int r = 0;

    for (size_t i = 0; i < saving->count && r == 0; i++)
        r = save_docker_image(saving, i, documents, err);
    text = oci_dump(documents);
    return r < 0 ? r : add_text(saving, "manifest.json", text, err);
}

/* Nobody drops it until it is written. */
static int pin(struct saving *saving, const struct image_info *image, struct error *err)
{
    const struct stored_layer *layers = image->layers.items;
    bool is_there = image_batch_pin(saving->batch, STORED_BLOB, image->id) &&
                    image_batch_pin(saving->batch, STORED_BLOB, image->digest);

    for (size_t i = 0; i < image->layers.count && is_there; i++)
        is_there = image_batch_pin(saving->batch, STORED_BLOB, layers[i].blob);
    return is_there ? 0 : error_set(err, -ENOENT, "image %s was removed just now", image->id);
}

static int find_wanted(struct saving *saving, const struct text_list *wanted, struct error *err)
{
    int r = wanted->count > 0 ? 0 : error_set(err, -EINVAL, "no image to save");

    saving->wanted = arena_zeroed(saving->arena, (wanted->count + 1) * sizeof(*saving->wanted));
    saving->wanted_as = wanted->items;
    for (size_t i = 0; i < wanted->count && r == 0; i++) {
        r = images_find(saving->images, wanted->items[i], saving->arena, &saving->wanted[i], err);
        if (r == 0)
            r = pin(saving, &saving->wanted[i], err);
        saving->count = i + 1;
    }
    return r;
}

static int save(struct saving *saving, enum image_format format, struct error *err)
{
    static int (*const savers[])(struct saving * saving, struct error * err) = {
        [IMAGE_OCI_ARCHIVE] = save_oci,
        [IMAGE_DOCKER_ARCHIVE] = save_docker,
    };
    int r = savers[format](saving, err);

    if (r == 0 && archive_write_close(saving->archive) != ARCHIVE_OK)
        r = fail(saving, err);
    return r;
}

int images_save(struct images *images, const struct text_list *wanted, enum image_format format,
                int fd, struct error *err)
{
    autodestroy(saving) struct saving *saving = mem_new(struct saving);
    autolocale struct layer_locale locale = { 0 };
    autoarena arena = { 0 };
    int r = layer_locale_enter(&locale, err);

    saving->images = images;
    saving->fd = fd;
    saving->arena = &arena;
    if (r == 0)
        r = begin(saving, err);
    if (r == 0)
        r = find_wanted(saving, wanted, err);
    if (r == 0)
        r = save(saving, format, err);
    return r < 0 ? error_add_context(err, r, "save") : 0;
}
