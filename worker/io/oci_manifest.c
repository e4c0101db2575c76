/* Indexes and manifests; see the header. */
#include "worker/io/oci_manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "worker/io/images.h"
#include "worker/io/oci_json.h"

#define INDEX_ENTRIES_MAX 1024
#define NAME_ANNOTATION   "org.opencontainers.image.ref.name"
#define FULL_ANNOTATION   "io.containerd.image.name" /* the whole name, where there is one */

enum oci_document oci_document_kind(struct bytes text)
{
    autoarena arena = { 0 };
    autoreader reader = { 0 };

    if (oci_reader_init(&reader, "document", text, &arena, NULL) < 0)
        return OCI_DOCUMENT_OTHER;
    if (json_is_array(reader.root))
        return OCI_DOCUMENT_DOCKER;
    if (json_is_array(json_object_get(reader.root, "manifests")))
        return OCI_DOCUMENT_INDEX;
    if (json_is_object(json_object_get(reader.root, "config")))
        return OCI_DOCUMENT_MANIFEST;
    return OCI_DOCUMENT_OTHER;
}

static void read_platform(struct oci_reader *reader, const json_t *from, struct oci_descriptor *ret)
{
    const json_t *platform = oci_object(reader, from, "platform");

    ret->has_platform = platform != NULL;
    ret->os = oci_text(reader, platform, "os");
    ret->architecture = oci_text(reader, platform, "architecture");
    ret->variant = oci_text(reader, platform, "variant");
}

static struct oci_descriptor read_descriptor(struct oci_reader *reader, const json_t *from)
{
    const json_t *annotations = oci_object(reader, from, "annotations");
    struct oci_descriptor ret = {
        .media_type = oci_text(reader, from, "mediaType"),
        .hex = oci_digest(reader, from, "digest"),
        .size = oci_number(reader, from, "size"),
        .name = oci_text(reader, annotations, FULL_ANNOTATION),
    };

    if (ret.name == NULL)
        ret.name = oci_text(reader, annotations, NAME_ANNOTATION);
    read_platform(reader, from, &ret);
    return ret;
}

static struct oci_descriptors read_descriptors(struct oci_reader *reader, const char *key,
                                               size_t max)
{
    const json_t *array = oci_array(reader, reader->root, key);
    struct oci_descriptors list = { .count = json_array_size(array) };

    if (list.count > max) {
        oci_reader_fail(reader, key, "of a size that is supported");
        return (struct oci_descriptors){ 0 };
    }
    list.items = arena_zeroed(reader->arena, (list.count + 1) * sizeof(*list.items));
    for (size_t i = 0; i < list.count; i++)
        list.items[i] = read_descriptor(reader, json_array_get(array, i));
    return list;
}

int oci_index_read(struct bytes text, struct arena *arena, struct oci_descriptors *ret,
                   struct error *err)
{
    autoreader reader = { 0 };
    struct oci_descriptors index;
    int r = oci_reader_init(&reader, "index", text, arena, err);

    if (r < 0)
        return r;
    index = read_descriptors(&reader, "manifests", INDEX_ENTRIES_MAX);
    if (index.count == 0)
        oci_reader_fail(&reader, "manifests", "a list with at least one manifest");
    r = oci_reader_result(&reader, err);
    if (r == 0)
        *ret = index;
    return r;
}

int oci_manifest_read(struct bytes text, struct arena *arena, struct oci_manifest *ret,
                      struct error *err)
{
    autoreader reader = { 0 };
    struct oci_manifest manifest = { 0 };
    int r = oci_reader_init(&reader, "manifest", text, arena, err);

    if (r < 0)
        return r;
    if (oci_number(&reader, reader.root, "schemaVersion") != 2)
        oci_reader_fail(&reader, "schemaVersion", "2, the only one that is supported");
    manifest.media_type = oci_text(&reader, reader.root, "mediaType");
    if (manifest.media_type == NULL)
        manifest.media_type = arena_text(arena, OCI_MANIFEST_MEDIA_TYPE);
    manifest.config = read_descriptor(&reader, oci_object(&reader, reader.root, "config"));
    manifest.layers = read_descriptors(&reader, "layers", IMAGE_LAYERS_MAX);
    r = oci_reader_result(&reader, err);
    if (r == 0)
        *ret = manifest;
    return r;
}

static struct oci_docker_image read_docker_image(struct oci_reader *reader, const json_t *from)
{
    struct oci_docker_image image = {
        .config = oci_text(reader, from, "Config"),
        .layers = oci_texts(reader, from, "Layers"),
        .names = oci_texts(reader, from, "RepoTags"),
    };

    if (image.config == NULL)
        oci_reader_fail(reader, "Config", "a path");
    if (image.layers.count > IMAGE_LAYERS_MAX)
        oci_reader_fail(reader, "Layers", "of a size that is supported");
    if (image.names.count > IMAGE_NAMES_MAX)
        oci_reader_fail(reader, "RepoTags", "of a size that is supported");
    return image;
}

