/* Files of containers, out and in: worker/io/contents.h, contents_copy.h. */
#include "worker/io/contents.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/support/storage_rig.h"
#include "worker/io/contents_copy.h"
#include "worker/io/tar_read.h"
#include "worker/io/tar_write.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)

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

static int open_root(const struct storage_rig *rig)
{
    int fd = -1;

    storage_rig_put(PATH("rootfs/"), NULL);
    check(contents_open_stopped(PATH("rootfs"), &fd, NULL), &(struct error){ .text = "open" });
    return fd;
}

static int memory_file(void)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* What an archive has at a path; the content of a file, the text of a link, or "" for the rest.
 * NULL: nothing. The caller frees. */
static char *in_archive(int fd, const char *path)
{
    autodestroy(tar_reader) struct tar_reader *reader = NULL;
    struct tar_entry entry;
    char *found = NULL;
    struct error err = { 0 };
    int r;

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    check(tar_reader_new(fd, &reader, &err), &err);
    while ((r = tar_reader_next(reader, &entry, &err)) > 0) {
        autoclose int content_fd = -1;

        if (strcmp(entry.path, path) != 0)
            continue;
        content_fd = memory_file();
        check(tar_reader_extract(reader, content_fd, &err), &err);
        found = mem_zeroed((size_t)entry.status.st_size + 1);
        assert_true(pread(content_fd, found, (size_t)entry.status.st_size, 0) >= 0);
        if (entry.link != NULL || entry.hard_link != NULL) {
            free(found);
            found = mem_dup_text(entry.link != NULL ? entry.link : entry.hard_link);
        }
        break;
    }
    check(r, &err);
    return found;
}

static void assert_archive(int fd, const char *path, const char *content)
{
    autofree char *text = in_archive(fd, path);

    if (content == NULL) {
        assert_null(text);
    } else {
        assert_non_null(text);
        assert_string_equal(text, content);
    }
}

static void an_export_has_the_whole_tree_and_follows_no_link(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    autoclose int out_fd = memory_file();
    struct error err = { 0 };

    storage_rig_put(PATH("outside/secret"), "the host's");
    storage_rig_put(PATH("rootfs/etc/file"), "content");
    storage_rig_put(PATH("rootfs/etc/\377odd"), "odd");
    assert_int_equal(link(PATH("rootfs/etc/file"), PATH("rootfs/etc/twin")), 0);
    assert_int_equal(symlink(PATH("outside/secret"), PATH("rootfs/etc/out")), 0);
    assert_int_equal(symlink(PATH("outside"), PATH("rootfs/outside")), 0);
    assert_int_equal(mkfifo(PATH("rootfs/fifo"), 0600), 0);
    check(contents_export(&(struct contents_root){ .fd = root_fd }, out_fd, &err), &err);
    assert_archive(out_fd, "etc/out", PATH("outside/secret"));
    assert_archive(out_fd, "outside", PATH("outside"));
    assert_archive(out_fd, "outside/secret", NULL);
    assert_archive(out_fd, "etc/\377odd", "odd");
    assert_archive(out_fd, "fifo", "");
    assert_archive(out_fd, "etc/missing", NULL);
}

/* The container of CVE-2023-0778: "it" is by turns a harmless directory and a link to the host's,
 * "file" by turns a file and a link to the host's secret. Ends with its parent's SIGKILL. */
static pid_t begin_swapping(const struct storage_rig *rig)
{
    const char *rootfs = PATH("rootfs");
    pid_t child;

    storage_rig_put(PATH("rootfs/it/secret"), "harmless");
    storage_rig_put(PATH("rootfs/file"), "harmless");
    assert_int_equal(symlink("../outside", PATH("rootfs/swap")), 0);
    assert_int_equal(symlink("../outside/secret", PATH("rootfs/swap-file")), 0);
    child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    if (chdir(rootfs) < 0)
        _exit(1);
    for (;;) {
        (void)renameat2(AT_FDCWD, "it", AT_FDCWD, "swap", RENAME_EXCHANGE);
        (void)renameat2(AT_FDCWD, "file", AT_FDCWD, "swap-file", RENAME_EXCHANGE);
    }
}

static bool has_secret(int fd)
{
    struct stat status;
    const char *bytes;
    bool has;

    assert_int_equal(fstat(fd, &status), 0);
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(bytes != MAP_FAILED);
    has = memmem(bytes, (size_t)status.st_size, "the host's", strlen("the host's")) != NULL;
    assert_int_equal(munmap((void *)(uintptr_t)bytes, (size_t)status.st_size), 0);
    return has;
}

