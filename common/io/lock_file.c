/* A file that one process holds at a time; see the header. */
#include "common/io/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/auto.h"

#define STAT_MAX 512 /* bytes of /proc/<pid>/stat up to the state, and more */

/* The pid that the holder has written; 0 when there is none. */
static pid_t read_holder(int fd)
{
    char text[32] = "";
    long pid;

    if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
        return 0;
    pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* A zombie has given everything back. */
static bool is_alive(pid_t pid)
{
    char path[64];
    char text[STAT_MAX];
    autoclose int fd = -1;
    ssize_t size;
    const char *state;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return false;
    text[size] = '\0';
    state = strrchr(text, ')');
    return state == NULL || strncmp(state, ") Z", 3) != 0;
}

/*
 * A child that was on its way to execve() when its parent was killed holds the lock for the moment
 * that it still takes: it is waited for. A holder that lives is not.
 */
static int take_from_holder(int fd, const char *path, struct error *err)
{
    pid_t holder = read_holder(fd);

    if (holder == 0)
        return error_set(err, -EBUSY, "in use by another process (pid unknown)");
    if (is_alive(holder))
        return error_set(err, -EBUSY, "in use by another process (pid %d)", (int)holder);
    if (flock(fd, LOCK_EX) < 0)
        return error_set_errno(err, "lock %s", path);
    return 0;
}

static int lock(int fd, const char *path, struct error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return take_from_holder(fd, path, err);
    return error_set_errno(err, "lock %s", path);
}

int lock_file_take(const char *path, mode_t mode, int *ret_fd, struct error *err)
{
    autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    int r;

    if (fd < 0)
        return error_set_errno(err, "open %s", path);
    r = lock(fd, path, err);
    if (r < 0)
        return r;
    if (ftruncate(fd, 0) == 0)
        (void)dprintf(fd, "%d\n", (int)getpid());
    *ret_fd = steal_fd(&fd);
    return 0;
}
