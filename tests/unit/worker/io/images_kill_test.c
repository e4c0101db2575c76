/*
 * The image store: what is seen is whole, wherever it is killed. System calls that make something
 * visible or durable pass by here, so that a test can kill at each of them, and see their order.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/image_rig.h"

#define STAGES_MAX 400

static int stage;       /* system calls of interest so far */
static int kill_stage;  /* 0: none */
static bool is_flushed; /* since something was last written to staging */
static bool was_unsafe; /* something got its name before it was on the disk */

static void pass_stage(void)
{
    if (++stage == kill_stage)
        (void)raise(SIGKILL);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    pass_stage();
    if (strncmp(to, "layers/", 7) == 0 || strncmp(to, "blobs/", 6) == 0)
        was_unsafe |= !is_flushed;
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    pass_stage();
    is_flushed = false;
    return (int)syscall(SYS_mkdirat, fd, path, mode);
}

int symlinkat(const char *target, int fd, const char *path)
{
    pass_stage();
    return (int)syscall(SYS_symlinkat, target, fd, path);
}

int unlinkat(int fd, const char *path, int flags)
{
    pass_stage();
    return (int)syscall(SYS_unlinkat, fd, path, flags);
}

/* What SIGKILL leaves, the page cache keeps: nothing has to reach the disk here. */
int syncfs(int fd)
{
    (void)fd;
    pass_stage();
    is_flushed = true;
    return 0;
}

int fsync(int fd)
{
    (void)fd;
    pass_stage();
    return 0;
}

static void everything_is_flushed_before_it_gets_its_name(void **state)
{
    struct image_rig *rig = *state;

    was_unsafe = false;
    (void)image_rig_load_new(rig, "web", "web");
    assert_false(was_unsafe);
}

/* Run `act` in a process that dies at that stage; false when it got to its end. */
static bool die_at(struct image_rig *rig, int at, void (*act)(struct image_rig *rig))
{
    pid_t child;
    int status;

    image_rig_close(rig);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        stage = 0;
        kill_stage = at;
        if (images_open(rig->store, &rig->images, NULL) < 0)
            _exit(2);
        act(rig);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    image_rig_open(rig);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

/* Every image is whole, and there is nothing but what images use. */
static void assert_whole(struct image_rig *rig, size_t *ret_count)
{
    struct message_list images;
    const struct image_info *items;
    size_t layers = 0;
    size_t blobs = 0;

    assert_int_equal(images_list(rig->images, &rig->arena, &images, &rig->err), 0);
    items = images.items;
    for (size_t i = 0; i < images.count; i++) {
        if (images_verify(rig->images, items[i].id, &rig->err) < 0)
            fail_msg("%s", rig->err.text);
        layers += items[i].layers.count - (i > 0 ? 1 : 0); /* the base is shared */
        blobs += 2;
    }
    assert_int_equal(image_rig_count(rig, "layers"), layers);
    assert_int_equal(image_rig_count(rig, "l"), layers);
    assert_int_equal(image_rig_count(rig, "blobs/sha256"), blobs + layers);
    assert_int_equal(image_rig_count(rig, "staging"), 0);
    *ret_count = images.count;
}

static void act_load(struct image_rig *rig)
{
    (void)image_rig_load_new(rig, "killed", "killed");
}

static void a_load_that_is_killed_anywhere_leaves_all_or_nothing_and_can_be_repeated(void **state)
{
    struct image_rig *rig = *state;
    int killed = 0;

    (void)image_rig_load_new(rig, "other", "other");
    for (int at = 1; at < STAGES_MAX && die_at(rig, at, act_load); at++) {
        size_t count;

        killed++;
        assert_whole(rig, &count);
        assert_int_equal(count, image_rig_find(rig, "killed") == NULL ? 1 : 2);
        (void)image_rig_load_new(rig, "killed", "killed");
        assert_whole(rig, &count);
        assert_int_equal(count, 2);
        assert_int_equal(images_remove(rig->images, "killed", &rig->err), 0);
    }
    assert_in_range(killed, 20, STAGES_MAX - 2);
}

static void act_remove(struct image_rig *rig)
{
    (void)images_remove(rig->images, "killed", NULL);
}

static void a_removal_that_is_killed_anywhere_leaves_all_or_nothing(void **state)
{
    struct image_rig *rig = *state;
    bool was_killed = true;
    int killed = 0;

    (void)image_rig_load_new(rig, "other", "other");
    for (int at = 1; at < STAGES_MAX && was_killed; at++) {
        size_t count;

        (void)image_rig_load_new(rig, "killed", "killed");
        was_killed = die_at(rig, at, act_remove);
        killed += was_killed;
        assert_whole(rig, &count);
        assert_int_equal(count, image_rig_find(rig, "killed") == NULL ? 1 : 2);
    }
    assert_in_range(killed, 5, STAGES_MAX - 2);
}

static void act_tag(struct image_rig *rig)
{
    (void)images_tag(rig->images, "second", "moving", NULL);
}

static void a_name_that_moves_when_it_is_killed_has_one_owner(void **state)
{
    struct image_rig *rig = *state;
    char *first = image_rig_load_new(rig, "first", "first");
    char *second = image_rig_load_new(rig, "second", "second");
    bool was_killed = true;

    for (int at = 1; at < STAGES_MAX && was_killed; at++) {
        struct message_list images;
        const struct image_info *items;
        size_t owners = 0;
        const char *owner;

        assert_int_equal(images_tag(rig->images, first, "moving", &rig->err), 0);
        was_killed = die_at(rig, at, act_tag);
        owner = image_rig_find(rig, "moving");
        assert_true(strcmp(owner, first) == 0 || strcmp(owner, second) == 0);
        assert_int_equal(images_list(rig->images, &rig->arena, &images, &rig->err), 0);
        items = images.items;
        for (size_t i = 0; i < images.count; i++) {
            for (size_t j = 0; j < items[i].names.count; j++)
                owners += strcmp(items[i].names.items[j], "localhost/moving:latest") == 0;
        }
        assert_int_equal(owners, 1);
    }
    assert_false(was_killed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, image_rig_set_up, image_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(everything_is_flushed_before_it_gets_its_name),
        TEST(a_load_that_is_killed_anywhere_leaves_all_or_nothing_and_can_be_repeated),
        TEST(a_removal_that_is_killed_anywhere_leaves_all_or_nothing),
        TEST(a_name_that_moves_when_it_is_killed_has_one_owner),
    };
    return cmocka_run_group_tests_name("images_kill", tests, NULL, NULL);
}
