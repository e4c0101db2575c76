/*
 * The file of a store; see the header.
 *
 * LMDB writes the first pages of a new file under its name, one after the other, and a file with
 * half of them is none that it would ever open again. A power cut must not find one: the pages come
 * first, then the name.
 */
#include "common/io/store_file.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "common/auto.h"
#include "common/mem.h"

#define MAPPED_BYTES_MIN  (1024 * 1024)
#define TRIMMED_BYTES_MIN (4 * 1024 * 1024)

static int write_first_pages(const char *path, mode_t mode)
{
    MDB_env *env = NULL;
    int r = mdb_env_create(&env);

    if (r != 0)
        return r;
    r = mdb_env_open(env, path, MDB_NOSUBDIR, mode);
    if (r == 0)
        r = mdb_env_sync(env, 1);
    mdb_env_close(env);
    return r;
}

int store_file_make(const char *directory, mode_t mode)
{
    autofree char *file = mem_text("%s/data.mdb", directory);
    autofree char *part = mem_text("%s.part", file);
    autofree char *part_lock = mem_text("%s-lock", part);
    int r;

    if (access(file, F_OK) == 0)
        return 0;
    (void)unlink(part); /* of one who came only so far */
    r = write_first_pages(part, mode);
    (void)unlink(part_lock);
    if (r != 0)
        return r;
    return rename(part, file) == 0 ? 0 : errno;
}

int store_file_make_whole(int fd, uint64_t size)
{
    struct stat file;

    if (fstat(fd, &file) < 0)
        return errno;
    return (uint64_t)file.st_size < size && ftruncate(fd, (off_t)size) < 0 ? errno : 0;
}

void store_file_keep_lists_mapped(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES_MIN);
    (void)mallopt(M_TRIM_THRESHOLD, TRIMMED_BYTES_MIN); /* which is not set by itself any more */
}
