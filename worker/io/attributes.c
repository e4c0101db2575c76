/* Extended attributes; see the header. */
#include "worker/io/attributes.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/auto.h"
#include "common/mem.h"

#define ATTRIBUTES_SIZE 65536 /* the kernel's limits for a list and for a value */

static int tell(int fd, const char *name, char *value, attributes_each_fn *fn, void *owner)
{
    ssize_t size;

    if (strncmp(name, "trusted.overlay.", strlen("trusted.overlay.")) == 0)
        return 0;
    size = fgetxattr(fd, name, value, ATTRIBUTES_SIZE);
    if (size < 0)
        return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
    return fn(owner, name, (struct bytes){ .data = (const uint8_t *)value, .size = (size_t)size });
}

int attributes_each(int fd, attributes_each_fn *fn, void *owner)
{
    autofree char *names = NULL;
    autofree char *value = NULL;
    ssize_t size = flistxattr(fd, NULL, 0);

    if (size <= 0) /* nearly always */
        return size == 0 || errno == EOPNOTSUPP ? 0 : -errno;
    names = mem_zeroed(ATTRIBUTES_SIZE);
    value = mem_zeroed(ATTRIBUTES_SIZE);
    size = flistxattr(fd, names, ATTRIBUTES_SIZE);
    if (size < 0)
        return -errno;
    for (const char *name = names; name < names + size; name += strlen(name) + 1) {
        int r = tell(fd, name, value, fn, owner);

        if (r < 0)
            return r;
    }
    return 0;
}
