/* Files and trees: whole or not at all, and never outside of what was named. */
#include "common/io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"

#define DEEP 3000 /* directories below each other: more than descriptors, longer than PATH_MAX */

struct place {
    char directory[64];
    int fd; /* of it */
};

static int make_place(void **state)
{
    struct place *place = mem_new(struct place);

    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/gantry-files-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    place->fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    (void)close(place->fd);
    assert_int_equal(files_remove_tree(AT_FDCWD, place->directory, NULL), 0);
    assert_int_equal(access(place->directory, F_OK), -1);
    free(place);
    return 0;
}

static void write_text(int directory_fd, const char *name, const char *content)
{
    struct error err = { 0 };

    if (files_replace(directory_fd, name, bytes_of_text(content), 0600, 0, &err) < 0)
        fail_msg("%s", err.text);
}

static void assert_content(int directory_fd, const char *name, const char *expected)
{
    autofree char *content = NULL;
    size_t size = 0;

    assert_int_equal(files_read(directory_fd, name, 4096, &content, &size, NULL), 0);
    assert_string_equal(content, expected);
    assert_int_equal(size, strlen(expected));
}

static bool is_there(int directory_fd, const char *name)
{
    return faccessat(directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void replacing_makes_and_replaces_with_the_exact_mode(void **state)
{
    const struct place *place = *state;
    mode_t mask = umask(077);
    struct stat found;

    assert_int_equal(files_replace(place->fd, "a", bytes_of_text("one"), 0644, 0, NULL), 0);
    assert_int_equal(files_replace(place->fd, "a", bytes_of_text("two"), 0640, 1, NULL), 0);
    (void)umask(mask);
    assert_content(place->fd, "a", "two");
    assert_int_equal(fstatat(place->fd, "a", &found, 0), 0);
    assert_int_equal(found.st_mode & 07777, 0640);
    assert_false(is_there(place->fd, ".a.new"));
}

static void replacing_works_beneath_and_by_path(void **state)
{
    const struct place *place = *state;
    autofree char *path = mem_text("%s/sub/b", place->directory);

    assert_int_equal(mkdirat(place->fd, "sub", 0700), 0);
    write_text(place->fd, "sub/a", "one");
    write_text(AT_FDCWD, path, "two");
    assert_content(place->fd, "sub/a", "one");
    assert_content(place->fd, "sub/b", "two");
    write_text(place->fd, "empty", "");
    assert_content(place->fd, "empty", "");
}

/* A writer that was killed left its half; a link in its place is not followed. */
static void leftovers_of_a_killed_writer_do_not_matter(void **state)
{
    const struct place *place = *state;

    write_text(place->fd, "a", "old");
    write_text(place->fd, "victim", "untouched");
    assert_int_equal(symlinkat("victim", place->fd, ".a.new"), 0);
    write_text(place->fd, "a", "new");
    assert_content(place->fd, "a", "new");
    assert_content(place->fd, "victim", "untouched");
}

static void a_failed_replacement_leaves_the_old(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };

    assert_int_equal(mkdirat(place->fd, "a", 0700), 0);
    write_text(place->fd, "a/inside", "x");
    assert_int_equal(files_replace(place->fd, "a", bytes_of_text("y"), 0600, 0, &err), -EISDIR);
    assert_non_null(strstr(err.text, "write a: "));
    assert_content(place->fd, "a/inside", "x");
    assert_false(is_there(place->fd, ".a.new"));
    assert_int_equal(files_replace(place->fd, "no/a", bytes_of_text("y"), 0600, 0, NULL), -ENOENT);
}

static void reading_has_a_limit(void **state)
{
    const struct place *place = *state;
    char *content = NULL;
    size_t size = 0;
    struct error err = { 0 };

    write_text(place->fd, "a", "12345");
    assert_int_equal(files_read(place->fd, "a", 4, &content, &size, &err), -EFBIG);
    assert_null(content);
    assert_int_equal(files_read(place->fd, "a", 5, &content, &size, NULL), 0);
    assert_string_equal(content, "12345");
    free(content);
    assert_int_equal(files_read(place->fd, "none", 5, &content, &size, &err), -ENOENT);
    assert_non_null(strstr(err.text, "none"));
    assert_int_equal(files_read(place->fd, ".", 5, &content, &size, NULL), -EISDIR);
}

static void files_without_a_size_are_read_to_their_end(void **state)
{
    char *content = NULL;

    (void)state;
    assert_int_equal(files_read(AT_FDCWD, "/proc/self/status", 1 << 20, &content, NULL, NULL), 0);
    assert_non_null(strstr(content, "Name:"));
    free(content);
}

static void a_fifo_does_not_hold_a_reader(void **state)
{
    const struct place *place = *state;
    char *content = NULL;

    assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
    assert_int_equal(files_read(place->fd, "fifo", 16, &content, NULL, NULL), 0);
    assert_string_equal(content, "");
    free(content);
}

static void directories_are_made_all_the_way(void **state)
{
    const struct place *place = *state;
    autofree char *path = mem_text("%s/a/b//c/", place->directory);
    autofree char *durable = mem_text("%s/a/d/e", place->directory);
    autofree char *blocked = mem_text("%s/file", place->directory);
    autofree char *below = mem_text("%s/file/x", place->directory);

    assert_int_equal(files_make_directories(path, 0700, NULL), 0);
    assert_int_equal(files_make_directories(path, 0700, NULL), 0);
    assert_true(is_there(place->fd, "a/b/c"));
    assert_int_equal(files_make_durable(durable, 0700, NULL), 0);
    assert_int_equal(files_make_durable(durable, 0700, NULL), 0);
    assert_true(is_there(place->fd, "a/d/e"));
    write_text(place->fd, "file", "");
    assert_int_equal(files_make_directories(blocked, 0700, NULL), -ENOTDIR);
    assert_int_equal(files_make_directories(below, 0700, NULL), -ENOTDIR);
}

static void a_tree_is_removed_and_its_neighbours_stay(void **state)
{
    const struct place *place = *state;

    assert_int_equal(mkdirat(place->fd, "tree", 0700), 0);
    assert_int_equal(mkdirat(place->fd, "tree/sub", 0700), 0);
    assert_int_equal(mkdirat(place->fd, "tree/empty", 0700), 0);
    for (int i = 0; i < 300; i++) {
        autofree char *name = mem_text("tree/sub/%d", i);

        write_text(place->fd, name, "x");
    }
    assert_int_equal(mkfifoat(place->fd, "tree/fifo", 0600), 0);
    write_text(place->fd, "neighbour", "x");
    assert_int_equal(files_remove_tree(place->fd, "tree", NULL), 0);
    assert_false(is_there(place->fd, "tree"));
    assert_true(is_there(place->fd, "neighbour"));
}

static void links_are_removed_and_not_followed(void **state)
{
    const struct place *place = *state;

    assert_int_equal(mkdirat(place->fd, "outside", 0700), 0);
    write_text(place->fd, "outside/kept", "x");
    assert_int_equal(mkdirat(place->fd, "tree", 0700), 0);
    assert_int_equal(symlinkat("../outside", place->fd, "tree/link"), 0);
    assert_int_equal(symlinkat("/nowhere", place->fd, "tree/dangling"), 0);
    assert_int_equal(symlinkat("outside", place->fd, "top"), 0);
    assert_int_equal(files_remove_tree(place->fd, "tree", NULL), 0);
    assert_int_equal(files_remove_tree(place->fd, "top", NULL), 0);
    assert_false(is_there(place->fd, "tree"));
    assert_false(is_there(place->fd, "top"));
    assert_true(is_there(place->fd, "outside/kept"));
}

static void what_is_not_there_is_removed(void **state)
{
    const struct place *place = *state;

    assert_int_equal(files_remove_tree(place->fd, "none", NULL), 0);
    assert_int_equal(files_remove_tree(place->fd, "none/below", NULL), 0);
    write_text(place->fd, "file", "x");
    assert_int_equal(files_remove_tree(place->fd, "file", NULL), 0);
    assert_false(is_there(place->fd, "file"));
}

static void make_deep_tree(int directory_fd)
{
    int fd = dup(directory_fd);

    for (unsigned i = 0; i < DEEP; i++) {
        int below;

        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        assert_true(symlinkat("x", fd, ".stray-0") == 0); /* the name that we would take */
        below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        (void)close(fd);
        fd = below;
    }
    (void)close(fd);
}

static void a_tree_may_be_deeper_than_there_are_descriptors(void **state)
{
    const struct place *place = *state;
    struct rlimit before;
    struct rlimit few;

    assert_int_equal(mkdirat(place->fd, "deep", 0700), 0);
    {
        autoclose int fd = openat(place->fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        make_deep_tree(fd);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ .rlim_cur = 300, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(files_remove_tree(place->fd, "deep", NULL), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(is_there(place->fd, "deep"));
}

/* In a child, whose mounts are its own. 77: this machine lets nobody mount here. */
static int remove_around_mount(const struct place *place)
{
    autofree char *target = mem_text("%s/tree/mounted", place->directory);
    autofree char *source = mem_text("%s/outside", place->directory);
    int r;

    if (unshare(CLONE_NEWNS) < 0)
        return 77;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(source, target, NULL, MS_BIND, NULL) < 0)
        return 77;
    r = files_remove_tree(place->fd, "tree", NULL);
    return (r == -EXDEV || r == -EBUSY) && is_there(place->fd, "outside/kept") ? 0 : 1;
}

static void what_is_mounted_stays_whole(void **state)
{
    const struct place *place = *state;
    int status = 0;
    pid_t pid;

    assert_int_equal(mkdirat(place->fd, "outside", 0700), 0);
    write_text(place->fd, "outside/kept", "x");
    assert_int_equal(mkdirat(place->fd, "tree", 0700), 0);
    assert_int_equal(mkdirat(place->fd, "tree/mounted", 0700), 0);
    pid = fork();
    if (pid == 0)
        _exit(remove_around_mount(place));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_root_is_not_left_by_links_or_dots(void **state)
{
    const struct place *place = *state;
    autoclose int root = -1;
    char content[16] = "";
    struct error err = { 0 };
    int fd;

    write_text(place->fd, "secret", "outside");
    assert_int_equal(mkdirat(place->fd, "root", 0700), 0);
    assert_int_equal(mkdirat(place->fd, "root/etc", 0700), 0);
    write_text(place->fd, "root/etc/name", "inside");
    assert_int_equal(symlinkat("/etc/name", place->fd, "root/absolute"), 0);
    assert_int_equal(symlinkat("../../../../etc/name", place->fd, "root/upwards"), 0);
    assert_int_equal(symlinkat("../secret", place->fd, "root/escape"), 0);
    root = openat(place->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);

    for (unsigned i = 0; i < 3; i++) {
        static const char *const paths[] = { "absolute", "upwards", "../../etc/name" };

        fd = files_open_in_root(root, paths[i], O_RDONLY, NULL);
        assert_true(fd >= 0);
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(read(fd, content, sizeof(content) - 1), strlen("inside"));
        assert_string_equal(content, "inside");
        (void)close(fd);
    }
    assert_int_equal(files_open_in_root(root, "escape", O_RDONLY, &err), -ENOENT);
    assert_string_equal(err.text, "open escape: No such file or directory");
    fd = files_open_in_root(root, "/made", O_WRONLY | O_CREAT, NULL);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_true(is_there(place->fd, "root/made"));
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(replacing_makes_and_replaces_with_the_exact_mode),
        IN_PLACE(replacing_works_beneath_and_by_path),
        IN_PLACE(leftovers_of_a_killed_writer_do_not_matter),
        IN_PLACE(a_failed_replacement_leaves_the_old),
        IN_PLACE(reading_has_a_limit),
        cmocka_unit_test(files_without_a_size_are_read_to_their_end),
        IN_PLACE(a_fifo_does_not_hold_a_reader),
        IN_PLACE(directories_are_made_all_the_way),
        IN_PLACE(a_tree_is_removed_and_its_neighbours_stay),
        IN_PLACE(links_are_removed_and_not_followed),
        IN_PLACE(what_is_not_there_is_removed),
        IN_PLACE(a_tree_may_be_deeper_than_there_are_descriptors),
        IN_PLACE(what_is_mounted_stays_whole),
        IN_PLACE(a_root_is_not_left_by_links_or_dots),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
