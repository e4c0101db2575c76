/* What is said to volume create, as a volume. */
#include "ops/console/volume_args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_options_of_a_mount_are_kept(void **state)
{
    autoarena arena = { 0 };
    struct volume_options options = { 0 };
    struct volume volume = { 0 };

    (void)state;
    args_list_add(&options.operands, "data", &arena);
    args_list_add(&options.options, "type=tmpfs", &arena);
    args_list_add(&options.options, "o=size=1m,uid=1000,nodev", &arena);
    args_list_add(&options.options, "gid=7", &arena);
    args_list_add(&options.labels, "tier=db", &arena);
    args_list_add(&options.labels, "old", &arena);
    assert_int_equal(volume_args_take(&options, "made", &arena, &volume, NULL), 0);
    assert_string_equal(volume.name, "data");
    assert_int_equal(volume.options.count, 2);
    assert_string_equal(volume.options.items[1].key, "o");
    assert_string_equal(volume.options.items[1].value, "size=1m,nodev");
    assert_true(volume.uid.is_set);
    assert_int_equal(volume.uid.value, 1000);
    assert_int_equal(volume.gid.value, 7);
    assert_string_equal(volume.labels.items[0].value, "db");
    assert_string_equal(volume.labels.items[1].value, "");
}

static void a_volume_without_a_name_gets_the_one_that_was_made(void **state)
{
    autoarena arena = { 0 };
    struct volume_options options = { .driver = "local" };
    struct volume volume = { 0 };

    (void)state;
    assert_int_equal(volume_args_take(&options, "made", &arena, &volume, NULL), 0);
    assert_string_equal(volume.name, "made");
    assert_false(volume.uid.is_set);
}

static void assert_refused(const char *name, const char *option, const char *driver)
{
    autoarena arena = { 0 };
    struct volume_options options = { .driver = driver };
    struct volume volume = { 0 };
    struct error err = { 0 };

    args_list_add(&options.operands, name, &arena);
    if (option != NULL)
        args_list_add(&options.options, option, &arena);
    assert_true(volume_args_take(&options, "made", &arena, &volume, &err) < 0);
    assert_string_not_equal(err.text, "");
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_refused("a/b", NULL, NULL);
    assert_refused("data", "size=1m", NULL);
    assert_refused("data", "type", NULL);
    assert_refused("data", "uid=me", NULL);
    assert_refused("data", "o=uid=-1", NULL);
    assert_refused("data", NULL, "nfs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_options_of_a_mount_are_kept),
        cmocka_unit_test(a_volume_without_a_name_gets_the_one_that_was_made),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests_name("volume_args", tests, NULL, NULL);
}
