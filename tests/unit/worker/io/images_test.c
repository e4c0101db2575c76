/* The image store: what it finds, shares and refuses. */
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

#include "common/io/files.h"
#include "common/mem.h"
#include "tests/support/image_rig.h"

static void a_loaded_image_is_found_by_all_that_it_can_be_called(void **state)
{
    struct image_rig *rig = *state;
    char *id = image_rig_load_new(rig, "quay.io/team/web:2", "web");
    struct image_info info;
    char *digest;

    assert_int_equal(images_find(rig->images, id, &rig->arena, &info, &rig->err), 0);
    digest = info.digest;
    assert_string_equal(info.author, "web");
    assert_string_equal(info.config.cmd.items[0], "/bin/sh");
    assert_int_equal(info.layers.count, 2);
    assert_string_equal(image_rig_find(rig, "quay.io/team/web:2"), id);
    assert_string_equal(image_rig_find(rig, "team/web:2"), id);
    assert_string_equal(image_rig_find(rig, arena_printf(&rig->arena, "sha256:%s", id)), id);
    assert_string_equal(image_rig_find(rig, arena_printf(&rig->arena, "%.7s", id)), id);
    assert_string_equal(image_rig_find(rig, arena_printf(&rig->arena, "sha256:%s", digest)), id);
    assert_string_equal(
        image_rig_find(rig, arena_printf(&rig->arena, "quay.io/team/web@sha256:%s", digest)), id);
    assert_null(
        image_rig_find(rig, arena_printf(&rig->arena, "quay.io/team/db@sha256:%s", digest)));
    assert_null(image_rig_find(rig, "web:2"));
    assert_null(image_rig_find(rig, "team/web"));
    assert_null(image_rig_find(rig, ""));
    assert_int_equal(images_verify(rig->images, id, &rig->err), 0);
}

static void a_short_name_is_this_hosts_first_then_the_hubs_and_never_a_guess(void **state)
{
    struct image_rig *rig = *state;
    char *hub = image_rig_load_new(rig, "docker.io/busybox", "hub");
    char *here;

    assert_string_equal(image_rig_find(rig, "busybox"), hub);
    here = image_rig_load_new(rig, "busybox", "here");
    assert_string_equal(image_rig_find(rig, "busybox"), here);
    assert_string_equal(image_rig_find(rig, "docker.io/library/busybox:latest"), hub);
    (void)image_rig_load_new(rig, "a.example/x/app", "a");
    (void)image_rig_load_new(rig, "b.example/x/app", "b");
    assert_null(image_rig_find(rig, "x/app"));
    assert_int_equal(rig->err.code, -EEXIST);
}

static void a_name_belongs_to_one_image_and_survives_reopening(void **state)
{
    struct image_rig *rig = *state;
    char *first = image_rig_load_new(rig, "web", "first");
    char *second = image_rig_load_new(rig, "web", "second");

    assert_string_equal(image_rig_find(rig, "web"), second);
    assert_int_equal(images_tag(rig->images, first, "web", &rig->err), 0);
    assert_int_equal(images_tag(rig->images, first, "old:1", &rig->err), 0);
    image_rig_close(rig);
    image_rig_open(rig);
    assert_string_equal(image_rig_find(rig, "web"), first);
    assert_string_equal(image_rig_find(rig, "old:1"), first);
    assert_int_equal(images_untag(rig->images, "web", &rig->err), 0);
    assert_int_equal(images_untag(rig->images, "web", &rig->err), -ENOENT);
    assert_null(image_rig_find(rig, "web"));
    assert_string_equal(image_rig_find(rig, "localhost/old:1"), first);
    assert_non_null(image_rig_find(rig, second));
}

static void a_record_that_was_not_finished_goes_when_the_store_is_opened(void **state)
{
    struct image_rig *rig = *state;
    autofree char *path = mem_text("%s/images/.11.json.new", rig->store);
    char *id = image_rig_load_new(rig, "web", "first");

    assert_int_equal(files_replace(AT_FDCWD, path, bytes_of_text("{"), 0600, 0, &rig->err), 0);
    image_rig_close(rig);
    image_rig_open(rig);
    assert_int_equal(access(path, F_OK), -1);
    assert_string_equal(image_rig_find(rig, "web"), id);
}

