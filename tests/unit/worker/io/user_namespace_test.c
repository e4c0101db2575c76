/* User namespaces of containers, with real mounts: worker/io/user_namespace.h, mapped_mount.h,
 * mapped_binds.h, id_scope.h and run_access.h. */
#include "worker/io/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "tests/support/storage_rig.h"
#include "worker/io/id_scope.h"
#include "worker/io/mapped_binds.h"
#include "worker/io/mapped_mount.h"
#include "worker/io/mounts.h"
#include "worker/io/rootfs_mount.h"
#include "worker/io/run_access.h"
#include "worker/io/volumes.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)
#define FIRST     100000

static char *range[] = { (char[]){ "0:100000:1000" } };
static const struct container_config config = {
    .uid_map = { .items = range, .count = 1 },
    .gid_map = { .items = range, .count = 1 },
};

static void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text);
}

static struct user_namespace *make_users(void)
{
    struct user_namespace *users = NULL;
    struct error err = { 0 };

    check(user_namespace_new(&config, &users, &err), &err);
    return users;
}

static uid_t owner_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_uid, status.st_gid);
    return status.st_uid;
}

static void no_maps_are_no_namespace(void **state)
{
    const struct container_config none = { 0 };
    struct container_config half = config;
    struct user_namespace *users = NULL;

    (void)state;
    assert_int_equal(user_namespace_new(&none, &users, NULL), 0);
    assert_null(users);
    half.gid_map.count = 0;
    assert_int_equal(user_namespace_new(&half, &users, NULL), -EINVAL);
    assert_null(users);
}

static void owners_are_shown_as_the_container_has_them(void **state)
{
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    struct stat status = { .st_uid = FIRST + 7, .st_gid = 5 };
    uid_t uid = 7;
    gid_t gid = 8;

    (void)state;
    user_namespace_show(users, &status);
    assert_int_equal(status.st_uid, 7);
    assert_int_equal(status.st_gid, USER_NAMESPACE_NOBODY);
    assert_int_equal(user_namespace_owner(users, &uid, &gid, NULL), 0);
    assert_int_equal(uid, FIRST + 7);
    assert_int_equal(gid, FIRST + 8);
    uid = 1000;
    assert_int_equal(user_namespace_owner(users, &uid, &gid, NULL), -EINVAL);
    assert_int_equal(uid, 1000);
}

static const char *const layers[] = { "TOP" };

static struct rootfs_request request_of(const struct storage_rig *rig, struct user_namespace *users)
{
    storage_rig_layer(rig, "TOP");
    storage_rig_put(PATH("state/storage/layers/TOP/fs/etc/file"), "low");
    return (struct rootfs_request){ .layout = &rig->layout,
                                    .id = storage_rig_id,
                                    .links = layers,
                                    .link_count = 1,
                                    .users = users };
}

static void an_overlay_shows_the_host_s_numbers_and_keeps_the_container_s(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    struct rootfs_request request = request_of(rig, users);
    const char *file = PATH("run/containers/%s/rootfs/etc/file", storage_rig_id);
    const char *fresh = PATH("run/containers/%s/rootfs/etc/fresh", storage_rig_id);
    struct id_scope scope = { 0 };
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    assert_true(rootfs_is_mounted(&rig->layout, storage_rig_id));
    assert_int_equal(storage_rig_mount_count(rig), 1);
    assert_int_equal(owner_of(file), FIRST);
    assert_int_equal(chown(file, FIRST + 7, FIRST + 7), 0);
    assert_int_equal(open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), -1);
    assert_int_equal(errno, EOVERFLOW);
    check(id_scope_enter(&scope, users, &err), &err);
    storage_rig_put(fresh, "x");
    id_scope_leave(&scope);
    assert_int_equal(owner_of(PATH("state/containers/%s/upper/etc/file", storage_rig_id)), 7);
    assert_int_equal(owner_of(PATH("state/containers/%s/upper/etc/fresh", storage_rig_id)), 0);
    assert_int_equal(owner_of(PATH("state/storage/layers/TOP/fs/etc/file")), 0);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 0);

    request.users = NULL;
    check(rootfs_mount(&request, "run", &err), &err);
    assert_int_equal(owner_of(file), 7);
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
}

static void a_layer_that_is_not_there_leaves_nothing(void **state)
{
    static const char *const missing[] = { "TOP", "NONE" };
    struct storage_rig *rig = storage_rig_of(state);
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    struct rootfs_request request = request_of(rig, users);

    request.links = missing;
    request.link_count = 2;
    assert_int_equal(rootfs_mount(&request, "run", NULL), -ENOENT);
    assert_int_equal(storage_rig_mount_count(rig), 0);
    assert_int_equal(access(PATH("state/containers/%s/upper", storage_rig_id), F_OK), -1);
}

static void a_file_system_without_such_mounts_is_named(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    struct rootfs_request request = request_of(rig, NULL);
    const char *root = PATH("run/containers/%s/rootfs", storage_rig_id);
    struct error err = { 0 };

    check(rootfs_mount(&request, "run", &err), &err);
    assert_int_equal(mapped_mount_open(root, users, &err), -EOPNOTSUPP);
    assert_non_null(strstr(err.text, root));
    check(rootfs_unmount(&rig->layout, storage_rig_id, "run", &err), &err);
}

