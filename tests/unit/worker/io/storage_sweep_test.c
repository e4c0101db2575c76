/* What a start clears away: worker/io/storage_sweep.h, with real mounts. */
#include "worker/io/storage_sweep.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "tests/support/storage_rig.h"
#include "worker/io/rootfs_mount.h"
#include "worker/io/volumes.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

static const char *const links[] = { "BASE" };

static void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text);
}

/* Two containers with a root filesystem and a volume each, "web" being mounted for both. */
static void mount_for(const struct storage_rig *rig, const char *id, const char *holder)
{
    struct rootfs_request request = {
        .layout = &rig->layout, .id = id, .links = links, .link_count = 1
    };
    struct volume_place volume = { .layout = &rig->layout,
                                   .name = "web",
                                   .options = { .type = "tmpfs" } };
    struct error err = { 0 };

    check(rootfs_mount(&request, holder, &err), &err);
    check(volume_create(&volume, &err), &err);
    check(volume_mount(&volume, id, &err), &err);
}

static bool knows_first(void *owner, const char *id)
{
    (void)owner;
    return strcmp(id, storage_rig_id) == 0;
}

static bool knows_none(void *owner, const char *id)
{
    (void)owner;
    (void)id;
    return false;
}

static void unknown_containers_lose_everything_and_known_ones_nothing(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct storage_sweep sweep = { .layout = &rig->layout, .is_known = knows_first };
    struct error err = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_for(rig, storage_rig_id, "run");
    mount_for(rig, storage_rig_other_id, "run");
    assert_int_equal(storage_rig_mount_count(rig), 3);
    check(storage_sweep(&sweep, &err), &err);
    assert_true(rootfs_is_mounted(&rig->layout, storage_rig_id));
    assert_false(rootfs_is_mounted(&rig->layout, storage_rig_other_id));
    assert_int_equal(access(PATH("state/containers/%s", storage_rig_other_id), F_OK), -1);
    assert_int_equal(access(PATH("run/containers/%s", storage_rig_other_id), F_OK), -1);
    assert_int_equal(storage_rig_mount_count(rig), 2);

    sweep.is_known = knows_none;
    check(storage_sweep(&sweep, &err), &err);
    check(storage_sweep(&sweep, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 0);
    check(volume_remove(&rig->layout, "web", &err), &err);
}

static void the_bundle_of_an_unknown_container_is_not_touched(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct storage_sweep sweep = { .layout = &rig->layout, .is_known = knows_none };
    struct error err = { 0 };

    storage_rig_put(PATH("state/containers/%s/exits/1/exit", storage_rig_id), "0");
    storage_rig_put(PATH("state/containers/%s/upper/file", storage_rig_id), "x");
    check(storage_sweep(&sweep, &err), &err);
    assert_int_equal(access(PATH("state/containers/%s/upper", storage_rig_id), F_OK), -1);
    assert_int_equal(access(PATH("state/containers/%s/exits/1/exit", storage_rig_id), F_OK), 0);
}

static void an_export_that_a_crash_ended_holds_nothing(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct storage_sweep sweep = { .layout = &rig->layout, .is_known = knows_first };
    struct error err = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_for(rig, storage_rig_id, "export-7");
    check(storage_sweep(&sweep, &err), &err);
    assert_false(rootfs_is_mounted(&rig->layout, storage_rig_id));
}

static void after_a_reboot_no_holder_blocks(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct storage_sweep sweep = { .layout = &rig->layout,
                                   .is_known = knows_first,
                                   .is_new_boot = true };
    struct error err = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_for(rig, storage_rig_id, "run");
    storage_rig_put(PATH("state/containers/%s/upper/mine", storage_rig_id), "mine");
    assert_int_equal(umount2(PATH("run/containers/%s/rootfs", storage_rig_id), MNT_DETACH), 0);
    assert_int_equal(umount2(PATH("state/volumes/web/_data"), MNT_DETACH), 0);
    check(storage_sweep(&sweep, &err), &err);
    assert_int_equal(access(PATH("run/containers/%s/mounts/run", storage_rig_id), F_OK), -1);
    assert_int_equal(access(PATH("state/containers/%s/upper/mine", storage_rig_id), F_OK), 0);
    check(volume_remove(&rig->layout, "web", &err), &err);
}

static void a_run_directory_that_was_wiped_blocks_nothing(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct error err = { 0 };

    storage_rig_layer(rig, "BASE");
    mount_for(rig, storage_rig_id, "run");
    assert_int_equal(umount2(PATH("run/containers/%s/rootfs", storage_rig_id), MNT_DETACH), 0);
    assert_int_equal(rename(PATH("run"), PATH("run.away")), 0);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    mount_for(rig, storage_rig_id, "run");
    assert_true(rootfs_is_mounted(&rig->layout, storage_rig_id));
    check(rootfs_remove(&rig->layout, storage_rig_id, &err), &err);
}

static void volumes_that_are_gone_leave_no_users(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct storage_sweep sweep = { .layout = &rig->layout, .is_known = knows_first };
    struct error err = { 0 };

    storage_rig_put(PATH("run/volumes/old/users/%s", storage_rig_id), "");
    check(storage_sweep(&sweep, &err), &err);
    assert_int_equal(access(PATH("run/volumes/old"), F_OK), -1);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(unknown_containers_lose_everything_and_known_ones_nothing),
        RIG(the_bundle_of_an_unknown_container_is_not_touched),
        RIG(an_export_that_a_crash_ended_holds_nothing),
        RIG(after_a_reboot_no_holder_blocks),
        RIG(a_run_directory_that_was_wiped_blocks_nothing),
        RIG(volumes_that_are_gone_leave_no_users),
    };
    return cmocka_run_group_tests_name("storage_sweep", tests, NULL, NULL);
}
