/* The files of a container as its init sees them: contents_open_running() of worker/io/contents.h.
 */
#include "worker/io/contents.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/support/storage_rig.h"
#include "tests/support/tar_text.h"
#include "worker/io/contents_copy.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

static void check(int r, const struct error *err)
{
    if (r < 0)
        fail_msg("%s", err->text);
}

static void *wait_for_ever(void *arg)
{
    for (;;)
        (void)pause();
    return arg;
}

static void the_view_of_a_running_container_is_its_own(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoview struct contents_view view = CONTENTS_VIEW_NONE;
    struct error err = { 0 };

    assert_int_equal(contents_open_running((uint32_t)getpid(), 1, &view, &err), -ESRCH);
    assert_int_equal(contents_open_running((uint32_t)getpid(), 0, &view, &err), 0);
    storage_rig_put(PATH("file"), "content");
    {
        struct contents_root root = { .fd = view.root_fd };
        struct stat status;

        check(contents_stat(&root, PATH("file"), &status, &err), &err);
        assert_int_equal(status.st_size, strlen("content"));
    }
}

/* A process with a file system of its own on the directory; it says when that is there. */
static pid_t start_with_mount(const char *directory, int said_fd)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", directory, "tmpfs", 0, NULL) < 0 || write(said_fd, "", 1) != 1)
            _exit(1);
        (void)wait_for_ever(NULL);
    }
    return pid;
}

/* An archive of one file, at its beginning. */
static int archive_of_file(void)
{
    struct buffer tar = { 0 };
    int fd;

    tar_add(&tar, &(struct tar_entry){ .type = '0', .name = "file", .content = "mine" });
    tar_end(&tar);
    fd = tar_open_bytes(buffer_bytes(&tar));
    buffer_done(&tar);
    return fd;
}

static void what_is_mounted_stays_in_sight_when_init_dies(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoview struct contents_view view = CONTENTS_VIEW_NONE;
    struct contents_copy copy = {
        .destination = PATH("volume"), .has_owner = true, .uid = 7, .gid = 8
    };
    autoclose int fd = archive_of_file();
    struct contents_root root;
    struct error err = { 0 };
    struct stat status;
    int said[2];
    char byte;
    pid_t pid;

    assert_int_equal(mkdir(PATH("volume"), 0755), 0);
    assert_int_equal(pipe(said), 0);
    pid = start_with_mount(PATH("volume"), said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    check(contents_open_running((uint32_t)pid, 0, &view, &err), &err);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    root = (struct contents_root){ .fd = view.root_fd };
    check(contents_copy_in(&root, &copy, fd, &err), &err);
    check(contents_stat(&root, PATH("volume/file"), &status, &err), &err);
    assert_int_equal(access(PATH("volume/file"), F_OK), -1); /* nothing beneath the mount */
    assert_int_equal(close(said[0]), 0);
    assert_int_equal(close(said[1]), 0);
}

/* A process that ends gives its root back before anybody hears of its end. One whose first thread
 * has ended, and not its second, stays so for as long as a test wants. */
static pid_t start_process_without_root(void)
{
    pid_t pid = fork();
    pthread_t thread;

    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
            pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
            _exit(1);
        pthread_exit(NULL);
    }
    return pid;
}

static void a_process_without_a_root_is_at_its_end(void **state)
{
    pid_t pid = start_process_without_root();
    autofree char *path = mem_text("/proc/%d/root", (int)pid);
    autoview struct contents_view view = CONTENTS_VIEW_NONE;
    struct error err = { 0 };

    (void)state;
    while (access(path, F_OK) == 0)
        (void)sched_yield(); /* nobody tells of it */
    assert_int_equal(contents_open_running((uint32_t)pid, 0, &view, &err), -ESRCH);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(the_view_of_a_running_container_is_its_own),
        RIG(what_is_mounted_stays_in_sight_when_init_dies),
        RIG(a_process_without_a_root_is_at_its_end),
    };
    return cmocka_run_group_tests_name("contents_running", tests, NULL, NULL);
}
