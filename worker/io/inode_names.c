/* First names of files; see the header. */
#include "worker/io/inode_names.h"

#include <stdint.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

struct inode_name {
    struct inode_key {
        uint64_t device;
        uint64_t inode;
    } key;
    char *name;
    UT_hash_handle hh;
};

const char *inode_names_meet(struct inode_names *names, const struct stat *status, const char *name)
{
    struct inode_key key = { .device = status->st_dev, .inode = status->st_ino };
    struct inode_name *found = NULL;

    if (status->st_nlink < 2 || S_ISDIR(status->st_mode))
        return NULL;
    /* NOLINTNEXTLINE(clang-analyzer-core.Undefined*): it does not see a hash run over a struct */
    HASH_FIND(hh, names->table, &key, sizeof(key), found);
    if (found != NULL)
        return found->name;
    found = mem_zeroed(sizeof(*found));
    found->key = key;
    found->name = mem_dup_text(name);
    HASH_ADD(hh, names->table, key, sizeof(found->key), found);
    return NULL;
}

void inode_names_done(struct inode_names *names)
{
    struct inode_name *name;
    struct inode_name *next;

    HASH_ITER(hh, names->table, name, next)
    {
        HASH_DEL(names->table, name); /* NOLINT(clang-analyzer-unix.Malloc): it misreads uthash */
        free(name->name);
        free(name);
    }
}