/* What a reader by path gets: look, then open. */
static bool naive_reader_is_fooled(const struct storage_rig *rig)
{
    struct stat status;
    autofree char *text = NULL;

    if (lstat(PATH("rootfs/it"), &status) < 0 || !S_ISDIR(status.st_mode))
        return false;
    text = storage_rig_read(PATH("rootfs/it/secret"));
    return strcmp(text, "the host's") == 0;
}

static void nothing_of_the_host_leaks_however_the_container_races(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    unsigned fooled = 0;
    pid_t child;

    storage_rig_put(PATH("outside/secret"), "the host's");
    child = begin_swapping(rig);
    for (unsigned i = 0; i < 200 || (fooled == 0 && i < 1000000); i++) {
        autoclose int out_fd = -1;
        struct contents_root root = { .fd = root_fd };
        struct error err = { 0 };

        fooled += naive_reader_is_fooled(rig);
        if (i >= 200)
            continue;
        out_fd = memory_file();
        check(contents_export(&(struct contents_root){ .fd = root_fd }, out_fd, &err), &err);
        assert_false(has_secret(out_fd));
        assert_int_equal(ftruncate(out_fd, 0), 0);
        if (contents_copy_out(&root, "/it", out_fd, NULL) >= 0)
            assert_false(has_secret(out_fd));
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(fooled > 0); /* or the test would prove nothing */
}

static void what_is_copied_out_is_what_the_container_sees(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_mount mounts[] = { { .destination = "/data/", .source = PATH("volume") },
                                       { .destination = "/etc/one", .source = PATH("one-file") } };
    struct contents_root root = { .fd = root_fd, .mounts = mounts, .mount_count = 2 };
    struct error err = { 0 };
    static const struct {
        const char *path;
        const char *name;
        const char *content;
    } cases[] = {
        { "/etc/file", "file", "content" },
        { "/etc", "etc/file", "content" },
        { "/etc/.", "file", "content" },
        { "/", "etc/file", "content" },
        { "/absolute", "absolute", "the container's" }, /* as podman cp: the link's target */
        { "/data/deep/x", "x", "in the volume" },
        { "/data/../data", "data/deep/x", "in the volume" },
        { "/etc/one", "one", "mounted" },
    };

    storage_rig_put(PATH("rootfs/etc/file"), "content");
    storage_rig_put(PATH("rootfs/outside/secret"), "the container's");
    storage_rig_put(PATH("outside/secret"), "the host's");
    storage_rig_put(PATH("volume/deep/x"), "in the volume");
    storage_rig_put(PATH("one-file"), "mounted");
    assert_int_equal(symlink("/../../outside/secret", PATH("rootfs/absolute")), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        autoclose int out_fd = memory_file();

        check(contents_copy_out(&root, cases[i].path, out_fd, &err), &err);
        assert_archive(out_fd, cases[i].name, cases[i].content);
        assert_false(has_secret(out_fd));
    }
    assert_int_equal(contents_copy_out(&root, "/missing", 1, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/missing"));
    assert_int_equal(contents_copy_out(&root, "relative", 1, &err), -EINVAL);
    assert_int_equal(contents_copy_out(&root, "/etc/file/", 1, &err), -ENOTDIR);
}

static void a_reader_that_goes_away_ends_the_export(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    int ends[2];

    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)close(ends[0]);
    assert_int_equal(contents_export(&(struct contents_root){ .fd = root_fd }, ends[1], NULL),
                     -EPIPE);
    (void)close(ends[1]);
}

static void names_that_are_no_ascii_come_and_go(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_root root = { .fd = root_fd };
    struct contents_copy copy = { .destination = "/there" };
    autoclose int fd = memory_file();
    struct error err = { 0 };

    storage_rig_put(PATH("rootfs/etc/bl\303\245b\303\246r"), "berry");
    storage_rig_put(PATH("rootfs/etc/\377odd"), "odd");
    check(contents_copy_out(&root, "/etc", fd, &err), &err);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    check(contents_copy_in(&root, &copy, fd, &err), &err);
    assert_content(PATH("rootfs/there/bl\303\245b\303\246r"), "berry");
    assert_content(PATH("rootfs/there/\377odd"), "odd");
}

/* An archive of a path on this machine, rewound. */
static int archive_of(const char *path, const char *name)
{
    autodestroy(tar_writer) struct tar_writer *writer = NULL;
    autoclose int root_fd = open(path, O_PATH | O_CLOEXEC);
    int fd = memory_file();
    struct error err = { 0 };

    assert_true(root_fd >= 0);
    check(tar_writer_new(fd, NULL, &writer, &err), &err);
    check(tar_writer_add(writer, root_fd, name, &err), &err);
    check(tar_writer_finish(writer, &err), &err);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int copy_in(const struct contents_root *root, const char *path, const char *name,
                   const char *destination, struct error *err)
{
    struct contents_copy copy = {
        .destination = destination, .has_owner = true, .uid = 7, .gid = 8
    };
    autoclose int fd = archive_of(path, name);

    return contents_copy_in(root, &copy, fd, err);
}

static void a_copy_goes_where_podman_cp_puts_it(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_root root = { .fd = root_fd };
    struct stat status;
    struct error err = { 0 };

    storage_rig_put(PATH("mine/file"), "mine");
    storage_rig_put(PATH("mine/dir/sub/x"), "x");
    storage_rig_put(PATH("rootfs/there/file"), "old");
    storage_rig_put(PATH("rootfs/a-file"), "old");

    check(copy_in(&root, PATH("mine/file"), "file", "/there", &err), &err);
    assert_content(PATH("rootfs/there/file"), "mine");
    assert_int_equal(stat(PATH("rootfs/there/file"), &status), 0);
    assert_int_equal(status.st_uid, 7);
    assert_int_equal(status.st_gid, 8);
    check(copy_in(&root, PATH("mine/file"), "file", "/there/new", &err), &err);
    assert_content(PATH("rootfs/there/new"), "mine");
    check(copy_in(&root, PATH("mine/file"), "file", "/a-file", &err), &err);
    assert_content(PATH("rootfs/a-file"), "mine");
    assert_int_equal(copy_in(&root, PATH("mine/file"), "file", "/nowhere/", &err), -ENOENT);
    assert_int_equal(copy_in(&root, PATH("mine/file"), "file", "/nowhere/x", &err), -ENOENT);
    assert_int_equal(copy_in(&root, PATH("mine/file"), "file", "/a-file/", &err), -ENOTDIR);

    check(copy_in(&root, PATH("mine/dir"), "dir", "/there", &err), &err);
    assert_content(PATH("rootfs/there/dir/sub/x"), "x");
    check(copy_in(&root, PATH("mine/dir"), "dir", "/renamed", &err), &err);
    assert_content(PATH("rootfs/renamed/sub/x"), "x");
    check(copy_in(&root, PATH("mine/dir"), "", "/there", &err), &err);
    assert_content(PATH("rootfs/there/sub/x"), "x");
    check(copy_in(&root, PATH("mine/dir"), "", "/made", &err), &err);
    assert_content(PATH("rootfs/made/sub/x"), "x");
    assert_int_equal(copy_in(&root, PATH("mine/dir"), "dir", "/a-file", &err), -ENOTDIR);
}

/* A copy is done again after a crash, when a part of what it made is there. */
static void a_renamed_copy_takes_the_destination_s_name_though_it_is_there(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_root root = { .fd = root_fd };
    struct contents_copy copy = { .destination = "/there/new", .is_renamed = true };
    autoclose int fd = -1;
    struct error err = { 0 };

    storage_rig_put(PATH("mine/dir/sub/x"), "x");
    storage_rig_put(PATH("rootfs/there/new/old"), "old");
    fd = archive_of(PATH("mine/dir"), "dir");
    check(contents_copy_in(&root, &copy, fd, &err), &err);
    assert_content(PATH("rootfs/there/new/sub/x"), "x");
    assert_content(PATH("rootfs/there/new/old"), "old");
    assert_int_equal(access(PATH("rootfs/there/new/dir"), F_OK), -1);
}

static void a_copied_program_keeps_its_capabilities(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_root root = { .fd = root_fd };
    /* CAP_NET_RAW, permitted and effective, in the kernel's second revision */
    static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 32 };
    uint8_t found[20] = { 0 };
    struct stat status;
    struct error err = { 0 };

    storage_rig_put(PATH("mine/ping"), "program");
    assert_int_equal(setxattr(PATH("mine/ping"), "security.capability", capability, 20, 0), 0);
    assert_int_equal(chmod(PATH("mine/ping"), 04755), 0);
    check(copy_in(&root, PATH("mine/ping"), "ping", "/", &err), &err);
    assert_int_equal(getxattr(PATH("rootfs/ping"), "security.capability", found, 20), 20);
    assert_memory_equal(found, capability, 20);
    assert_int_equal(stat(PATH("rootfs/ping"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 04755);
    assert_int_equal(status.st_uid, 7);
}

/* CVE-2025-9566 and its like: the container has put links where the copy goes through. */
static void a_copy_never_leaves_the_container(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_mount mounts[] = { { .destination = "/data", .source = PATH("volume") } };
    struct contents_root root = { .fd = root_fd, .mounts = mounts, .mount_count = 1 };
    struct error err = { 0 };

    storage_rig_put(PATH("mine/file"), "mine");
    storage_rig_put(PATH("mine/dir/way/file"), "mine");
    storage_rig_put(PATH("outside/file"), "the host's");
    storage_rig_put(PATH("volume/"), NULL);
    storage_rig_put(PATH("rootfs/there/"), NULL);
    assert_int_equal(symlink(PATH("outside"), PATH("rootfs/way")), 0);
    assert_int_equal(symlink("../outside", PATH("volume/way")), 0);
    assert_int_equal(symlink(PATH("outside/file"), PATH("rootfs/there/file")), 0);
    assert_int_equal(symlink(PATH("outside/file"), PATH("volume/file")), 0);

    assert_int_equal(copy_in(&root, PATH("mine/file"), "file", "/way/", &err), -ENOENT);
    assert_int_equal(copy_in(&root, PATH("mine/dir"), "", "/", &err), -ENOENT);
    assert_int_equal(copy_in(&root, PATH("mine/dir"), "", "/data", &err), -ENOENT);
    check(copy_in(&root, PATH("mine/file"), "file", "/there/file", &err), &err);
    check(copy_in(&root, PATH("mine/file"), "file", "/data", &err), &err);
    assert_content(PATH("outside/file"), "the host's");
    assert_int_equal(rmdir(PATH("rootfs/there")), -1);
    assert_content(PATH("rootfs/there/file"), "mine");
    assert_content(PATH("volume/file"), "mine");
}

static void a_copy_follows_links_within_the_container(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_root root = { .fd = root_fd };
    struct error err = { 0 };

    storage_rig_put(PATH("mine/dir/lib/file"), "mine");
    storage_rig_put(PATH("rootfs/usr/lib/"), NULL);
    assert_int_equal(symlink("/usr/lib", PATH("rootfs/lib")), 0);
    check(copy_in(&root, PATH("mine/dir"), "", "/", &err), &err);
    assert_content(PATH("rootfs/usr/lib/file"), "mine");
}

static void a_read_only_mount_is_not_written_to(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_mount mounts[] = {
        { .destination = "/data", .source = PATH("volume"), .is_read_only = true }
    };
    struct contents_root root = { .fd = root_fd, .mounts = mounts, .mount_count = 1 };
    struct error err = { 0 };

    storage_rig_put(PATH("mine/file"), "mine");
    storage_rig_put(PATH("volume/old"), "old");
    assert_int_equal(copy_in(&root, PATH("mine/file"), "file", "/data", &err), -EROFS);
    assert_int_equal(copy_in(&root, PATH("mine/file"), "file", "/data/old", &err), -EROFS);
    assert_content(PATH("volume/old"), "old");
}

static void an_archive_that_is_none_or_means_harm_is_refused(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    autoclose int root_fd = open_root(rig);
    struct contents_root root = { .fd = root_fd };
    struct contents_copy copy = { .destination = "/" };
    autoclose int garbage_fd = memory_file();
    autoclose int null_fd = -1;
    struct error err = { 0 };

    storage_rig_put(PATH("mine/file"), "mine");
    assert_int_equal(copy_in(&root, PATH("mine/file"), "../file", "/", &err), -EINVAL);
    assert_int_equal(write(garbage_fd, "no archive at all, however long", 31), 31);
    assert_int_equal(lseek(garbage_fd, 0, SEEK_SET), 0);
    assert_int_equal(contents_copy_in(&root, &copy, garbage_fd, &err), -EBADMSG);
    assert_int_equal(mknod(PATH("mine/null"), S_IFCHR | 0666, makedev(1, 3)), 0);
    null_fd = archive_of(PATH("mine/null"), "null");
    assert_int_equal(contents_copy_in(&root, &copy, null_fd, &err), -EPERM);
    assert_int_equal(access(PATH("file"), F_OK), -1);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(an_export_has_the_whole_tree_and_follows_no_link),
        RIG(nothing_of_the_host_leaks_however_the_container_races),
        RIG(what_is_copied_out_is_what_the_container_sees),
        RIG(names_that_are_no_ascii_come_and_go),
        RIG(a_reader_that_goes_away_ends_the_export),
        RIG(a_copy_goes_where_podman_cp_puts_it),
        RIG(a_renamed_copy_takes_the_destination_s_name_though_it_is_there),
        RIG(a_copied_program_keeps_its_capabilities),
        RIG(a_copy_never_leaves_the_container),
        RIG(a_copy_follows_links_within_the_container),
        RIG(a_read_only_mount_is_not_written_to),
        RIG(an_archive_that_is_none_or_means_harm_is_refused),
    };
    return cmocka_run_group_tests_name("contents", tests, NULL, NULL);
}
