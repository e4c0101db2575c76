/* Overlays of containers: worker/io/rootfs_mount.h and worker/io/mounts.h, with real mounts. */
#include "worker/io/rootfs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/support/storage_rig.h"
#include "worker/io/mounts.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

static const char *const two_layers[] = { "TOP", "BASE" };

static struct rootfs_request two_layer_request(const struct storage_rig *rig)
{
    storage_rig_layer(rig, "BASE");
    storage_rig_layer(rig, "TOP");
    storage_rig_put(PATH("state/storage/layers/BASE/fs/etc/both"), "base");
    storage_rig_put(PATH("state/storage/layers/BASE/fs/etc/low"), "low");
    storage_rig_put(PATH("state/storage/layers/TOP/fs/etc/both"), "top");
    return (struct rootfs_request){
        .layout = &rig->layout, .id = storage_rig_id, .links = two_layers, .link_count = 2
    };
}

static const char *in_rootfs(const struct storage_rig *rig, const char *path)
{
    return PATH("run/containers/%s/rootfs/%s", storage_rig_id, path);
}

static void assert_content(const char *path, const char *content)
{
    autofree char *text = storage_rig_read(path);

    assert_string_equal(text, content);
}

static void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text);
}

static void the_topmost_layer_wins_and_changes_go_into_upper(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    assert_true(rootfs_is_mounted(&rig->layout, storage_rig_id));
    assert_content(in_rootfs(rig, "etc/both"), "top");
    assert_content(in_rootfs(rig, "etc/low"), "low");
    storage_rig_put(in_rootfs(rig, "etc/low"), "changed");
    assert_content(PATH("state/containers/%s/upper/etc/low", storage_rig_id), "changed");
    assert_content(PATH("state/storage/layers/BASE/fs/etc/low"), "low");

    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    assert_false(rootfs_is_mounted(&rig->layout, storage_rig_id));
    assert_int_equal(storage_rig_mount_count(rig), 0);
    check(rootfs_mount(&request, "run", &err), &err);
    assert_content(in_rootfs(rig, "etc/low"), "changed");
}

static void the_last_holder_unmounts(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    check(rootfs_mount(&request, "operator", &err), &err);
    check(rootfs_mount(&request, "export-1", &err), &err);
    check(rootfs_mount(&request, "export-1", &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 1);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "export-1", &err), &err);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    assert_true(rootfs_is_mounted(&rig->layout, storage_rig_id));
    check(rootfs_unmount(&rig->layout, storage_rig_id, "operator", &err), &err);
    assert_false(rootfs_is_mounted(&rig->layout, storage_rig_id));
    assert_int_equal(access(PATH("run/containers/%s/mounts", storage_rig_id), F_OK), -1);
}

static void a_mount_that_others_took_away_is_made_again(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    assert_int_equal(umount2(in_rootfs(rig, ""), MNT_DETACH), 0);
    assert_false(rootfs_is_mounted(&rig->layout, storage_rig_id));
    check(rootfs_mount(&request, "run", &err), &err);
    assert_content(in_rootfs(rig, "etc/both"), "top");
}

static void a_failed_mount_leaves_nothing_of_its_own(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    const char *missing[] = { "TOP", "GONE", "BASE" };
    struct rootfs_request request = two_layer_request(rig);
    struct error err = { 0 };

    request.links = missing;
    request.link_count = 3;
    assert_int_equal(rootfs_mount(&request, "run", &err), -ENOENT);
    assert_non_null(strstr(err.text, "GONE"));
    assert_int_equal(access(PATH("state/containers/%s/upper", storage_rig_id), F_OK), -1);
    assert_int_equal(access(PATH("run/containers/%s/mounts/run", storage_rig_id), F_OK), -1);
    assert_int_equal(storage_rig_mount_count(rig), 0);
}

static void a_failed_mount_keeps_what_was_there_before(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    const char *missing[] = { "GONE" };
    struct rootfs_request request = two_layer_request(rig);
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    storage_rig_put(in_rootfs(rig, "mine"), "mine");
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    request.links = missing;
    request.link_count = 1;
    assert_int_equal(rootfs_mount(&request, "run", &err), -ENOENT);
    assert_content(PATH("state/containers/%s/upper/mine", storage_rig_id), "mine");
}

static void a_hundred_and_twenty_seven_layers_fit(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char names[MOUNTS_LAYERS_MAX][32];
    const char *links[MOUNTS_LAYERS_MAX];
    struct rootfs_request request = {
        .layout = &rig->layout,
        .id = storage_rig_id,
        .links = links,
        .link_count = MOUNTS_LAYERS_MAX,
    };
    struct error err = { 0 };

    for (unsigned i = 0; i < MOUNTS_LAYERS_MAX; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "ABCDEFGHIJKLMNOPQRSTUVW%03u", i);
        links[i] = names[i];
        storage_rig_layer(rig, names[i]);
        storage_rig_put(PATH("state/storage/layers/%s/fs/file-%u", names[i], i), names[i]);
    }
    check(rootfs_mount(&request, "run", &err), &err);
    for (unsigned i = 0; i < MOUNTS_LAYERS_MAX; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "file-%u", i);
        assert_content(in_rootfs(rig, name), names[i]);
    }
}

static void names_too_long_for_one_page_are_told(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char name[65] = "";
    const char *links[MOUNTS_LAYERS_MAX];
    struct rootfs_request request = {
        .layout = &rig->layout,
        .id = storage_rig_id,
        .links = links,
        .link_count = MOUNTS_LAYERS_MAX,
    };
    struct error err = { 0 };

    memset(name, 'x', sizeof(name) - 1);
    storage_rig_layer(rig, name);
    for (unsigned i = 0; i < MOUNTS_LAYERS_MAX; i++)
        links[i] = name;
    assert_int_equal(rootfs_mount(&request, "run", &err), -E2BIG);
    assert_non_null(strstr(err.text, "shorter"));
}

