/* Named volumes and copy-up: worker/io/volumes.h, with real mounts. */
#include "worker/io/volumes.h"

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
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/support/storage_rig.h"
#include "worker/io/mounts.h"

#define PATH(...) storage_rig_path(rig, __VA_ARGS__)
#define DATA(...) storage_rig_path(rig, "state/volumes/web/_data/" __VA_ARGS__)

static struct volume_place plain_volume(const struct storage_rig *rig)
{
    return (struct volume_place){ .layout = &rig->layout, .name = "web" };
}

static struct volume_place tmpfs_volume(const struct storage_rig *rig)
{
    return (struct volume_place){ .layout = &rig->layout,
                                  .name = "web",
                                  .options = { .type = "tmpfs", .words = "size=1m,nodev" } };
}

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

static void create_and_mount(const struct volume_place *volume)
{
    struct error err = { 0 };

    check(volume_create(volume, &err), &err);
    check(volume_mount(volume, storage_rig_id, &err), &err);
}

static int copy_up(const struct storage_rig *rig, const struct volume_place *volume,
                   const char *destination, struct error *err)
{
    autoclose int rootfs_fd = open(PATH("rootfs"), O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(rootfs_fd >= 0);
    return volume_copy_up(volume, rootfs_fd, destination, err);
}

static void creating_twice_keeps_what_is_there(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct stat status;
    struct error err = { 0 };

    volume.has_owner = true;
    volume.uid = 33;
    volume.gid = 34;
    check(volume_create(&volume, &err), &err);
    storage_rig_put(DATA("file"), "content");
    volume.uid = 99;
    check(volume_create(&volume, &err), &err);
    assert_int_equal(stat(DATA(""), &status), 0);
    assert_int_equal(status.st_uid, 33);
    assert_int_equal(status.st_gid, 34);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_int_equal(stat(PATH("state/volumes/web"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_content(DATA("file"), "content");
}

static void names_that_are_paths_are_refused(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    static const char *const names[] = { "", ".", "..", "../run", "a/b", "/etc", "-x" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct volume_place volume = { .layout = &rig->layout, .name = names[i] };

        assert_int_equal(volume_create(&volume, NULL), -EINVAL);
        assert_int_equal(volume_mount(&volume, storage_rig_id, NULL), -EINVAL);
        assert_int_equal(volume_remove(&rig->layout, names[i], NULL), -EINVAL);
    }
}

static void only_three_options_are_known(void **state)
{
    struct volume_options options = { 0 };

    (void)state;
    assert_int_equal(volume_options_set(&options, "type", "tmpfs", NULL), 0);
    assert_int_equal(volume_options_set(&options, "device", "tmpfs", NULL), 0);
    assert_int_equal(volume_options_set(&options, "o", "size=1m", NULL), 0);
    assert_int_equal(volume_options_set(&options, "size", "1m", NULL), -EINVAL);
    assert_string_equal(options.words, "size=1m");
}

static void a_volume_with_options_is_mounted_for_its_users_only(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = tmpfs_volume(rig);
    struct statvfs status;
    struct error err = { 0 };

    create_and_mount(&volume);
    assert_int_equal(statvfs(DATA(""), &status), 0);
    assert_int_equal(status.f_blocks * status.f_frsize, 1 << 20);
    assert_true(status.f_flag & ST_NODEV);
    check(volume_mount(&volume, storage_rig_other_id, &err), &err);
    check(volume_mount(&volume, storage_rig_other_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 1);
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 1);
    check(volume_unmount(&rig->layout, "web", storage_rig_other_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 0);
}

static void a_volume_whose_mount_is_gone_is_mounted_again(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = tmpfs_volume(rig);
    struct error err = { 0 };

    create_and_mount(&volume);
    assert_int_equal(umount2(DATA(""), MNT_DETACH), 0);
    check(volume_mount(&volume, storage_rig_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 1);
}

static void a_disk_that_the_operator_mounted_stays(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct error err = { 0 };

    create_and_mount(&volume);
    assert_int_equal(mount("tmpfs", DATA(""), "tmpfs", 0, NULL), 0);
    storage_rig_put(DATA("file"), "content");
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    assert_int_equal(storage_rig_mount_count(rig), 1);
    assert_true(volume_remove(&rig->layout, "web", &err) < 0);
    assert_content(DATA("file"), "content");
}

static void a_mount_that_fails_leaves_no_user(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = tmpfs_volume(rig);
    struct error err = { 0 };

    volume.options.words = "no-such-option=1";
    check(volume_create(&volume, &err), &err);
    assert_true(volume_mount(&volume, storage_rig_id, &err) < 0);
    assert_non_null(strstr(err.text, "volume web: mount"));
    check(volume_remove(&rig->layout, "web", &err), &err);
}

static void a_volume_that_is_used_is_not_removed(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = tmpfs_volume(rig);
    struct error err = { 0 };

    create_and_mount(&volume);
    assert_int_equal(volume_remove(&rig->layout, "web", &err), -EBUSY);
    assert_non_null(strstr(err.text, storage_rig_id));
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    check(volume_remove(&rig->layout, "web", &err), &err);
    check(volume_remove(&rig->layout, "web", &err), &err);
    assert_int_equal(access(PATH("state/volumes/web"), F_OK), -1);
    assert_int_equal(access(PATH("run/volumes/web"), F_OK), -1);
    assert_int_equal(volume_mount(&volume, storage_rig_id, &err), -ENOENT);
}

static void make_hole(const char *path)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(pwrite(fd, "x", 1, 8 << 20), 1);
}

static void copy_up_keeps_what_a_file_is(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct stat status;
    struct stat other;
    char text[64] = "";
    struct error err = { 0 };

    storage_rig_put(PATH("rootfs/data/sub/file"), "content");
    assert_int_equal(chown(PATH("rootfs/data/sub/file"), 12, 13), 0);
    assert_int_equal(chmod(PATH("rootfs/data/sub/file"), 04751), 0);
    assert_int_equal(link(PATH("rootfs/data/sub/file"), PATH("rootfs/data/twin")), 0);
    assert_int_equal(symlink("/etc/passwd", PATH("rootfs/data/link")), 0);
    assert_int_equal(mkfifo(PATH("rootfs/data/fifo"), 0640), 0);
    assert_int_equal(mknod(PATH("rootfs/data/null"), S_IFCHR | 0666, makedev(1, 3)), 0);
    assert_int_equal(setxattr(PATH("rootfs/data/sub"), "trusted.note", "yes", 3, 0), 0);
    make_hole(PATH("rootfs/data/hole"));
    assert_int_equal(chown(PATH("rootfs/data"), 21, 22), 0);
    assert_int_equal(chmod(PATH("rootfs/data"), 02770), 0);

    create_and_mount(&volume);
    check(copy_up(rig, &volume, "/data", &err), &err);
    assert_content(DATA("sub/file"), "content");
    assert_int_equal(stat(DATA("sub/file"), &status), 0);
    assert_int_equal(status.st_uid, 12);
    assert_int_equal(status.st_gid, 13);
    assert_int_equal(status.st_mode & 07777, 04751);
    assert_int_equal(stat(DATA("twin"), &other), 0);
    assert_int_equal(status.st_ino, other.st_ino);
    assert_int_equal(readlink(DATA("link"), text, sizeof(text)), strlen("/etc/passwd"));
    assert_int_equal(stat(DATA("fifo"), &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(stat(DATA("null"), &status), 0);
    assert_true(S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
    assert_int_equal(getxattr(DATA("sub"), "trusted.note", text, sizeof(text)), 3);
    assert_int_equal(stat(DATA("hole"), &status), 0);
    assert_int_equal(status.st_size, (8 << 20) + 1);
    assert_true(status.st_blocks * 512 < 1 << 20);
    assert_int_equal(stat(DATA(""), &status), 0);
    assert_int_equal(status.st_uid, 21);
    assert_int_equal(status.st_mode & 07777, 02770);
    assert_int_equal(access(PATH("state/volumes/web/_data.copied"), F_OK), -1);
}

/* CVE-2020-1726: the image must not write over what a volume has. */
static void a_volume_with_anything_in_it_gets_nothing(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct stat status;
    struct error err = { 0 };

    storage_rig_put(PATH("rootfs/data/precious"), "the image's");
    storage_rig_put(PATH("rootfs/data/more"), "the image's");
    assert_int_equal(chmod(PATH("rootfs/data"), 0700), 0);
    create_and_mount(&volume);
    storage_rig_put(DATA("precious"), "the volume's");
    check(copy_up(rig, &volume, "/data", &err), &err);
    assert_content(DATA("precious"), "the volume's");
    assert_int_equal(access(DATA("more"), F_OK), -1);
    assert_int_equal(stat(DATA(""), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
}

static void a_link_in_the_image_does_not_lead_to_the_host(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct error err = { 0 };

    storage_rig_put(PATH("outside/secret"), "the host's");
    storage_rig_put(PATH("rootfs/real/file"), "the image's");
    assert_int_equal(symlink(PATH("outside"), PATH("rootfs/absolute")), 0);
    assert_int_equal(symlink("../../../../outside", PATH("rootfs/climbing")), 0);
    assert_int_equal(symlink("/real", PATH("rootfs/data")), 0);
    create_and_mount(&volume);
    check(copy_up(rig, &volume, "/absolute", &err), &err);
    check(copy_up(rig, &volume, "/climbing", &err), &err);
    check(copy_up(rig, &volume, "/../../outside", &err), &err);
    assert_int_equal(access(DATA("secret"), F_OK), -1);
    check(copy_up(rig, &volume, "/data", &err), &err);
    assert_content(DATA("file"), "the image's");
}

static void an_empty_or_missing_directory_does_not_use_up_the_copy(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct stat status;
    struct error err = { 0 };

    storage_rig_put(PATH("rootfs/empty/"), NULL);
    storage_rig_put(PATH("rootfs/file"), "no directory");
    storage_rig_put(PATH("rootfs/data/file"), "content");
    assert_int_equal(chmod(PATH("rootfs/empty"), 01777), 0);
    create_and_mount(&volume);
    check(copy_up(rig, &volume, "/missing", &err), &err);
    check(copy_up(rig, &volume, "/file", &err), &err);
    check(copy_up(rig, &volume, "/empty", &err), &err);
    assert_int_equal(stat(DATA(""), &status), 0);
    assert_int_equal(status.st_mode & 07777, 01777);
    check(copy_up(rig, &volume, "/data", &err), &err);
    assert_content(DATA("file"), "content");
}

static void an_owner_that_was_asked_for_stays(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct stat status;
    struct error err = { 0 };

    storage_rig_put(PATH("rootfs/data/file"), "content");
    volume.has_owner = true;
    volume.uid = 33;
    create_and_mount(&volume);
    check(copy_up(rig, &volume, "/data", &err), &err);
    assert_int_equal(stat(DATA(""), &status), 0);
    assert_int_equal(status.st_uid, 33);
    assert_content(DATA("file"), "content");
}

static void a_mounted_volume_is_filled_in_its_own_file_system(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = tmpfs_volume(rig);
    struct error err = { 0 };

    storage_rig_put(PATH("rootfs/data/sub/file"), "content");
    create_and_mount(&volume);
    check(copy_up(rig, &volume, "/data", &err), &err);
    assert_content(DATA("sub/file"), "content");
    assert_int_equal(access(DATA(".gantry-copied"), F_OK), -1);
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    assert_int_equal(access(DATA("sub"), F_OK), -1);
}

static void a_copy_that_fails_leaves_the_volume_empty(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = tmpfs_volume(rig);
    struct error err = { 0 };
    autofree char *big = mem_zeroed((2 << 20) + 1);

    memset(big, 'x', 2 << 20);
    storage_rig_put(PATH("rootfs/data/small"), "content");
    storage_rig_put(PATH("rootfs/data/sub/big"), big);
    create_and_mount(&volume);
    assert_int_equal(copy_up(rig, &volume, "/data", &err), -ENOSPC);
    assert_non_null(strstr(err.text, "volume web: copy from /data"));
    assert_int_equal(access(DATA("small"), F_OK), -1);
    assert_int_equal(access(DATA(".gantry-copy"), F_OK), -1);
}

static void a_whole_copy_is_moved_into_place_by_the_next_mount(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    struct error err = { 0 };

    check(volume_create(&volume, &err), &err);
    storage_rig_put(PATH("state/volumes/web/_data.copied/rest/file"), "rest");
    storage_rig_put(DATA("first"), "moved before the crash");
    check(volume_mount(&volume, storage_rig_id, &err), &err);
    assert_content(DATA("first"), "moved before the crash");
    assert_content(DATA("rest/file"), "rest");
    assert_int_equal(access(PATH("state/volumes/web/_data.copied"), F_OK), -1);
}

#define FILES 200

static void make_many(const struct storage_rig *rig)
{
    for (unsigned i = 0; i < FILES; i++)
        storage_rig_put(PATH("rootfs/data/%u/file", i), "content");
}

/* In a process that the kernel ends in the midst of it, or not. */
static void copy_up_with_an_end(const struct storage_rig *rig, const struct volume_place *volume,
                                long end_us)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct itimerval end = { .it_value.tv_usec = end_us };

        (void)setitimer(ITIMER_REAL, &end, NULL); /* SIGALRM ends it: nothing is cleaned up */
        _exit(copy_up(rig, volume, "/data", NULL) < 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
}

static unsigned count_copied(const struct storage_rig *rig)
{
    unsigned count = 0;

    for (unsigned i = 0; i < FILES; i++) {
        autofree char *text = storage_rig_read(PATH("state/volumes/web/_data/%u/file", i));

        count += strcmp(text, "content") == 0;
    }
    return count;
}

/* Begin anew, and give the copy that long; how many files the next mount shows. */
static unsigned copy_up_and_look(const struct storage_rig *rig, long end_us)
{
    struct volume_place volume = plain_volume(rig);
    struct error err = { 0 };
    unsigned count;

    check(volume_create(&volume, &err), &err);
    copy_up_with_an_end(rig, &volume, end_us);
    check(volume_mount(&volume, storage_rig_id, &err), &err);
    count = count_copied(rig);
    if (count == 0)
        assert_int_equal(rmdir(DATA("")), 0); /* empty, hidden files and all */
    check(volume_unmount(&rig->layout, "web", storage_rig_id, &err), &err);
    check(volume_remove(&rig->layout, "web", &err), &err);
    return count;
}

static long now_us(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void a_copy_that_was_killed_is_whole_or_nothing_after_the_next_mount(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    long began_us = now_us();
    long whole_us;

    make_many(rig);
    assert_int_equal(copy_up_and_look(rig, 0), FILES);
    whole_us = now_us() - began_us;
    if (whole_us > 900000)
        whole_us = 900000;
    for (long part = 1; part <= 24; part++) {
        unsigned count = copy_up_and_look(rig, whole_us * part / 24);

        assert_true(count == 0 || count == FILES);
    }
}

static void count_volume(void *owner, const char *name)
{
    assert_true(strcmp(name, "web") == 0 || strcmp(name, "other") == 0);
    ++*(unsigned *)owner;
}

static void every_volume_is_listed(void **state)
{
    struct storage_rig *rig = storage_rig_of(state);
    struct volume_place volume = plain_volume(rig);
    unsigned count = 0;

    assert_int_equal(volume_each(&rig->layout, count_volume, &count, NULL), 0);
    assert_int_equal(count, 0);
    assert_int_equal(volume_create(&volume, NULL), 0);
    volume.name = "other";
    assert_int_equal(volume_create(&volume, NULL), 0);
    assert_int_equal(volume_each(&rig->layout, count_volume, &count, NULL), 0);
    assert_int_equal(count, 2);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, storage_rig_setup, storage_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(creating_twice_keeps_what_is_there),
        RIG(names_that_are_paths_are_refused),
        cmocka_unit_test(only_three_options_are_known),
        RIG(a_volume_with_options_is_mounted_for_its_users_only),
        RIG(a_volume_whose_mount_is_gone_is_mounted_again),
        RIG(a_disk_that_the_operator_mounted_stays),
        RIG(a_mount_that_fails_leaves_no_user),
        RIG(a_volume_that_is_used_is_not_removed),
        RIG(copy_up_keeps_what_a_file_is),
        RIG(a_volume_with_anything_in_it_gets_nothing),
        RIG(a_link_in_the_image_does_not_lead_to_the_host),
        RIG(an_empty_or_missing_directory_does_not_use_up_the_copy),
        RIG(an_owner_that_was_asked_for_stays),
        RIG(a_mounted_volume_is_filled_in_its_own_file_system),
        RIG(a_copy_that_fails_leaves_the_volume_empty),
        RIG(a_whole_copy_is_moved_into_place_by_the_next_mount),
        RIG(a_copy_that_was_killed_is_whole_or_nothing_after_the_next_mount),
        RIG(every_volume_is_listed),
    };
    return cmocka_run_group_tests_name("volumes", tests, NULL, NULL);
}
