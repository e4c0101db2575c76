/* Layers of strangers: what comes out is what they say, and it never leaves the layer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "tests/support/tar_text.h"
#include "worker/io/layer_extract.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct rig {
    char top[64]; /* "outside" is a file in it, the layer is in "fs" */
    int top_fd;
    int fd; /* of fs/ */
    struct layer_digests digests;
    struct error err;
};

static int set_up(void **state)
{
    struct rig *rig = mem_new(struct rig);

    (void)snprintf(rig->top, sizeof(rig->top), "/tmp/gantry-layer-XXXXXX");
    assert_non_null(mkdtemp(rig->top));
    rig->top_fd = open(rig->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(rig->top_fd, "fs", 0755), 0);
    rig->fd = openat(rig->top_fd, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(files_replace(rig->top_fd, "outside", bytes_of_text("host"), 0600, 0, NULL),
                     0);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    (void)close(rig->fd);
    (void)close(rig->top_fd);
    (void)files_remove_tree(AT_FDCWD, rig->top, NULL);
    free(rig);
    return 0;
}

static int extract_bytes(struct rig *rig, struct bytes bytes)
{
    autoclose int fd = tar_open_bytes(bytes);
    const struct layer_source source = { .kind = LAYER_IMAGE, .fd = fd, .copy_fd = -1 };

    return layer_extract(&source, rig->fd, &rig->digests, &rig->err);
}

static int extract(struct rig *rig, const struct tar_entry *entries, size_t count)
{
    struct buffer tar = { 0 };
    int r;

    for (size_t i = 0; i < count; i++)
        tar_add(&tar, &entries[i]);
    tar_end(&tar);
    r = extract_bytes(rig, buffer_bytes(&tar));
    buffer_done(&tar);
    return r;
}

static struct stat status_of(const struct rig *rig, const char *path)
{
    struct stat status = { 0 };

    assert_int_equal(fstatat(rig->fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status;
}

static bool is_there(const struct rig *rig, const char *path)
{
    return faccessat(rig->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_content(int directory_fd, const char *path, const char *wanted)
{
    autofree char *text = NULL;

    assert_int_equal(files_read(directory_fd, path, 4096, &text, NULL, NULL), 0);
    assert_string_equal(text, wanted);
}

/* The file beside the layer is as it was, and alone with it. */
static void assert_nothing_outside(const struct rig *rig)
{
    struct stat status;

    assert_content(rig->top_fd, "outside", "host");
    assert_int_equal(fstatat(rig->top_fd, "outside", &status, 0), 0);
    assert_int_equal(status.st_nlink, 1);
    assert_int_equal(faccessat(rig->top_fd, "made", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(access("/tmp/gantry-layer-made", F_OK), -1);
}

static void paths_that_lead_out_of_the_layer_are_refused(void **state)
{
    static const struct tar_entry attempts[] = {
        { .type = '0', .name = "../made", .content = "x" },
        { .type = '0', .name = "a/../../made", .content = "x" },
        { .type = '5', .name = "../made/" },
        { .type = '2', .name = "../made", .target = "x" },
        { .type = '3', .name = "a/../../made", .major = 1, .minor = 3 },
        { .type = '6', .name = "..//made" },
        { .type = '0', .name = "../.wh.outside" },
        { .type = '0', .name = "../.wh..wh..opq" },
        { .type = '1', .name = "link", .target = "../outside" },
        { .type = '1', .name = "../made", .target = "link" },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < COUNT(attempts); i++) {
        assert_int_equal(extract(rig, &attempts[i], 1), -EINVAL);
        assert_non_null(strstr(rig->err.text, ".."));
        assert_nothing_outside(rig);
    }
}

static void an_absolute_path_is_meant_within_the_layer(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '0', .name = "//tmp/gantry-layer-made", .content = "x" },
        { .type = '1', .name = "/link", .target = "/tmp/./gantry-layer-made" },
    };

    assert_int_equal(extract(rig, entries, COUNT(entries)), 0);
    assert_content(rig->fd, "tmp/gantry-layer-made", "x");
    assert_int_equal(status_of(rig, "link").st_nlink, 2);
    assert_nothing_outside(rig);
}

static void nothing_is_made_through_a_symbolic_link(void **state)
{
    struct rig *rig = *state;
    static const char *const targets[] = { "..", "/tmp", ".", "../fs" };

    for (size_t i = 0; i < COUNT(targets); i++) {
        const struct tar_entry entries[] = {
            { .type = '2', .name = "way", .target = targets[i] },
            { .type = '0', .name = "way/made", .content = "x" },
        };
        const struct tar_entry deep[] = {
            { .type = '5', .name = "d/" },
            { .type = '2', .name = "d/way", .target = targets[i] },
            { .type = '0', .name = "d/way/new/made", .content = "x" },
        };
        const struct tar_entry whiteout[] = {
            { .type = '2', .name = "way", .target = targets[i] },
            { .type = '0', .name = "way/.wh.outside" },
        };

        assert_int_equal(extract(rig, entries, COUNT(entries)), -ENOTDIR);
        assert_int_equal(extract(rig, deep, COUNT(deep)), -ENOTDIR);
        assert_int_equal(extract(rig, whiteout, COUNT(whiteout)), 0);
        assert_true(S_ISLNK(status_of(rig, "way").st_mode));
        assert_nothing_outside(rig);
        assert_false(is_there(rig, "made"));
    }
}

static void a_directory_that_becomes_a_link_is_not_followed_afterwards(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '5', .name = "d/" },
        { .type = '0', .name = "d/first", .content = "1" },
        { .type = '2', .name = "d", .target = ".." },
        { .type = '0', .name = "d/made", .content = "2" },
    };

    assert_int_equal(extract(rig, entries, COUNT(entries)), -ENOTDIR);
    assert_nothing_outside(rig);
}

static void a_file_replaces_a_link_and_is_not_written_through_it(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '2', .name = "f", .target = "../outside" },
        { .type = '0', .name = "f", .content = "mine", .mode = 04755, .uid = 7 },
        { .type = '2', .name = "g", .target = ".." },
        { .type = '5', .name = "g/", .mode = 0777 },
    };

    assert_int_equal(extract(rig, entries, COUNT(entries)), 0);
    assert_content(rig->fd, "f", "mine");
    assert_true(S_ISDIR(status_of(rig, "g").st_mode));
    assert_nothing_outside(rig);
}

static void a_hard_link_reaches_only_files_of_the_layer(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry through_link[] = {
        { .type = '2', .name = "way", .target = ".." },
        { .type = '1', .name = "link", .target = "way/outside" },
    };
    const struct tar_entry to_directory[] = {
        { .type = '5', .name = "d/" },
        { .type = '1', .name = "link", .target = "d" },
    };
    const struct tar_entry to_nothing = { .type = '1', .name = "link", .target = "none" };
    const struct tar_entry to_itself = { .type = '1', .name = "link", .target = "./link" };
    const struct tar_entry to_symlink[] = {
        { .type = '2', .name = "way", .target = "../outside" },
        { .type = '1', .name = "link", .target = "way" },
        { .type = '0', .name = "link/made", .content = "x" },
    };

    assert_true(extract(rig, through_link, 2) < 0);
    assert_int_equal(extract(rig, to_directory, 2), -EPERM);
    assert_int_equal(extract(rig, &to_nothing, 1), -ENOENT);
    assert_int_equal(extract(rig, &to_itself, 1), -EINVAL);
    assert_int_equal(extract(rig, to_symlink, 3), -ENOTDIR);
    assert_true(S_ISLNK(status_of(rig, "link").st_mode));
    assert_nothing_outside(rig);
}

static void owners_modes_and_times_are_exact_whatever_the_umask(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '5', .name = "./", .mode = 0751, .mtime = 5 },
        { .type = '5', .name = "d/", .mode = 01777, .uid = 3, .gid = 4, .mtime = 1000 },
        { .type = '0', .name = "d/f", .content = "x", .mode = 06755, .uid = 5, .mtime = 2000 },
        { .type = '2', .name = "d/l", .target = "f", .uid = 6, .mtime = 3000 },
        { .type = '0', .name = "implied/deep/f", .mode = 0400 },
    };
    mode_t before = umask(0077);
    int r = extract(rig, entries, COUNT(entries));

    (void)umask(before);
    assert_int_equal(r, 0);
    assert_int_equal(status_of(rig, ".").st_mode, S_IFDIR | 0751);
    assert_int_equal(status_of(rig, ".").st_mtim.tv_sec, 5);
    assert_int_equal(status_of(rig, "d").st_mode, S_IFDIR | 01777);
    assert_int_equal(status_of(rig, "d").st_gid, 4);
    assert_int_equal(status_of(rig, "d").st_mtim.tv_sec, 1000);
    assert_int_equal(status_of(rig, "d/f").st_mode, S_IFREG | 06755);
    assert_int_equal(status_of(rig, "d/f").st_uid, 5);
    assert_int_equal(status_of(rig, "d/f").st_mtim.tv_sec, 2000);
    assert_int_equal(status_of(rig, "d/l").st_uid, 6);
    assert_int_equal(status_of(rig, "d/l").st_mtim.tv_sec, 3000);
    assert_int_equal(status_of(rig, "implied/deep").st_mode, S_IFDIR | 0755);
    assert_int_equal(status_of(rig, "implied/deep/f").st_mode, S_IFREG | 0400);
    assert_true(rig->digests.has_root);
    assert_int_equal(rig->digests.entries, COUNT(entries));
}