int oci_docker_images_read(struct bytes text, struct arena *arena, struct oci_docker_images *ret,
                           struct error *err)
{
    autoreader reader = { 0 };
    struct oci_docker_images images = { 0 };
    int r = oci_reader_init(&reader, "manifest.json", text, arena, err);

    if (r < 0)
        return r;
    images.count = json_array_size(reader.root);
    if (images.count == 0 || images.count > INDEX_ENTRIES_MAX)
        return error_set(err, -EBADMSG, "manifest.json: %zu images, 1 to %d are supported",
                         images.count, INDEX_ENTRIES_MAX);
    images.items = arena_zeroed(arena, images.count * sizeof(*images.items));
    for (size_t i = 0; i < images.count; i++)
        images.items[i] = read_docker_image(&reader, json_array_get(reader.root, i));
    r = oci_reader_result(&reader, err);
    if (r == 0)
        *ret = images;
    return r;
}

struct machine {
    const char *kernel; /* as uname says */
    const char *architecture;
    const char *variant;
};

static const struct machine machines[] = {
    { "x86_64", "amd64", NULL },    { "aarch64", "arm64", "v8" },
    { "armv7l", "arm", "v7" },      { "armv6l", "arm", "v6" },
    { "i686", "386", NULL },        { "riscv64", "riscv64", NULL },
    { "ppc64le", "ppc64le", NULL }, { "s390x", "s390x", NULL },
    { "mips64", "mips64le", NULL }, { "loongarch64", "loong64", NULL },
};

const char *oci_architecture(const char **ret_variant)
{
    struct utsname name;

    *ret_variant = NULL;
    if (uname(&name) < 0)
        return "unknown";
    for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
        if (strcmp(machines[i].kernel, name.machine) != 0)
            continue;
        *ret_variant = machines[i].variant;
        return machines[i].architecture;
    }
    return "unknown";
}

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

/* How well it fits; 0: not at all. What doesn't say its platform is taken only for want of better.
 */
static int fit(const struct oci_descriptor *image)
{
    const char *variant;
    const char *architecture = oci_architecture(&variant);

    if (!image->has_platform)
        return 1;
    if (!is_text(image->os, "linux") || !is_text(image->architecture, architecture))
        return 0;
    if (image->variant == NULL)
        return 3;
    return variant != NULL && strcmp(image->variant, variant) == 0 ? 4 : 2;
}

static void list_platforms(const struct oci_descriptors *index, char *ret, size_t size)
{
    size_t used = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < index->count && used < size; i++) {
        const struct oci_descriptor *image = &index->items[i];
        int n = snprintf(ret + used, size - used, "%s%s/%s", i == 0 ? "" : ", ",
                         image->os == NULL ? "?" : image->os,
                         image->architecture == NULL ? "?" : image->architecture);

        used += n < 0 ? size : (size_t)n;
    }
}

int oci_pick_platform(const struct oci_descriptors *index, const struct oci_descriptor **ret,
                      struct error *err)
{
    const struct oci_descriptor *best = NULL;
    const char *variant;
    char platforms[200];

    for (size_t i = 0; i < index->count; i++) {
        const struct oci_descriptor *image = &index->items[i];

        if (fit(image) > (best == NULL ? 0 : fit(best)))
            best = image;
    }
    if (best != NULL) {
        *ret = best;
        return 0;
    }
    list_platforms(index, platforms, sizeof(platforms));
    return error_set(err, -ENOENT, "the image is not made for linux/%s, but for: %s",
                     oci_architecture(&variant), platforms);
}

const char *oci_layer_media_type(enum layer_compression compression)
{
    static const char *const types[] = {
        [LAYER_PLAIN] = "application/vnd.oci.image.layer.v1.tar",
        [LAYER_GZIP] = "application/vnd.oci.image.layer.v1.tar+gzip",
        [LAYER_ZSTD] = "application/vnd.oci.image.layer.v1.tar+zstd",
        [LAYER_XZ] = "application/vnd.oci.image.layer.v1.tar+xz",
    };

    return types[compression];
}

static json_t *descriptor_json(const struct oci_descriptor *descriptor)
{
    json_t *object = json_object();

    oci_set_text(object, "mediaType", descriptor->media_type);
    oci_set_digest(object, "digest", descriptor->hex);
    oci_set_number(object, "size", descriptor->size);
    return object;
}

char *oci_manifest_write(const struct oci_manifest *manifest)
{
    json_t *object = json_object();
    json_t *layers = json_array();

    oci_set_number(object, "schemaVersion", 2);
    oci_set_text(object, "mediaType", OCI_MANIFEST_MEDIA_TYPE);
    (void)json_object_set_new(object, "config", descriptor_json(&manifest->config));
    for (size_t i = 0; i < manifest->layers.count; i++)
        (void)json_array_append_new(layers, descriptor_json(&manifest->layers.items[i]));
    (void)json_object_set_new(object, "layers", layers);
    return oci_dump(object);
}
