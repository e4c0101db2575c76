/* Any bytes as a layer's archive: refused, or extracted within its directory. */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io/files.h"
#include "worker/io/layer_extract.h"

#define ENTRIES_MAX 100
#define BYTES_MAX   (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_bytes(const uint8_t *data, size_t size)
{
    int fds[2];

    if (size > 60000 || pipe2(fds, O_CLOEXEC) < 0) /* what a pipe holds without a reader */
        return -1;
    assert(write(fds[1], data, size) == (ssize_t)size);
    (void)close(fds[1]);
    return fds[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char top[] = "/tmp/gantry-layer-fuzz-XXXXXX";
    autoclose int fd = open_bytes(data, size);
    autoclose int root_fd = -1;
    struct layer_source source = { .kind = LAYER_IMAGE,
                                   .fd = fd,
                                   .copy_fd = -1,
                                   .entries_max = ENTRIES_MAX,
                                   .bytes_max = BYTES_MAX };
    struct layer_digests digests;

    if (fd < 0 || mkdtemp(top) == NULL)
        return 0;
    root_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert(root_fd >= 0);
    if (layer_extract(&source, root_fd, &digests, NULL) == 0)
        assert(digests.entries <= ENTRIES_MAX && digests.tar_bytes <= BYTES_MAX);
    (void)files_remove_tree(AT_FDCWD, top, NULL);
    return 0;
}
