/* Holders of a mount; see the header. */
#include "worker/io/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/files.h"
#include "common/mem.h"

#define OPEN_TRIES 64

/* 1: locked; 0: what was locked is no longer what the path says. */
static int try_lock(const char *path, int *ret, struct error *err)
{
    autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat locked;
    struct stat named;
    int r;

    if (fd < 0)
        return error_set_errno(err, "lock %s", path);
    do {
        r = flock(fd, LOCK_EX);
    } while (r < 0 && errno == EINTR);
    if (r < 0 || fstat(fd, &locked) < 0)
        return error_set_errno(err, "lock %s", path);
    if (stat(path, &named) < 0)
        return error_set_errno(err, "lock %s", path);
    if (named.st_ino != locked.st_ino || named.st_dev != locked.st_dev)
        return 0;
    *ret = steal_fd(&fd);
    return 1;
}

int directory_lock(const char *path, int *ret, struct error *err)
{
    int r;

    do {
        r = try_lock(path, ret, err);
    } while (r == 0);
    return r < 0 ? r : 0;
}

int holders_open(const char *directory, struct holders *ret, struct error *err)
{
    int fd = -1;
    int r = -ENOENT;

    /* -ENOENT: whoever had the lock has removed the directory; the next one makes it anew. */
    for (unsigned tries = 0; r == -ENOENT && tries < OPEN_TRIES; tries++) {
        r = files_make_directories(directory, 0700, err);
        if (r >= 0)
            r = directory_lock(directory, &fd, err);
    }
    if (r < 0)
        return r;
    ret->fd = fd;
    return 0;
}

void holders_close(struct holders *holders)
{
    if (holders->fd >= 0)
        (void)close(holders->fd);
    *holders = HOLDERS_NONE;
}

int holders_add(const struct holders *holders, const char *name, struct error *err)
{
    autoclose int fd = -1;

    if (!name_is_valid(name))
        return error_set(err, -EINVAL, "\"%s\" is no name of a holder", name);
    fd = openat(holders->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    return fd < 0 ? error_set_errno(err, "hold as %s", name) : 1;
}

int holders_drop(const struct holders *holders, const char *name, struct error *err)
{
    if (!name_is_valid(name))
        return error_set(err, -EINVAL, "\"%s\" is no name of a holder", name);
    if (unlinkat(holders->fd, name, 0) < 0 && errno != ENOENT)
        return error_set_errno(err, "let go as %s", name);
    return 0;
}

int holders_each(const struct holders *holders, holders_each_fn *fn, void *owner, struct error *err)
{
    int fd = openat(holders->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (directory == NULL) {
        int r = error_set_errno(err, "list the holders");

        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    for (errno = 0; (entry = readdir(directory)) != NULL; errno = 0) {
        if (name_is_valid(entry->d_name))
            fn(owner, holders, entry->d_name);
    }
    if (errno != 0) {
        int r = error_set_errno(err, "list the holders");

        (void)closedir(directory);
        return r;
    }
    (void)closedir(directory);
    return 0;
}

struct count {
    size_t count;
    char *one;
};

static void count_one(void *owner, const struct holders *holders, const char *name)
{
    struct count *count = owner;

    (void)holders;
    if (count->count++ == 0)
        count->one = mem_dup_text(name);
}

int holders_count(const struct holders *holders, size_t *ret_count, char **ret_one,
                  struct error *err)
{
    struct count count = { 0 };
    autofree char *one = NULL;
    int r = holders_each(holders, count_one, &count, err);

    one = count.one;
    if (r < 0)
        return r;
    *ret_count = count.count;
    if (ret_one != NULL)
        *ret_one = steal_ptr(one);
    return 0;
}
