/*
 * For the power-cut tests, loaded before a program's own libraries: writes down what the program
 * does to files below a directory, in the order it did it, and leaves out a flush when told to.
 *
 *   GANTRY_POWER_ROOT    the directory
 *   GANTRY_POWER_TRACE   the file to append to; nothing is written down without it
 *   GANTRY_POWER_MUTANT  nosync, nometasync (LMDB's flags) or nodirsync (no fsync of a directory)
 *
 * A flush is written down when it has returned, everything else before anybody else can do more:
 * what the trace says between two flushes is what a power cut may keep, lose or tear. An entry is a
 * struct entry, then the path, then the bytes; numbers as the machine has them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_SIZE   4096
#define MDB_NOSYNC  0x10000U
#define MDB_NOMETA  0x40000U
#define VECTORS_MAX 64

enum what { CREATED = 1, MADE_DIRECTORY, WROTE, WROTE_THROUGH, CUT_TO, FLUSHED, MOVED, REMOVED };

struct entry {
    uint32_t what;
    uint32_t path_size;
    uint64_t offset; /* of a write; the size of a cut */
    uint64_t size;   /* bytes that follow the path: what was written, or the new name */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int trace_fd = -1;
static char root[PATH_SIZE];
static size_t root_size;
static const char *mutant = "";

static void put(const void *bytes, size_t size)
{
    if (syscall(SYS_write, trace_fd, bytes, size) != (long)size)
        abort();
}

