/* How an image gets into the store; see the header. */
#include "worker/io/image_intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/image_record.h"
#include "worker/io/layer_stream.h"
#include "worker/io/oci_config.h"

#define LAYER_MODE      0755 /* of a layer's root, unless it says otherwise */
#define BLOB_MODE       0600
#define INCOMING_BLOB   "incoming-blob"
#define INCOMING_LAYER  "incoming-layer"
#define PROC_PATH_SIZE  64
#define RECORD_SIZE_MAX 4096

int image_intake_begin(struct images *images, const atomic_bool *is_cancelled, struct arena *arena,
                       struct image_intake *ret, struct error *err)
{
    *ret = (struct image_intake){ .images = images, .is_cancelled = is_cancelled, .arena = arena };
    return image_batch_begin(images->store, &ret->batch, err);
}

void image_intake_done(struct image_intake *intake)
{
    image_batch_destroy(intake->batch);
    intake->batch = NULL;
}

/* What is to be done with the bytes of a layer. */
struct landing {
    struct image_intake *intake;
    const struct incoming_layer *layer;
    bool has_blob;
    bool has_layer;
    int blob_fd; /* to read */
    int copy_fd; /* to write; -1: not */
    int root_fd; /* to extract to; -1: not */
    struct layer_digests digests;
};

static void landing_done(struct landing *landing)
{
    int *fds[] = { &landing->blob_fd, &landing->copy_fd, &landing->root_fd };

    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        auto_close_(fds[i]);
}

static int open_copy(struct landing *landing, struct error *err)
{
    int directory_fd = image_batch_fd(landing->intake->batch);

    if (landing->has_blob || landing->layer->is_ours)
        return 0;
    (void)unlinkat(directory_fd, INCOMING_BLOB, 0); /* of a layer that was given up */
    landing->copy_fd =
        openat(directory_fd, INCOMING_BLOB, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, BLOB_MODE);
    return landing->copy_fd < 0 ? error_set_errno(err, "make a blob") : 0;
}