static bool is_whiteout(const struct rig *rig, const char *path)
{
    struct stat status = status_of(rig, path);

    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

static bool is_opaque(const struct rig *rig, const char *path)
{
    autofree char *full = mem_text("/proc/self/fd/%d/%s", rig->fd, path);
    char value = 0;

    return lgetxattr(full, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static void whiteouts_become_those_of_overlayfs(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '0', .name = ".wh.gone" },
        { .type = '0', .name = "a/.wh.gone" },
        { .type = '5', .name = "o/" },
        { .type = '0', .name = "o/mine", .content = "x" },
        { .type = '0', .name = "o/.wh..wh..opq" },
        { .type = '0', .name = ".wh..wh.plnk" },
        { .type = '0', .name = "kept", .content = "new" },
        { .type = '0', .name = ".wh.kept" },
    };

    assert_int_equal(extract(rig, entries, COUNT(entries)), 0);
    assert_true(is_whiteout(rig, "gone"));
    assert_true(is_whiteout(rig, "a/gone"));
    assert_true(is_opaque(rig, "o"));
    assert_false(is_opaque(rig, "a"));
    assert_content(rig->fd, "o/mine", "x");
    assert_false(is_there(rig, ".wh..wh.plnk"));
    assert_content(rig->fd, "kept", "new");
    assert_false(rig->digests.is_opaque);
}

static void a_directory_in_the_place_of_a_whiteout_is_opaque(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '0', .name = ".wh.d" },        { .type = '5', .name = "d/" },
        { .type = '5', .name = "e/" },           { .type = '0', .name = ".wh.e" },
        { .type = '0', .name = ".wh.f" },        { .type = '0', .name = "f/implied" },
        { .type = '0', .name = ".wh..wh..opq" },
    };

    assert_int_equal(extract(rig, entries, COUNT(entries)), 0);
    assert_true(is_opaque(rig, "d"));
    assert_true(is_opaque(rig, "e"));
    assert_true(is_opaque(rig, "f"));
    assert_true(rig->digests.is_opaque);
}

