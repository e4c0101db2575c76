/* Files that a container gets of its own: worker/io/own_files.h, and rootfs_resolve(). */
#include "worker/io/own_files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "tests/support/storage_rig.h"
#include "worker/io/rootfs.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

#define ROOT "root:x:0:0:root:/root:/bin/sh\n"

static void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text);
}

static void assert_content(const char *path, const char *content)
{
    autofree char *text = storage_rig_read(path);

    assert_string_equal(text, content);
}

/* With a container that runs as 1000:1001 in /srv. */
static struct own_files write_files(const struct storage_rig *rig, struct container_config *config)
{
    autoclose int root_fd = open(PATH("rootfs"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct user_identity user = { .uid = 1000, .gid = 1001, .home = "/" };
    struct own_files_request request = { .root_fd = root_fd,
                                         .config = config,
                                         .user = &user,
                                         .directory = PATH("run"),
                                         .is_root_ours = true };
    struct own_files files = { 0 };
    struct error err = { 0 };

    check(own_files_write(&request, &files, &err), &err);
    return files;
}

static void a_number_that_the_image_does_not_know_becomes_a_user(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char number[] = "1000";
    char workdir[] = "/srv";
    struct container_config config = { .user = number, .workdir = workdir };
    struct own_files files;

    storage_rig_put(PATH("rootfs/etc/passwd"), ROOT);
    storage_rig_put(PATH("rootfs/etc/group"), "root:x:0:"); /* its last line has no end */
    files = write_files(rig, &config);
    assert_null(files.passwd);
    assert_null(files.group);
    assert_content(PATH("rootfs/etc/passwd"),
                   ROOT "1000:x:1000:1001:container user:/srv:/bin/sh\n");
    assert_content(PATH("rootfs/etc/group"), "root:x:0:\n1001:x:1001:\n");
    assert_int_equal(access(files.containerenv, F_OK), 0);
    own_files_done(&files);
}

static void users_that_the_container_made_stay_over_restarts(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char number[] = "1000";
    struct container_config config = { .user = number };
    struct own_files files;

    storage_rig_put(PATH("rootfs/etc/passwd"), ROOT);
    files = write_files(rig, &config);
    own_files_done(&files);
    storage_rig_put(PATH("rootfs/etc/passwd"),
                    ROOT "1000:x:1000:1001:container user:/:/bin/sh\nmade:x:5:5::/:/bin/sh\n");
    files = write_files(rig, &config);
    own_files_done(&files);
    assert_content(PATH("rootfs/etc/passwd"),
                   ROOT "1000:x:1000:1001:container user:/:/bin/sh\nmade:x:5:5::/:/bin/sh\n");
}

static void a_read_only_root_gets_copies(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char number[] = "1000:1001";
    struct container_config config = { .user = number, .read_only = true };
    struct own_files files;

    storage_rig_put(PATH("rootfs/etc/passwd"), ROOT);
    files = write_files(rig, &config);
    assert_content(PATH("rootfs/etc/passwd"), ROOT);
    assert_content(files.passwd, ROOT "1000:x:1000:1001:container user:/:/bin/sh\n");
    assert_content(files.group, "1001:x:1001:\n");
    own_files_done(&files);
}

static void names_and_known_numbers_change_nothing(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char name[] = "root";
    char number[] = "1000";
    struct container_config config = { .user = name };
    struct own_files files;

    storage_rig_put(PATH("rootfs/etc/passwd"), "mine:x:1000:1001::/:/bin/sh\n");
    storage_rig_put(PATH("rootfs/etc/group"), "mine:x:1001:\n");
    files = write_files(rig, &config);
    own_files_done(&files);
    config.user = number;
    files = write_files(rig, &config);
    own_files_done(&files);
    assert_content(PATH("rootfs/etc/passwd"), "mine:x:1000:1001::/:/bin/sh\n");
    assert_content(PATH("rootfs/etc/group"), "mine:x:1001:\n");
}

static void a_passwd_that_is_a_link_is_the_container_s(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char number[] = "1000";
    char workdir[] = "/a:b";
    struct container_config config = { .user = number, .workdir = workdir };
    struct own_files files;

    storage_rig_put(PATH("outside/passwd"), ROOT);
    storage_rig_put(PATH("rootfs/etc/"), NULL);
    storage_rig_put(PATH("rootfs/outside/passwd"), "");
    assert_int_equal(symlink("../../outside/passwd", PATH("rootfs/etc/passwd")), 0);
    files = write_files(rig, &config);
    own_files_done(&files);
    assert_content(PATH("outside/passwd"), ROOT);
    assert_content(PATH("rootfs/outside/passwd"), "1000:x:1000:1001:container user:/:/bin/sh\n");
}

static void a_root_without_etc_stays_so(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    char number[] = "1000";
    struct container_config config = { .user = number };
    struct own_files files;

    storage_rig_put(PATH("rootfs/"), NULL);
    files = write_files(rig, &config);
    own_files_done(&files);
    assert_int_equal(rmdir(PATH("rootfs")), 0);
}

static void a_path_is_resolved_within_the_root(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    static const struct {
        const char *path;
        const char *resolved;
    } cases[] = {
        { "/", "/" },
        { "/run", "/run" },
        { "/var/lock", "/run/lock" },
        { "/var/lock/deep/er", "/run/lock/deep/er" },
        { "/out/file", "/outside/file" },
        { "/missing/x", "/missing/x" },
    };
    autoclose int root_fd = -1;

    storage_rig_put(PATH("outside/file"), "the host's");
    storage_rig_put(PATH("rootfs/run/lock/"), NULL);
    storage_rig_put(PATH("rootfs/outside/"), NULL);
    storage_rig_put(PATH("rootfs/var/"), NULL);
    assert_int_equal(symlink("../run/lock", PATH("rootfs/var/lock")), 0);
    assert_int_equal(symlink("/../outside", PATH("rootfs/out")), 0);
    root_fd = open(PATH("rootfs"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        autofree char *resolved = NULL;
        struct error err = { 0 };

        check(rootfs_resolve(root_fd, cases[i].path, &resolved, &err), &err);
        assert_string_equal(resolved, cases[i].resolved);
    }
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(a_number_that_the_image_does_not_know_becomes_a_user),
        RIG(users_that_the_container_made_stay_over_restarts),
        RIG(a_read_only_root_gets_copies),
        RIG(names_and_known_numbers_change_nothing),
        RIG(a_passwd_that_is_a_link_is_the_container_s),
        RIG(a_root_without_etc_stays_so),
        RIG(a_path_is_resolved_within_the_root),
    };
    return cmocka_run_group_tests_name("own_files", tests, NULL, NULL);
}
