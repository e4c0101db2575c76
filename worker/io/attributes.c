/* Extended attributes; see the header. */
#include "worker/io/attributes.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
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

/* Those of the container's own root are plain ones to it. */
static size_t show_capabilities(const struct user_namespace *users, uint8_t *value, size_t size)
{
    struct vfs_ns_cap_data data;

    if (size != sizeof(data))
        return size;
    memcpy(&data, value, sizeof(data));
    if ((le32toh(data.magic_etc) & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3 ||
        le32toh(data.rootid) != users->root_uid)
        return size;
    data.magic_etc =
        htole32((le32toh(data.magic_etc) & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
    memcpy(value, &data, XATTR_CAPS_SZ_2);
    return XATTR_CAPS_SZ_2;
}

/* A version, then entries: the tag, permissions, the id. */
#define LIST_HEAD_SIZE  4
#define LIST_ENTRY_SIZE 8
#define TAG_USER        2
#define TAG_GROUP       8

static void show_list(const struct user_namespace *users, uint8_t *value, size_t size)
{
    for (size_t at = LIST_HEAD_SIZE; at + LIST_ENTRY_SIZE <= size; at += LIST_ENTRY_SIZE) {
        unsigned tag = value[at] | (unsigned)value[at + 1] << 8;
        uint32_t id;

        memcpy(&id, value + at + 4, sizeof(id));
        if ((tag == TAG_USER && !id_map_inside(&users->uids, le32toh(id), &id)) ||
            (tag == TAG_GROUP && !id_map_inside(&users->gids, le32toh(id), &id)))
            id = USER_NAMESPACE_NOBODY;
        if (tag == TAG_USER || tag == TAG_GROUP) {
            id = htole32(id);
            memcpy(value + at + 4, &id, sizeof(id));
        }
    }
}

size_t attribute_show(const struct user_namespace *users, const char *name, uint8_t *value,
                      size_t size)
{
    if (strcmp(name, "security.capability") == 0)
        return show_capabilities(users, value, size);
    if (strncmp(name, "system.posix_acl_", strlen("system.posix_acl_")) == 0)
        show_list(users, value, size);
    return size;
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
