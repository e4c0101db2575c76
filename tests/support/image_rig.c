/* An image store to test; see the header. */
#include "tests/support/image_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io/digest.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "tests/support/tar_text.h"

void image_rig_open(struct image_rig *rig)
{
    rig->err.text[0] = '\0';
    if (images_open(rig->store, &rig->images, &rig->err) < 0)
        fail_msg("%s", rig->err.text);
}

void image_rig_close(struct image_rig *rig)
{
    images_close(rig->images);
    rig->images = NULL;
}

int image_rig_set_up(void **state)
{
    struct image_rig *rig = mem_new(struct image_rig);

    (void)snprintf(rig->top, sizeof(rig->top), "/tmp/gantry-images-XXXXXX");
    assert_non_null(mkdtemp(rig->top));
    rig->store = mem_text("%s/storage", rig->top);
    rig->layout = mem_text("%s/layout", rig->top);
    assert_int_equal(files_make_directories(rig->layout, 0700, NULL), 0);
    image_rig_open(rig);
    *state = rig;
    return 0;
}

int image_rig_tear_down(void **state)
{
    struct image_rig *rig = *state;

    image_rig_close(rig);
    (void)files_remove_tree(AT_FDCWD, rig->top, NULL);
    arena_done(&rig->arena);
    free(rig->store);
    free(rig->layout);
    free(rig);
    return 0;
}

/* A layer of one file: its tar is its blob. */
struct oci_descriptor image_rig_write_layer(struct image_rig *rig, const char *name,
                                            const char *content)
{
    struct buffer tar = { 0 };
    const struct tar_entry file = { .type = '0', .name = name, .content = content };
    struct oci_descriptor layer = { .media_type =
                                        (char *)(uintptr_t)oci_layer_media_type(LAYER_PLAIN) };
    char hex[DIGEST_HEX_SIZE + 1];

    tar_add(&tar, &file);
    tar_end(&tar);
    digest_of(buffer_bytes(&tar), hex);
    layer.hex = arena_text(&rig->arena, hex);
    layer.size = tar.size;
    assert_int_equal(files_replace(AT_FDCWD, arena_printf(&rig->arena, "%s/%s", rig->layout, hex),
                                   buffer_bytes(&tar), 0600, 0, NULL),
                     0);
    buffer_done(&tar);
    return layer;
}

char *image_rig_write_document(struct image_rig *rig, const char *name, const char *text)
{
    char hex[DIGEST_HEX_SIZE + 1];

    digest_of(bytes_of_text(text), hex);
    if (name == NULL)
        name = hex;
    assert_int_equal(files_replace(AT_FDCWD, arena_printf(&rig->arena, "%s/%s", rig->layout, name),
                                   bytes_of_text(text), 0600, 0, NULL),
                     0);
    return arena_text(&rig->arena, hex);
}

/* A directory as skopeo's "dir:" writes it; gives the image's id. `salt` makes another image. */
char *image_rig_write_image(struct image_rig *rig, const struct oci_descriptor *layers,
                            size_t count, const char *salt)
{
    struct oci_manifest manifest = {
        .config = { .media_type = (char *)(uintptr_t)OCI_CONFIG_MEDIA_TYPE },
        .layers = { .items = (struct oci_descriptor *)(uintptr_t)layers, .count = count },
    };
    const char *diff_ids = "";
    const char *config;
    autofree char *text = NULL;

    for (size_t i = 0; i < count; i++)
        diff_ids = arena_printf(&rig->arena, "%s%s\"sha256:%s\"", diff_ids, i == 0 ? "" : ",",
                                layers[i].hex);
    config = arena_printf(&rig->arena,
                          "{\"architecture\":\"amd64\",\"os\":\"linux\",\"author\":\"%s\","
                          "\"config\":{\"Cmd\":[\"/bin/sh\"],\"Env\":[\"A=b\"]},"
                          "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
                          salt, diff_ids);
    manifest.config.hex = image_rig_write_document(rig, NULL, config);
    manifest.config.size = strlen(config);
    text = oci_manifest_write(&manifest);
    (void)image_rig_write_document(rig, "manifest.json", text);
    return manifest.config.hex;
}

int image_rig_load(struct image_rig *rig, const char *name)
{
    const struct image_source source = { .fd = -1, .path = rig->layout };
    char *names[] = { arena_text(&rig->arena, name) };
    const struct text_list given = { .items = names, .count = 1 };
    struct text_list ids;

    return images_load(rig->images, &source, &given, &rig->arena, &ids, &rig->err);
}

char *image_rig_load_new(struct image_rig *rig, const char *name, const char *salt)
{
    const struct oci_descriptor layers[] = { image_rig_write_layer(rig, "base", "base"),
                                             image_rig_write_layer(rig, salt, salt) };
    char *id = image_rig_write_image(rig, layers, 2, salt);

    if (image_rig_load(rig, name) < 0)
        fail_msg("%s", rig->err.text);
    return id;
}

size_t image_rig_count(const struct image_rig *rig, const char *directory)
{
    autofree char *path = mem_text("%s/%s", rig->store, directory);
    DIR *opened = opendir(path);
    size_t count = 0;

    assert_non_null(opened);
    for (const struct dirent *entry; (entry = readdir(opened)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(opened);
    return count;
}

void image_rig_assert_empty(const struct image_rig *rig)
{
    static const char *const directories[] = { "blobs/sha256", "layers", "l", "images", "staging" };

    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
        assert_int_equal(image_rig_count(rig, directories[i]), 0);
}

char *image_rig_find(struct image_rig *rig, const char *image)
{
    struct image_info info;

    if (images_find(rig->images, image, &rig->arena, &info, &rig->err) < 0)
        return NULL;
    return info.id;
}