static int open_root(struct landing *landing, struct error *err)
{
    int directory_fd = image_batch_fd(landing->intake->batch);
    int r;

    if (landing->has_layer)
        return 0;
    r = files_remove_tree(directory_fd, INCOMING_LAYER, err);
    if (r < 0)
        return r;
    if (mkdirat(directory_fd, INCOMING_LAYER, S_IRWXU) < 0 ||
        mkdirat(directory_fd, INCOMING_LAYER "/fs", LAYER_MODE) < 0 ||
        fchmodat(directory_fd, INCOMING_LAYER "/fs", LAYER_MODE, 0) < 0)
        return error_set_errno(err, "make a layer");
    landing->root_fd =
        openat(directory_fd, INCOMING_LAYER "/fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return landing->root_fd < 0 ? error_set_errno(err, "make a layer") : 0;
}

static int read_through(const struct layer_source *source, struct layer_digests *ret,
                        struct error *err)
{
    autodestroy(layer_stream) struct layer_stream *stream = NULL;
    int r = layer_stream_open(source, &stream, err);

    return r < 0 ? r : layer_stream_end(stream, ret, err);
}

static int check_digest(const char *what, const char *wanted, const char *found, struct error *err)
{
    if (wanted == NULL || strcmp(wanted, found) == 0)
        return 0;
    return error_set(err, -EBADMSG, "%s has the digest sha256:%s instead of sha256:%s", what, found,
                     wanted);
}

static int run(struct landing *landing, struct error *err)
{
    const struct layer_source source = {
        .kind = LAYER_IMAGE,
        .fd = landing->blob_fd,
        .copy_fd = landing->copy_fd,
        .is_cancelled = landing->intake->is_cancelled,
    };
    int r = landing->root_fd < 0 ? read_through(&source, &landing->digests, err)
                                 : layer_extract(&source, landing->root_fd, &landing->digests, err);

    if (r == 0)
        r = check_digest("its blob", landing->layer->blob, landing->digests.blob, err);
    if (r == 0)
        r = check_digest("its tar", landing->layer->diff_id, landing->digests.diff, err);
    return r;
}

static int take_blob(struct landing *landing, struct error *err)
{
    struct image_batch *batch = landing->intake->batch;

    if (landing->has_blob)
        return 0;
    if (landing->layer->is_ours) {
        autofree char *path = mem_text("/proc/self/fd/%d", landing->blob_fd);

        (void)unlinkat(image_batch_fd(batch), INCOMING_BLOB, 0);
        if (linkat(AT_FDCWD, path, image_batch_fd(batch), INCOMING_BLOB, AT_SYMLINK_FOLLOW) < 0)
            return error_set_errno(err, "keep its blob");
    }
    return image_batch_take(batch, STORED_BLOB, landing->digests.blob, INCOMING_BLOB, err);
}

static struct stored_layer layer_of(struct arena *arena, const struct layer_digests *digests)
{
    char link[LAYER_LINK_SIZE + 1];

    layer_link_write(digests->diff, link);
    return (struct stored_layer){
        .diff_id = arena_text(arena, digests->diff),
        .media_type = arena_text(arena, oci_layer_media_type(digests->compression)),
        .blob = arena_text(arena, digests->blob),
        .blob_bytes = digests->blob_bytes,
        .size_bytes = digests->tar_bytes,
        .file_count = digests->entries,
        .link = arena_text(arena, link),
        .has_root = digests->has_root,
        .is_opaque = digests->is_opaque,
    };
}

static int take_layer(struct landing *landing, struct stored_layer *ret, struct error *err)
{
    struct image_intake *intake = landing->intake;
    struct stored_layer layer = layer_of(intake->arena, &landing->digests);
    autofree char *text = layer_record_write(&layer);
    autoclose int fd = -1;
    int r;

    fd = openat(image_batch_fd(intake->batch), INCOMING_LAYER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, "make a layer");
    r = files_replace(fd, "layer.json", bytes_of_text(text), BLOB_MODE, 0, err);
    if (r < 0)
        return r;
    if (!image_batch_pin(intake->batch, STORED_LAYER, layer.diff_id))
        r = image_batch_take(intake->batch, STORED_LAYER, layer.diff_id, INCOMING_LAYER, err);
    if (r == 0)
        *ret = layer;
    return r;
}

/* What is known of a layer that is there. */
static int find_layer(struct image_intake *intake, const char *diff_id, struct stored_layer *ret,
                      struct error *err)
{
    autofree char *where = image_batch_where(intake->batch, STORED_LAYER, diff_id);
    autofree char *name = mem_text("%s/layer.json", where);
    autofree char *text = NULL;
    size_t size;
    int r =
        files_read(image_store_fd(intake->images->store), name, RECORD_SIZE_MAX, &text, &size, err);

    if (r == 0)
        r = layer_record_read((struct bytes){ (uint8_t *)text, size }, intake->arena, ret, err);
    if (r < 0)
        return error_add_context(err, r, "layer %s", diff_id);
    return 0;
}

/* Read the blob: for itself, for what is in it, or for both. */
static int land(struct landing *landing, struct stored_layer *ret, struct error *err)
{
    int r;

    landing->blob_fd = landing->layer->open(landing->layer->owner, err);
    if (landing->blob_fd < 0)
        return landing->blob_fd;
    r = open_copy(landing, err);
    if (r == 0)
        r = open_root(landing, err);
    if (r == 0)
        r = run(landing, err);
    if (r == 0)
        r = take_blob(landing, err);
    if (r < 0)
        return r;
    if (!landing->has_layer)
        return take_layer(landing, ret, err);
    /* Its own blob, which another image with this layer need not have. */
    ret->blob = arena_text(landing->intake->arena, landing->digests.blob);
    ret->blob_bytes = landing->digests.blob_bytes;
    ret->media_type =
        arena_text(landing->intake->arena, oci_layer_media_type(landing->digests.compression));
    return 0;
}

int image_intake_layer(struct image_intake *intake, const struct incoming_layer *layer,
                       struct stored_layer *ret, struct error *err)
{
    __attribute__((cleanup(landing_done))) struct landing landing = {
        .intake = intake, .layer = layer, .blob_fd = -1, .copy_fd = -1, .root_fd = -1
    };
    struct stored_layer found = { 0 };
    const char *blob = layer->blob; /* any will do when none is asked for: that of the layer */
    int r = 0;

    landing.has_layer =
        layer->diff_id != NULL && image_batch_pin(intake->batch, STORED_LAYER, layer->diff_id);
    if (landing.has_layer) {
        r = find_layer(intake, layer->diff_id, &found, err);
        if (r != 0)
            return r;
    }
    if (blob == NULL)
        blob = found.blob;
    landing.has_blob = blob != NULL && image_batch_pin(intake->batch, STORED_BLOB, blob);
    if (!landing.has_layer || !landing.has_blob || strcmp(found.blob, blob) != 0)
        r = land(&landing, &found, err);
    if (r < 0)
        return error_add_context(err, r, "layer %.12s",
                                 layer->diff_id == NULL ? "to import" : layer->diff_id);
    *ret = found;
    return 0;
}

int image_intake_config(struct image_intake *intake, struct bytes text, struct image_info *ret,
                        struct text_list *ret_diff_ids, struct error *err)
{
    char id[DIGEST_HEX_SIZE + 1];
    int r = oci_config_read(text, intake->arena, ret, ret_diff_ids, err);

    if (r == 0)
        r = image_batch_put(intake->batch, text, id, err);
    if (r == 0)
        ret->id = arena_text(intake->arena, id);
    return r;
}

char *image_manifest_make(const struct image_info *image, uint64_t config_bytes,
                          struct arena *arena)
{
    const struct stored_layer *layers = image->layers.items;
    struct oci_manifest manifest = {
        .config = { .media_type = arena_text(arena, OCI_CONFIG_MEDIA_TYPE),
                    .hex = image->id,
                    .size = config_bytes },
        .layers = { .count = image->layers.count },
    };

    manifest.layers.items =
        arena_zeroed(arena, (manifest.layers.count + 1) * sizeof(*manifest.layers.items));
    for (size_t i = 0; i < manifest.layers.count; i++)
        manifest.layers.items[i] = (struct oci_descriptor){
            .media_type = layers[i].media_type,
            .hex = layers[i].blob,
            .size = layers[i].blob_bytes,
        };
    return oci_manifest_write(&manifest);
}

int image_intake_manifest(struct image_intake *intake, struct bytes text, const char *media_type,
                          uint64_t config_bytes, struct image_info *image, struct error *err)
{
    const struct stored_layer *layers = image->layers.items;
    autofree char *made = NULL;
    char digest[DIGEST_HEX_SIZE + 1];
    int r;

    if (text.size == 0) {
        intake->has_made_manifests = true;
        made = image_manifest_make(image, config_bytes, intake->arena);
        text = bytes_of_text(made);
    }
    r = image_batch_put(intake->batch, text, digest, err);
    if (r < 0)
        return r;
    image->digest = arena_text(intake->arena, digest);
    image->media_type =
        arena_text(intake->arena, media_type != NULL ? media_type : OCI_MANIFEST_MEDIA_TYPE);
    image->size_bytes = 0;
    for (size_t i = 0; i < image->layers.count; i++)
        image->size_bytes += layers[i].size_bytes;
    return 0;
}

/* A manifest that was made here doesn't replace the one that the image has. */
static int put_one(const struct image_intake *intake, const struct image_info *made,
                   struct error *err)
{
    struct image_catalog *catalog = intake->images->catalog;
    int r = 0;

    if (!intake->has_made_manifests || !image_catalog_has(catalog, made->id))
        return image_catalog_put(catalog, made, err);
    for (size_t i = 0; i < made->names.count && r == 0; i++)
        r = image_catalog_tag(catalog, made->id, made->names.items[i], err);
    return r;
}

static int put_all(const struct image_intake *intake, const struct image_info *made, size_t count,
                   struct error *err)
{
    int r = 0;

    image_store_lock(intake->images->store);
    for (size_t i = 0; i < count && r == 0; i++)
        r = put_one(intake, &made[i], err);
    image_store_unlock(intake->images->store);
    return r;
}

int image_intake_commit(struct image_intake *intake, const struct image_info *images, size_t count,
                        struct error *err)
{
    int r = image_batch_commit(intake->batch, err);

    if (r == 0)
        r = put_all(intake, images, count, err);
    if (r < 0) {
        image_intake_done(intake); /* and its pins */
        (void)image_intake_collect(intake->images, NULL);
    }
    return r;
}

static bool is_used(const void *owner, enum stored_kind kind, const char *hex)
{
    return image_catalog_uses(owner, kind, hex);
}

int image_intake_collect(struct images *images, struct error *err)
{
    if (!image_catalog_is_whole(images->catalog))
        return 0;
    return image_store_collect(images->store, is_used, images->catalog, err);
}
