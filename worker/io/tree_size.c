/* Sizes of trees; see the header. */
#include "worker/io/tree_size.h"

#include <errno.h>
#include <fcntl.h>

#include "common/auto.h"
#include "worker/io/inode_names.h"
#include "worker/io/tree_walk.h"

struct sum {
    uint64_t bytes;
    struct inode_names met;
};

static int add(void *owner, const struct tree_entry *entry, struct error *err)
{
    struct sum *sum = owner;

    (void)err;
    if (!S_ISDIR(entry->status.st_mode) && inode_names_meet(&sum->met, &entry->status, "") == NULL)
        sum->bytes += (uint64_t)entry->status.st_size;
    return 0;
}

int tree_size(int root_fd, uint64_t *ret_bytes, struct error *err)
{
    static const struct tree_visitor visitor = { .enter = add };
    struct sum sum = { 0 };
    int r = tree_walk(root_fd, &visitor, &sum, err);

    inode_names_done(&sum.met);
    if (r < 0)
        return r;
    *ret_bytes = sum.bytes;
    return 0;
}

int tree_size_of(const char *path, uint64_t *ret_bytes, struct error *err)
{
    autoclose int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT)
        return error_set_errno(err, "size of %s", path);
    if (fd < 0) {
        *ret_bytes = 0;
        return 0;
    }
    return tree_size(fd, ret_bytes, err);
}
