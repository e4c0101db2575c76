/* A file that one process holds at a time; see the header. */
#include "common/io/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/auto.h"

static int fail_busy(int fd, struct error *err)
{
    char holder[32] = "";
    ssize_t size = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[size > 0 ? strcspn(holder, "\n") : 0] = '\0';
    return error_set(err, -EBUSY, "in use by another process (pid %s)",
                     holder[0] != '\0' ? holder : "unknown");
}

int lock_file_take(const char *path, mode_t mode, int *ret_fd, struct error *err)
{
    autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd < 0)
        return error_set_errno(err, "open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return fail_busy(fd, err);
        return error_set_errno(err, "lock %s", path);
    }
    /* The pid is for the sentence above only. */
    if (ftruncate(fd, 0) == 0)
        (void)dprintf(fd, "%d\n", (int)getpid());
    *ret_fd = steal_fd(&fd);
    return 0;
}