static void an_image_without_layers_is_an_empty_root(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = { .layout = &rig->layout, .id = storage_rig_id };
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    storage_rig_put(in_rootfs(rig, "file"), "content");
    assert_content(PATH("state/containers/%s/upper/file", storage_rig_id), "content");
}

static void the_root_directory_looks_as_in_the_topmost_layer(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);
    struct stat status;
    struct error err = { 0 };

    assert_int_equal(chmod(PATH("state/storage/layers/TOP/fs"), 01751), 0);
    assert_int_equal(chown(PATH("state/storage/layers/TOP/fs"), 7, 8), 0);
    check(rootfs_mount(&request, "run", &err), &err);
    assert_int_equal(stat(in_rootfs(rig, ""), &status), 0);
    assert_int_equal(status.st_mode & 07777, 01751);
    assert_int_equal(status.st_uid, 7);
    assert_int_equal(status.st_gid, 8);
}

static void devices_of_the_image_work_only_when_privileged(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);
    struct statvfs status;
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    assert_int_equal(statvfs(in_rootfs(rig, ""), &status), 0);
    assert_true(status.f_flag & ST_NODEV);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    request.is_privileged = true;
    check(rootfs_mount(&request, "run", &err), &err);
    assert_int_equal(statvfs(in_rootfs(rig, ""), &status), 0);
    assert_false(status.f_flag & ST_NODEV);
}

static void removal_takes_everything_however_often(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    check(rootfs_mount(&request, "operator", &err), &err);
    storage_rig_put(in_rootfs(rig, "deep/er/file"), "content");
    check(rootfs_remove(&rig->layout, storage_rig_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 0);
    assert_int_equal(rmdir(PATH("state/containers/%s", storage_rig_id)), 0);
    assert_int_equal(rmdir(PATH("run/containers/%s", storage_rig_id)), 0);
    check(rootfs_remove(&rig->layout, storage_rig_id, &err), &err);
    assert_content(PATH("state/storage/layers/TOP/fs/etc/both"), "top");
}

static void holders_that_are_no_names_are_refused(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct rootfs_request request = two_layer_request(rig);

    assert_int_equal(rootfs_mount(&request, "../escape", NULL), -EINVAL);
    assert_int_equal(rootfs_mount(&request, "", NULL), -EINVAL);
    assert_int_equal(storage_rig_mount_count(rig), 0);
}

static void a_bind_can_be_read_only_and_private(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct mount_request request = { .source = PATH("source"),
                                     .target = PATH("target"),
                                     .options = "bind,ro,nosuid,rprivate" };
    struct statvfs status;
    struct error err = { 0 };

    storage_rig_put(PATH("source/file"), "content");
    storage_rig_put(PATH("target/"), NULL);
    check(mounts_make(&request, &err), &err);
    assert_true(mounts_is_mounted(request.target));
    assert_int_equal(statvfs(request.target, &status), 0);
    assert_int_equal(status.f_flag & (ST_RDONLY | ST_NOSUID), ST_RDONLY | ST_NOSUID);
    assert_int_equal(open(PATH("target/file"), O_WRONLY | O_CLOEXEC), -1);
    check(mounts_set_propagation(request.target, "rshared", &err), &err);
    check(mounts_detach(request.target, &err), &err);
    check(mounts_detach(request.target, &err), &err);
    assert_false(mounts_is_mounted(request.target));
}

static void options_about_other_mounts_are_refused(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    static const char *const refused[] = { "remount,ro", "nodev,move", "X-mount.mkdir",
                                           "x-gvfs-hide" };

    storage_rig_put(PATH("target/"), NULL);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct mount_request request = {
            .type = "tmpfs", .source = "tmpfs", .target = PATH("target"), .options = refused[i]
        };

        assert_int_equal(mounts_make(&request, NULL), -EINVAL);
    }
    assert_int_equal(storage_rig_mount_count(rig), 0);
}

static void a_mount_that_the_kernel_refuses_says_why(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct mount_request request = { .source = PATH("missing"),
                                     .target = PATH("target"),
                                     .options = "bind" };
    struct error err = { 0 };

    storage_rig_put(PATH("target/"), NULL);
    assert_int_equal(mounts_make(&request, &err), -ENOENT);
    assert_non_null(strstr(err.text, "missing"));
    request.type = "no-such-file-system";
    request.source = "none";
    request.options = NULL;
    assert_int_equal(mounts_make(&request, &err), -ENODEV);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(the_topmost_layer_wins_and_changes_go_into_upper),
        RIG(the_last_holder_unmounts),
        RIG(a_mount_that_others_took_away_is_made_again),
        RIG(a_failed_mount_leaves_nothing_of_its_own),
        RIG(a_failed_mount_keeps_what_was_there_before),
        RIG(a_hundred_and_twenty_seven_layers_fit),
        RIG(names_too_long_for_one_page_are_told),
        RIG(an_image_without_layers_is_an_empty_root),
        RIG(the_root_directory_looks_as_in_the_topmost_layer),
        RIG(devices_of_the_image_work_only_when_privileged),
        RIG(removal_takes_everything_however_often),
        RIG(holders_that_are_no_names_are_refused),
        RIG(a_bind_can_be_read_only_and_private),
        RIG(options_about_other_mounts_are_refused),
        RIG(a_mount_that_the_kernel_refuses_says_why),
    };
    return cmocka_run_group_tests_name("rootfs_mount", tests, NULL, NULL);
}