static void a_layer_stays_while_an_image_uses_it_and_goes_with_the_last(void **state)
{
    struct image_rig *rig = *state;

    (void)image_rig_load_new(rig, "one", "one");
    (void)image_rig_load_new(rig, "two", "two");
    assert_int_equal(image_rig_count(rig, "layers"), 3); /* the base is shared */
    assert_int_equal(images_remove(rig->images, "one", &rig->err), 0);
    assert_int_equal(image_rig_count(rig, "layers"), 2);
    assert_int_equal(image_rig_count(rig, "l"), 2);
    assert_int_equal(images_verify(rig->images, "two", &rig->err), 0);
    assert_int_equal(images_remove(rig->images, "two", &rig->err), 0);
    image_rig_assert_empty(rig);
}

static void flip(struct image_rig *rig, const char *name)
{
    autofree char *path = mem_text("%s/%s", rig->layout, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte;

    assert_int_equal(pread(fd, &byte, 1, 512), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 512), 1);
    (void)close(fd);
}

static void a_wrong_digest_leaves_nothing(void **state)
{
    struct image_rig *rig = *state;
    struct oci_descriptor layers[] = { image_rig_write_layer(rig, "base", "base"),
                                       image_rig_write_layer(rig, "top", "top") };
    char *id = image_rig_write_image(rig, layers, 2, "x");

    flip(rig, layers[1].hex);
    assert_int_equal(image_rig_load(rig, "web"), -EBADMSG);
    assert_non_null(strstr(rig->err.text, layers[1].hex));
    image_rig_assert_empty(rig);
    flip(rig, layers[1].hex);
    assert_int_equal(files_replace(AT_FDCWD, arena_printf(&rig->arena, "%s/%s", rig->layout, id),
                                   bytes_of_text("{}"), 0600, 0, NULL),
                     0);
    assert_int_equal(image_rig_load(rig, "web"), -EBADMSG);
    image_rig_assert_empty(rig);
}

static void a_layer_that_is_another_one_than_the_configuration_says_leaves_nothing(void **state)
{
    struct image_rig *rig = *state;
    struct oci_descriptor real[] = { image_rig_write_layer(rig, "base", "base") };
    struct oci_descriptor other[] = { image_rig_write_layer(rig, "other", "other") };
    struct oci_manifest manifest = { .layers = { .items = other, .count = 1 } };
    autofree char *text = NULL;

    manifest.config = (struct oci_descriptor){ .hex = image_rig_write_image(rig, real, 1, "x"),
                                               .media_type = real[0].media_type };
    text = oci_manifest_write(&manifest);
    (void)image_rig_write_document(rig, "manifest.json", text);
    assert_int_equal(image_rig_load(rig, "web"), -EBADMSG);
    assert_non_null(strstr(rig->err.text, "its tar"));
    image_rig_assert_empty(rig);
}

static void two_processes_do_not_share_a_store(void **state)
{
    struct image_rig *rig = *state;
    struct images *second = NULL;

    assert_int_equal(images_open(rig->store, &second, &rig->err), -EBUSY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, image_rig_set_up, image_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_loaded_image_is_found_by_all_that_it_can_be_called),
        TEST(a_short_name_is_this_hosts_first_then_the_hubs_and_never_a_guess),
        TEST(a_name_belongs_to_one_image_and_survives_reopening),
        TEST(a_record_that_was_not_finished_goes_when_the_store_is_opened),
        TEST(a_layer_stays_while_an_image_uses_it_and_goes_with_the_last),
        TEST(a_wrong_digest_leaves_nothing),
        TEST(a_layer_that_is_another_one_than_the_configuration_says_leaves_nothing),
        TEST(two_processes_do_not_share_a_store),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
