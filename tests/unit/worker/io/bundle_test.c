/* Clearing away a container's files: worker/io/bundle.h, with a mounted root filesystem. */
#include "worker/io/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/storage_rig.h"
#include "worker/io/rootfs_mount.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

static const char *const links[] = { "BASE" };

static void mount_as(const struct storage_rig *rig, const char *holder)
{
    struct rootfs_request request = {
        .layout = &rig->layout, .id = storage_rig_id, .links = links, .link_count = 1
    };
    struct error err = { 0 };

    if (rootfs_mount(&request, holder, &err) < 0)
        fail_msg("%s", err.text);
}

static void cleanup_ends_the_mount_of_the_run(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct outcome outcome = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_as(rig, ROOTFS_HOLDER_RUN);
    storage_rig_put(PATH("run/containers/%s/pidfile", storage_rig_id), "1");
    assert_int_equal(bundle_clear(&rig->layout, storage_rig_id, 1, NULL, &outcome), 0);
    assert_int_equal(storage_rig_mount_count(rig), 0);
    assert_int_equal(access(PATH("run/containers/%s", storage_rig_id), F_OK), -1);
    assert_int_equal(access(PATH("state/containers/%s/upper", storage_rig_id), F_OK), 0);
}

static void cleanup_leaves_a_root_that_the_operator_holds(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct outcome outcome = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_as(rig, ROOTFS_HOLDER_RUN);
    mount_as(rig, ROOTFS_HOLDER_OPERATOR);
    storage_rig_put(PATH("run/containers/%s/pidfile", storage_rig_id), "1");
    storage_rig_put(PATH("run/containers/%s/.pidfile", storage_rig_id), ""); /* runc was killed */
    assert_int_equal(bundle_clear(&rig->layout, storage_rig_id, 1, NULL, &outcome), 0);
    assert_true(rootfs_is_mounted(&rig->layout, storage_rig_id));
    assert_int_equal(access(PATH("run/containers/%s/pidfile", storage_rig_id), F_OK), -1);
    assert_int_equal(access(PATH("run/containers/%s/.pidfile", storage_rig_id), F_OK), -1);
    assert_int_equal(rootfs_unmount(&rig->layout, storage_rig_id, ROOTFS_HOLDER_OPERATOR, NULL), 0);
    assert_int_equal(storage_rig_mount_count(rig), 0);
}

static void removal_takes_a_root_that_anybody_holds(void **state)
{
    static const struct text_list no_volumes = { 0 };
    struct storage_rig *rig = storage_rig_of(state);
    struct outcome outcome = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_as(rig, ROOTFS_HOLDER_OPERATOR);
    assert_int_equal(bundle_remove(&rig->layout, storage_rig_id, &no_volumes, &outcome), 0);
    assert_int_equal(storage_rig_mount_count(rig), 0);
    assert_int_equal(access(PATH("run/containers/%s", storage_rig_id), F_OK), -1);
    assert_int_equal(access(PATH("state/containers/%s", storage_rig_id), F_OK), -1);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(cleanup_ends_the_mount_of_the_run),
        RIG(cleanup_leaves_a_root_that_the_operator_holds),
        RIG(removal_takes_a_root_that_anybody_holds),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
