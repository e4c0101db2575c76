/* Where an archive goes; see the header. */
#include "ops/console/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int make_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

int output_file_receive(struct console *console, const struct stream_open *asked, const char *path,
                        const char *what, struct error *err)
{
    int fd = STDOUT_FILENO;
    int r;

    if (path == NULL && isatty(STDOUT_FILENO))
        return error_set(err, -EINVAL, "refusing to %s to terminal. Use -o flag or redirect", what);
    if (path != NULL) {
        fd = make_file(path);
        if (fd < 0)
            return error_set_errno(err, "make %s", path);
    }
    r = transfer_receive_fd(console, asked, fd, err);
    if (path == NULL)
        return r;
    if (close(fd) < 0 && r == 0)
        r = error_set_errno(err, "write %s", path);
    if (r < 0)
        (void)unlink(path);
    return r;
}