static void whiteouts_of_nothing_and_disguised_ones_are_refused(void **state)
{
    struct rig *rig = *state;
    static const struct tar_entry attempts[] = {
        { .type = '0', .name = ".wh." },
        { .type = '0', .name = "a/.wh..." },
        { .type = '3', .name = "null", .major = 0, .minor = 0 },
        { .type = '0', .name = "f", .xattr = "trusted.overlay.opaque=y" },
        { .type = '5', .name = "d/", .xattr = "trusted.overlay.redirect=/etc" },
        { .type = '0', .name = "f", .xattr = "user.overlay.metacopy=" },
    };

    for (size_t i = 0; i < COUNT(attempts); i++)
        assert_int_equal(extract(rig, &attempts[i], 1), -EINVAL);
}

static void devices_pipes_and_extended_attributes_are_made(void **state)
{
    struct rig *rig = *state;
    const struct tar_entry entries[] = {
        { .type = '3', .name = "null", .major = 1, .minor = 3, .mode = 0666 },
        { .type = '4', .name = "disk", .major = 8, .minor = 17, .uid = 2 },
        { .type = '6', .name = "pipe", .mode = 0620 },
        { .type = '0', .name = "f", .content = "x", .xattr = "user.key=value", .uid = 9 },
        { .type = '0', .name = "g", .xattr = "security.selinux=foreign" },
    };
    autofree char *path = mem_text("%s/fs/f", rig->top);
    char value[16] = { 0 };

    assert_int_equal(extract(rig, entries, COUNT(entries)), 0);
    assert_int_equal(status_of(rig, "null").st_mode, S_IFCHR | 0666);
    assert_int_equal(status_of(rig, "null").st_rdev, makedev(1, 3));
    assert_int_equal(status_of(rig, "disk").st_rdev, makedev(8, 17));
    assert_int_equal(status_of(rig, "disk").st_uid, 2);
    assert_int_equal(status_of(rig, "pipe").st_mode, S_IFIFO | 0620);
    assert_int_equal(getxattr(path, "user.key", value, sizeof(value)), 5);
    assert_string_equal(value, "value");
}

