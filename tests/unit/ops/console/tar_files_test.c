/* Files as an archive and back, and archives that are not nice. */
#include "ops/console/tar_files.h"

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

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

struct place {
    char path[32];
};

static int make_place(void **state)
{
    struct place *place = mem_new(struct place);

    (void)snprintf(place->path, sizeof(place->path), "/tmp/gantry-tar.XXXXXX");
    *state = place;
    return mkdtemp(place->path) == NULL;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    int r = chdir("/");

    if (r == 0)
        r = files_remove_tree(AT_FDCWD, place->path, NULL);
    free(place);
    return r;
}

static char *in(const struct place *place, const char *name)
{
    return mem_text("%s/%s", place->path, name);
}

static void put(const struct place *place, const char *name, const char *content)
{
    autofree char *path = in(place, name);

    assert_int_equal(files_replace(AT_FDCWD, path, bytes_of_text(content), 0640, 0, NULL), 0);
}

static void is_there(const struct place *place, const char *name, const char *content)
{
    autofree char *path = in(place, name);
    autofree char *read = NULL;
    size_t size;

    assert_int_equal(files_read(AT_FDCWD, path, 4096, &read, &size, NULL), 0);
    assert_string_equal(read, content);
}

static int write_to(void *owner, struct bytes data, struct error *err)
{
    (void)err;
    return write(*(int *)owner, data.data, data.size) == (ssize_t)data.size ? 0 : -1;
}

/* A file with the archive of what is at `name` in the place. */
static int packed(const struct place *place, const char *name, const char *as)
{
    autofree char *from = in(place, name);
    autofree char *to = in(place, "archive.tar");
    int fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(tar_files_pack(from, as, write_to, &fd, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void make_directory(const struct place *place, const char *name)
{
    autofree char *path = in(place, name);

    assert_int_equal(mkdir(path, 0755), 0);
}

static void a_tree_comes_back_under_another_name(void **state)
{
    const struct place *place = *state;
    struct tar_files_target target = { .directory = place->path, .name = "copy" };
    autoclose int fd = -1;

    make_directory(place, "tree");
    make_directory(place, "tree/sub");
    put(place, "tree/file", "one");
    put(place, "tree/sub/file", "two");
    fd = packed(place, "tree", "any");
    assert_int_equal(tar_files_unpack(fd, &target, NULL), 0);
    is_there(place, "copy/file", "one");
    is_there(place, "copy/sub/file", "two");
}

static void the_content_of_a_directory_goes_right_into_another(void **state)
{
    const struct place *place = *state;
    autofree char *there = in(place, "there");
    struct tar_files_target target = { .directory = there, .name = ".", .is_content = true };
    autoclose int fd = -1;

    make_directory(place, "tree");
    make_directory(place, "there");
    put(place, "tree/file", "one");
    fd = packed(place, "tree", ".");
    assert_int_equal(tar_files_unpack(fd, &target, NULL), 0);
    is_there(place, "there/file", "one");
}

static void a_file_gets_the_name_that_was_wanted(void **state)
{
    const struct place *place = *state;
    struct tar_files_target target = { .directory = place->path, .name = "renamed" };
    autoclose int fd = -1;

    put(place, "file", "one");
    fd = packed(place, "file", "file");
    assert_int_equal(tar_files_unpack(fd, &target, NULL), 0);
    is_there(place, "renamed", "one");
}

static void an_archive_does_not_lead_out_of_its_place(void **state)
{
    static const char *const names[] = { "../escaped", "/tmp/escaped", "x/../../escaped", ".." };
    const struct place *place = *state;
    autofree char *there = in(place, "there");
    autofree char *escaped = in(place, "escaped");
    struct tar_files_target target = { .directory = there, .name = "inner" };

    make_directory(place, "there");
    put(place, "file", "evil");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        autoclose int fd = packed(place, "file", names[i]);

        assert_true(tar_files_unpack(fd, &target, NULL) < 0);
        assert_int_not_equal(access(escaped, F_OK), 0);
    }
}

static void an_archive_does_not_write_through_a_link(void **state)
{
    const struct place *place = *state;
    autofree char *there = in(place, "there");
    autofree char *link = in(place, "there/inner");
    struct tar_files_target target = { .directory = there, .name = "inner" };
    autofree char *written = in(place, "outside/file");
    autoclose int fd = -1;

    make_directory(place, "there");
    make_directory(place, "outside");
    make_directory(place, "tree");
    put(place, "tree/file", "evil");
    assert_int_equal(symlink("../outside", link), 0);
    fd = packed(place, "tree", "tree");
    (void)tar_files_unpack(fd, &target, NULL);
    assert_int_not_equal(access(written, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_comes_back_under_another_name),
        TEST(the_content_of_a_directory_goes_right_into_another),
        TEST(a_file_gets_the_name_that_was_wanted),
        TEST(an_archive_does_not_lead_out_of_its_place),
        TEST(an_archive_does_not_write_through_a_link),
    };

    return cmocka_run_group_tests_name("tar_files", tests, NULL, NULL);
}
