/* Directories for tests that mount; see the header. */
#include "tests/support/storage_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/mounts.h"

const char storage_rig_id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const char storage_rig_other_id[] =
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#define PATHS 64

/* A namespace once for all tests of the program. */
static bool enter_namespace(void)
{
    static bool is_inside;

    if (!is_inside)
        is_inside = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return is_inside;
}

int storage_rig_setup(void **state)
{
    struct storage_rig *rig;

    *state = NULL;
    if (!enter_namespace())
        return 0;
    rig = mem_zeroed(sizeof(*rig));
    (void)snprintf(rig->directory, sizeof(rig->directory), "/tmp/gantry-storage-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    /* In memory: quick, and an overlay can lie on it also where /tmp is one itself. */
    assert_int_equal(mount("tmpfs", rig->directory, "tmpfs", 0, "size=128m,mode=700"), 0);
    layout_init(&rig->layout, storage_rig_path(rig, "state"), storage_rig_path(rig, "run"));
    storage_rig_put(storage_rig_path(rig, "state/storage/l/"), NULL);
    storage_rig_put(storage_rig_path(rig, "run/"), NULL);
    *state = rig;
    return 0;
}

int storage_rig_teardown(void **state)
{
    struct storage_rig *rig = *state;

    if (rig == NULL)
        return 0;
    assert_int_equal(mounts_detach_beneath(rig->directory, NULL), 0);
    assert_int_equal(rmdir(rig->directory), 0);
    layout_done(&rig->layout);
    free(rig);
    return 0;
}

struct storage_rig *storage_rig_of(void **state)
{
    if (*state == NULL) {
        print_message("only root can mount, and only where mount namespaces can be made\n");
        skip();
    }
    return *state;
}

const char *storage_rig_path(const struct storage_rig *rig, const char *fmt, ...)
{
    static char paths[PATHS][4096];
    static unsigned turn;
    char *path = paths[turn++ % PATHS];
    size_t size = strlen(rig->directory);
    va_list args;

    (void)snprintf(path, sizeof(paths[0]), "%s/", rig->directory);
    va_start(args, fmt);
    (void)vsnprintf(path + size + 1, sizeof(paths[0]) - size - 1, fmt, args);
    va_end(args);
    return path;
}

void storage_rig_put(const char *path, const char *content)
{
    autofree char *parent = mem_dup_text(path);
    size_t size = strlen(path);
    autoclose int fd = -1;

    *strrchr(parent, '/') = '\0';
    assert_int_equal(files_make_directories(parent, 0755, NULL), 0);
    if (path[size - 1] == '/')
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
}

void storage_rig_layer(const struct storage_rig *rig, const char *link)
{
    autofree char *target = mem_text("../layers/%s/fs", link);

    storage_rig_put(storage_rig_path(rig, "state/storage/layers/%s/fs/", link), NULL);
    assert_int_equal(symlink(target, storage_rig_path(rig, "state/storage/l/%s", link)), 0);
}

char *storage_rig_read(const char *path)
{
    char *text = NULL;

    if (files_read(AT_FDCWD, path, 1 << 20, &text, NULL, NULL) < 0)
        return mem_dup_text("");
    return text;
}

struct count {
    const struct storage_rig *rig;
    size_t count;
};

static void count_one(void *owner, const struct mount_entry *entry)
{
    struct count *count = owner;

    size_t size = strlen(count->rig->directory);

    count->count +=
        strncmp(entry->target, count->rig->directory, size) == 0 && entry->target[size] == '/';
}

size_t storage_rig_mount_count(const struct storage_rig *rig)
{
    struct count count = { .rig = rig };

    assert_int_equal(mounts_each(count_one, &count, NULL), 0);
    return count.count;
}
