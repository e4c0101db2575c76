/* Where images are loaded from; see the header. */
#include "worker/io/image_origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/layer_extract.h"

#define UNPACKED "unpacked"

static int unpack(const struct image_source *source, int fd, struct image_batch *batch,
                  struct image_origin *ret, struct error *err)
{
    const struct layer_source archive = {
        .kind = LAYER_ARCHIVE, .fd = fd, .copy_fd = -1, .is_cancelled = source->is_cancelled
    };
    struct layer_digests digests;
    int r;

    if (mkdirat(image_batch_fd(batch), UNPACKED, S_IRWXU) < 0)
        return error_set_errno(err, "%s/" UNPACKED, image_batch_path(batch));
    ret->fd = openat(image_batch_fd(batch), UNPACKED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->fd < 0)
        return error_set_errno(err, "%s/" UNPACKED, image_batch_path(batch));
    ret->is_ours = true;
    r = layer_extract(&archive, ret->fd, &digests, err);
    if (r < 0)
        image_origin_close(ret);
    return r;
}

int image_origin_open(const struct image_source *source, struct image_batch *batch,
                      struct image_origin *ret, struct error *err)
{
    autoclose int fd = -1;
    struct stat status;

    *ret = (struct image_origin){ .fd = -1 };
    if (source->path == NULL)
        return unpack(source, source->fd, batch, ret, err);
    fd = open(source->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set_errno(err, "%s", source->path);
    if (S_ISDIR(status.st_mode)) {
        ret->fd = steal_fd(&fd);
        return 0;
    }
    if (!S_ISREG(status.st_mode))
        return error_set(err, -EINVAL, "%s: neither a file nor a directory", source->path);
    return unpack(source, fd, batch, ret, err);
}

void image_origin_close(struct image_origin *origin)
{
    auto_close_(&origin->fd);
    origin->fd = -1;
}

bool image_origin_has(const struct image_origin *origin, const char *path)
{
    autoclose int fd = files_open_in_root(origin->fd, path, O_PATH | O_CLOEXEC, NULL);

    return fd >= 0;
}

int image_origin_open_file(const struct image_origin *origin, const char *path, struct error *err)
{
    autoclose int fd =
        files_open_in_root(origin->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, err);
    struct stat status;

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0)
        return error_set_errno(err, "%.200s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(err, -EINVAL, "%.200s: not a regular file", path);
    return steal_fd(&fd);
}

int image_origin_read(const struct image_origin *origin, const char *path, char **ret,
                      size_t *ret_size, struct error *err)
{
    autoclose int fd = image_origin_open_file(origin, path, err);
    autofree char *name = NULL;

    if (fd < 0)
        return fd;
    name = mem_text("/proc/self/fd/%d", fd);
    return files_read(AT_FDCWD, name, IMAGE_DOCUMENT_MAX, ret, ret_size, err);
}