static char *repeated(const char *part, size_t count)
{
    char *text = mem_zeroed(strlen(part) * count + 1);

    for (size_t i = 0; i < count; i++)
        memcpy(text + i * strlen(part), part, strlen(part));
    return text;
}

static void long_and_foreign_names_are_kept_and_impossible_ones_refused(void **state)
{
    struct rig *rig = *state;
    autofree char *long_name = repeated("n", 255);
    autofree char *longer_name = repeated("n", 256);
    autofree char *deep = repeated("directory/", 300);
    autofree char *deeper = repeated("directory/", 410);
    const struct tar_entry entries[] = {
        { .type = '0', .name = long_name, .content = "1" },
        { .type = '0', .name = "\xc3\xbc\xe2\x82\xac", .content = "2" },
        { .type = '0', .name = "\xff\xfe", .content = "3" },
        { .type = '5', .name = deep },
    };
    const struct tar_entry too_long = { .type = '0', .name = longer_name };
    const struct tar_entry too_deep = { .type = '0', .name = deeper };

    assert_int_equal(extract(rig, entries, COUNT(entries)), 0);
    assert_content(rig->fd, long_name, "1");
    assert_content(rig->fd, "\xc3\xbc\xe2\x82\xac", "2");
    assert_content(rig->fd, "\xff\xfe", "3");
    assert_true(S_ISDIR(status_of(rig, deep).st_mode));
    assert_int_equal(extract(rig, &too_long, 1), -ENAMETOOLONG);
    assert_int_equal(extract(rig, &too_deep, 1), -ENAMETOOLONG);
}

static void limits_are_kept(void **state)
{
    struct rig *rig = *state;
    struct buffer tar = { 0 };
    const struct tar_entry entry = { .type = '0', .name = "f", .content = "0123456789" };
    atomic_bool is_cancelled = true;
    struct layer_source source = { .kind = LAYER_IMAGE, .copy_fd = -1 };

    for (int i = 0; i < 3; i++)
        tar_add(&tar, &entry);
    tar_end(&tar);
    source.fd = tar_open_bytes(buffer_bytes(&tar));
    source.entries_max = 2;
    assert_int_equal(layer_extract(&source, rig->fd, &rig->digests, &rig->err), -E2BIG);
    source.entries_max = 0;
    source.bytes_max = 2000;
    (void)lseek(source.fd, 0, SEEK_SET);
    assert_int_equal(layer_extract(&source, rig->fd, &rig->digests, &rig->err), -E2BIG);
    source.bytes_max = 0;
    source.is_cancelled = &is_cancelled;
    (void)lseek(source.fd, 0, SEEK_SET);
    assert_int_equal(layer_extract(&source, rig->fd, &rig->digests, &rig->err), -ECANCELED);
    (void)close(source.fd);
    buffer_done(&tar);
}

static void what_is_no_tar_is_refused(void **state)
{
    struct rig *rig = *state;
    struct buffer tar = { 0 };
    const struct tar_entry entry = { .type = '0', .name = "f", .content = "0123456789" };

    assert_int_equal(extract_bytes(rig, bytes_of_text("#!/bin/sh\necho no archive\n")), -EBADMSG);
    tar_add(&tar, &entry);
    tar.size -= 510; /* within the content */
    assert_int_equal(extract_bytes(rig, buffer_bytes(&tar)), -EBADMSG);
    buffer_done(&tar);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(paths_that_lead_out_of_the_layer_are_refused),
        TEST(an_absolute_path_is_meant_within_the_layer),
        TEST(nothing_is_made_through_a_symbolic_link),
        TEST(a_directory_that_becomes_a_link_is_not_followed_afterwards),
        TEST(a_file_replaces_a_link_and_is_not_written_through_it),
        TEST(a_hard_link_reaches_only_files_of_the_layer),
        TEST(owners_modes_and_times_are_exact_whatever_the_umask),
        TEST(whiteouts_become_those_of_overlayfs),
        TEST(a_directory_in_the_place_of_a_whiteout_is_opaque),
        TEST(whiteouts_of_nothing_and_disguised_ones_are_refused),
        TEST(devices_pipes_and_extended_attributes_are_made),
        TEST(long_and_foreign_names_are_kept_and_impossible_ones_refused),
        TEST(limits_are_kept),
        TEST(what_is_no_tar_is_refused),
    };
    return cmocka_run_group_tests_name("layer_extract", tests, NULL, NULL);
}