__attribute__((constructor)) static void begin(void)
{
    const char *trace = getenv("GANTRY_POWER_TRACE");
    const char *below = getenv("GANTRY_POWER_ROOT");

    if (getenv("GANTRY_POWER_MUTANT") != NULL)
        mutant = getenv("GANTRY_POWER_MUTANT");
    if (trace == NULL || below == NULL || realpath(below, root) == NULL)
        return;
    root_size = strlen(root);
    trace_fd =
        (int)syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_ours(const char *path)
{
    return strncmp(path, root, root_size) == 0 && (path[root_size] == '/' || path[root_size] == 0);
}

/* The path of a descriptor below the root, relative to it. NULL for all others. */
static const char *path_of(int fd, char buffer[PATH_SIZE])
{
    char link[64];
    ssize_t size;

    if (trace_fd < 0 || fd < 3)
        return NULL;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    size = readlink(link, buffer, PATH_SIZE - 1);
    if (size <= 0)
        return NULL;
    buffer[size] = 0;
    return is_ours(buffer) ? buffer + root_size : NULL;
}

static const char *path_at(int directory_fd, const char *path, char buffer[PATH_SIZE])
{
    char directory[PATH_SIZE];
    char whole[2 * PATH_SIZE];
    char *slash;

    if (trace_fd < 0)
        return NULL;
    if (path[0] == '/' || directory_fd == AT_FDCWD) {
        (void)snprintf(whole, sizeof(whole), "%s", path);
    } else {
        const char *below = path_of(directory_fd, directory);

        if (below == NULL)
            return NULL;
        (void)snprintf(whole, sizeof(whole), "%s%s/%s", root, below, path);
    }
    /* The directory without links, then the name. */
    slash = strrchr(whole, '/');
    if (slash == NULL || slash == whole)
        return NULL;
    *slash = 0;
    if (realpath(whole, directory) == NULL || !is_ours(directory))
        return NULL;
    (void)snprintf(buffer, PATH_SIZE, "%.2000s/%.2000s", directory + root_size, slash + 1);
    return buffer;
}

static void note(enum what what, const char *path, uint64_t offset, const struct iovec *vectors,
                 int count)
{
    struct entry entry = { .what = what, .path_size = (uint32_t)strlen(path), .offset = offset };

    for (int i = 0; i < count; i++)
        entry.size += vectors[i].iov_len;
    put(&entry, sizeof(entry));
    put(path, entry.path_size);
    for (int i = 0; i < count; i++)
        put(vectors[i].iov_base, vectors[i].iov_len);
}

static void note_plain(enum what what, const char *path, uint64_t offset)
{
    note(what, path, offset, NULL, 0);
}

/* Only as much as was written. */
static void note_write(int fd, const char *path, uint64_t offset, const struct iovec *vectors,
                       int count, size_t written)
{
    struct iovec cut[VECTORS_MAX];
    enum what what = (fcntl(fd, F_GETFL) & O_DSYNC) != 0 ? WROTE_THROUGH : WROTE;

    if (count > VECTORS_MAX)
        abort();
    for (int i = 0; i < count; i++) {
        cut[i] = vectors[i];
        if (cut[i].iov_len > written)
            cut[i].iov_len = written;
        written -= cut[i].iov_len;
    }
    note(what, path, offset, cut, count);
}

static ssize_t write_noted(int fd, const struct iovec *vectors, int count, off_t offset)
{
    char buffer[PATH_SIZE];
    const char *path = path_of(fd, buffer);
    bool is_at = offset >= 0;
    off_t at = offset;
    ssize_t written;

    (void)pthread_mutex_lock(&mutex);
    if (path != NULL && !is_at)
        at = lseek(fd, 0, SEEK_CUR);
    written = is_at ? syscall(SYS_pwritev, fd, vectors, count, offset, 0)
                    : syscall(SYS_writev, fd, vectors, count);
    if (path != NULL && written > 0)
        note_write(fd, path, (uint64_t)at, vectors, count, (size_t)written);
    (void)pthread_mutex_unlock(&mutex);
    return written;
}

/* The C library's own names and types: no header of it can be asked to declare them all. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wcast-qual"

ssize_t write(int fd, const void *bytes, size_t size)
{
    const struct iovec vector = { .iov_base = (void *)bytes, .iov_len = size };

    return write_noted(fd, &vector, 1, -1);
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    return write_noted(fd, vectors, count, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    const struct iovec vector = { .iov_base = (void *)bytes, .iov_len = size };

    return write_noted(fd, &vector, 1, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite(fd, bytes, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset)
{
    return write_noted(fd, vectors, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off_t offset)
{
    return pwritev(fd, vectors, count, offset);
}

int ftruncate(int fd, off_t size)
{
    char buffer[PATH_SIZE];
    const char *path = path_of(fd, buffer);
    int r;

    (void)pthread_mutex_lock(&mutex);
    r = (int)syscall(SYS_ftruncate, fd, size);
    if (r == 0 && path != NULL)
        note_plain(CUT_TO, path, (uint64_t)size);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

static int flush(int fd, long number)
{
    char buffer[PATH_SIZE];
    const char *path = path_of(fd, buffer);
    struct stat file;
    int r;

    if (strcmp(mutant, "nodirsync") == 0 && fstat(fd, &file) == 0 && S_ISDIR(file.st_mode))
        return 0;
    (void)pthread_mutex_lock(&mutex);
    r = (int)syscall(number, fd);
    if (r == 0 && path != NULL)
        note_plain(FLUSHED, path, 0);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

int fsync(int fd)
{
    return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return flush(fd, SYS_fdatasync);
}

static int open_noted(int directory_fd, const char *path, int flags, unsigned mode)
{
    char buffer[PATH_SIZE];
    const char *below = (flags & O_CREAT) != 0 ? path_at(directory_fd, path, buffer) : NULL;
    bool was_there = below != NULL && faccessat(directory_fd, path, F_OK, 0) == 0;
    int fd;

    (void)pthread_mutex_lock(&mutex);
    fd = (int)syscall(SYS_openat, directory_fd, path, flags, mode);
    if (fd >= 0 && below != NULL && !was_there)
        note_plain(CREATED, below, 0);
    else if (fd >= 0 && below != NULL && (flags & O_TRUNC) != 0)
        note_plain(CUT_TO, below, 0);
    (void)pthread_mutex_unlock(&mutex);
    return fd;
}

#define MODE_OF(flags)                                  \
    __extension__({                                     \
        unsigned mode_ = 0;                             \
        if (((flags) & (O_CREAT | __O_TMPFILE)) != 0) { \
            va_list more_;                              \
            va_start(more_, flags);                     \
            mode_ = va_arg(more_, unsigned);            \
            va_end(more_);                              \
        }                                               \
        mode_;                                          \
    })

int open(const char *path, int flags, ...)
{
    return open_noted(AT_FDCWD, path, flags, MODE_OF(flags));
}

int open64(const char *path, int flags, ...)
{
    return open_noted(AT_FDCWD, path, flags, MODE_OF(flags));
}

int openat(int directory_fd, const char *path, int flags, ...)
{
    return open_noted(directory_fd, path, flags, MODE_OF(flags));
}

int openat64(int directory_fd, const char *path, int flags, ...)
{
    return open_noted(directory_fd, path, flags, MODE_OF(flags));
}

int mkdirat(int directory_fd, const char *path, mode_t mode)
{
    char buffer[PATH_SIZE];
    const char *below = path_at(directory_fd, path, buffer);
    int r;

    (void)pthread_mutex_lock(&mutex);
    r = (int)syscall(SYS_mkdirat, directory_fd, path, mode);
    if (r == 0 && below != NULL)
        note_plain(MADE_DIRECTORY, below, 0);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int rename(const char *from, const char *to)
{
    char from_buffer[PATH_SIZE];
    char to_buffer[PATH_SIZE];
    const char *below_from = path_at(AT_FDCWD, from, from_buffer);
    const char *below_to = path_at(AT_FDCWD, to, to_buffer);
    int r;

    (void)pthread_mutex_lock(&mutex);
    r = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (r == 0 && below_from != NULL && below_to != NULL)
        note(MOVED, below_from, 0,
             &(struct iovec){ .iov_base = to_buffer, .iov_len = strlen(to_buffer) }, 1);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

int unlinkat(int directory_fd, const char *path, int flags)
{
    char buffer[PATH_SIZE];
    const char *below = path_at(directory_fd, path, buffer);
    int r;

    (void)pthread_mutex_lock(&mutex);
    r = (int)syscall(SYS_unlinkat, directory_fd, path, flags);
    if (r == 0 && below != NULL)
        note_plain(REMOVED, below, 0);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

struct MDB_env;

int mdb_env_open(struct MDB_env *env, const char *path, unsigned flags, mode_t mode)
{
    union {
        void *found;
        int (*call)(struct MDB_env *env, const char *path, unsigned flags, mode_t mode);
    } real = { .found = dlsym(RTLD_NEXT, "mdb_env_open") };

    if (strcmp(mutant, "nosync") == 0)
        flags |= MDB_NOSYNC;
    if (strcmp(mutant, "nometasync") == 0)
        flags |= MDB_NOMETA;
    return real.call(env, path, flags, mode);
}