static void a_bind_is_made_again_and_removed(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    autofree char *at = mapped_bind_path(&rig->layout, storage_rig_id, 3);
    struct error err = { 0 };

    storage_rig_put(PATH("outside/file"), "x");
    for (int i = 0; i < 2; i++)
        check(mapped_bind_make(&rig->layout, storage_rig_id, 3, PATH("outside"), users, &err),
              &err);
    assert_int_equal(storage_rig_mount_count(rig), 1);
    assert_int_equal(owner_of(at), FIRST);
    check(mapped_bind_make(&rig->layout, storage_rig_id, 4, PATH("outside/file"), users, &err),
          &err);
    assert_int_equal(mapped_bind_make(&rig->layout, storage_rig_id, 5, PATH("none"), users, NULL),
                     -ENOENT);
    for (int i = 0; i < 2; i++)
        check(mapped_binds_remove(&rig->layout, storage_rig_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 0);
    assert_int_equal(owner_of(PATH("outside/file")), 0);
}

static void a_volume_is_filled_with_the_container_s_numbers(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    struct rootfs_request request = request_of(rig, users);
    struct volume_place volume = { .layout = &rig->layout, .name = "web", .users = users };
    autoclose int root_fd = -1;
    struct error err = { 0 };

    assert_int_equal(chown(PATH("state/storage/layers/TOP/fs/etc/file"), 7, 7), 0);
    check(rootfs_mount(&request, "run", &err), &err);
    root_fd = open(PATH("run/containers/%s/rootfs", storage_rig_id), O_PATH | O_CLOEXEC);
    check(volume_create(&volume, &err), &err);
    check(volume_mount(&volume, storage_rig_id, &err), &err);
    check(volume_copy_up(&volume, root_fd, "/etc", &err), &err);
    assert_int_equal(owner_of(PATH("state/volumes/web/_data/file")), 7);
    assert_int_equal(owner_of(PATH("state/volumes/web/_data")), 0);
    assert_int_equal(access(PATH("state/volumes/web/_data.copied"), F_OK), -1);
}

/* --- id_scope.h */

static void *look_at_uid(void *ret)
{
    *(int *)ret = setfsuid((uid_t)-1);
    return NULL;
}

static void only_this_thread_is_somebody_else_for_a_while(void **state)
{
    static const struct user_namespace of_33 = { .root_uid = 33, .root_gid = 33, .fd = -1 };
    struct storage_rig *rig = storage_rig_of(state);
    struct id_scope scope = { 0 };
    struct error err = { 0 };
    pthread_t thread;
    int uid = -1;

    check(id_scope_enter(&scope, &of_33, &err), &err);
    storage_rig_put(PATH("outside/new"), "x"); /* in a directory that user 33 may not enter */
    id_scope_leave(&scope);
    assert_int_equal(owner_of(PATH("outside/new")), 33);
    storage_rig_put(PATH("outside/newer"), "x");
    assert_int_equal(owner_of(PATH("outside/newer")), 0);
    id_scope_leave(&scope);

    assert_int_equal(pthread_create(&thread, NULL, look_at_uid, &uid), 0);
    check(id_scope_enter(&scope, &of_33, &err), &err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    id_scope_leave(&scope);
    assert_int_equal(uid, 0);
}

/* --- run_access.h */

static void the_way_is_opened_as_far_as_it_is_ours(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autodestroy(user_namespace) struct user_namespace *users = make_users();
    const char *root = PATH("run/containers/%s/rootfs", storage_rig_id);
    struct stat status;
    struct error err = { 0 };

    storage_rig_put(PATH("run/containers/%s/rootfs/", storage_rig_id), NULL);
    assert_int_equal(chmod(PATH("run/containers/%s", storage_rig_id), 0700), 0);
    assert_int_equal(chmod(PATH("run/containers"), 0700), 0);
    check(run_access_give(&rig->layout, storage_rig_id, users, &err), &err);
    assert_int_equal(stat(PATH("run/containers"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0711);
    assert_int_equal(stat(PATH("run/containers/%s", storage_rig_id), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0710);
    assert_int_equal(status.st_gid, FIRST);
    /* The rig's own directory is nobody's business: mode 0700. */
    assert_int_equal(run_access_check(root, users, &err), -EACCES);
    assert_non_null(strstr(err.text, "gantry-storage-"));
    assert_int_equal(chmod(rig->directory, 0711), 0);
    check(run_access_check(root, users, &err), &err);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_maps_are_no_namespace),
        cmocka_unit_test(owners_are_shown_as_the_container_has_them),
        RIG(an_overlay_shows_the_host_s_numbers_and_keeps_the_container_s),
        RIG(a_layer_that_is_not_there_leaves_nothing),
        RIG(a_file_system_without_such_mounts_is_named),
        RIG(a_bind_is_made_again_and_removed),
        RIG(a_volume_is_filled_with_the_container_s_numbers),
        RIG(only_this_thread_is_somebody_else_for_a_while),
        RIG(the_way_is_opened_as_far_as_it_is_ours),
    };
    return cmocka_run_group_tests_name("user_namespace", tests, NULL, NULL);
}
