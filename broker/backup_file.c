/* Backups; see the header. */
#include "broker/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/io/log_lmdb.h"
#include "broker/verify.h"
#include "broker/view_store.h"
#include "common/io/files.h"
#include "common/mem.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600
#define SEND_BYTES_MAX (64UL * 1024 * 1024)

/* The names in the directory of `path` are on the disk. */
static int sync_parent(const char *path, struct error *err)
{
    autofree char *copy = mem_dup_text(path);

    return files_sync_directory(dirname(copy), err);
}

/* Give what is written its name, where nothing may be. */
static int publish(const char *from, const char *to, struct error *err)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
        return error_set_errno(err, "rename %s to %s", from, to);
    return sync_parent(to, err);
}

static int write_part(struct log *log, const char *part, uint64_t *ret_bytes, struct error *err)
{
    autoclose int fd =
        open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    struct stat file;
    int r;

    if (fd < 0)
        return error_set_errno(err, "open %s", part);
    if (fstat(fd, &file) == 0 && !S_ISREG(file.st_mode))
        return error_set(err, -EEXIST, "%s is no file", part);
    r = log_copy(log, fd, err);
    if (r < 0)
        return r;
    if (fstat(fd, &file) < 0)
        return error_set_errno(err, "look at %s", part);
    *ret_bytes = (uint64_t)file.st_size;
    return 0;
}

int backup_write(struct log *log, const char *path, uint64_t *ret_bytes, struct error *err)
{
    autofree char *part = mem_text("%s.part", path);
    uint64_t bytes = 0;
    int r;

    if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return error_set(err, -EEXIST, "there is something at %s already", path);
    r = write_part(log, part, &bytes, err);
    if (r == 0)
        r = publish(part, path, err);
    if (r < 0) {
        (void)unlink(part);
        return r;
    }
    *ret_bytes = bytes;
    return 0;
}

static int copy_all(int from, int to, uint64_t size, struct error *err)
{
    while (size > 0) {
        ssize_t count = sendfile(to, from, NULL, size < SEND_BYTES_MAX ? size : SEND_BYTES_MAX);

        if (count < 0)
            return error_set_errno(err, "copy");
        if (count == 0)
            return error_set(err, -EUCLEAN, "copy: it became shorter");
        size -= (uint64_t)count;
    }
    return fsync(to) < 0 ? error_set_errno(err, "flush the copy") : 0;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
    autoclose int source = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    autoclose int target = -1;
    struct stat file;

    if (source < 0 || fstat(source, &file) < 0)
        return error_set_errno(err, "open %s", from);
    if (S_ISDIR(file.st_mode)) {
        autofree char *inside = mem_text("%s/" LOG_LMDB_FILE, from);

        return copy_file(inside, to, err);
    }
    if (!S_ISREG(file.st_mode))
        return error_set(err, -EINVAL, "%s is no file", from);
    target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (target < 0)
        return error_set_errno(err, "make %s", to);
    return copy_all(source, target, (uint64_t)file.st_size, err);
}

static int begin_epoch(struct log *log, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    int r;

    r = log_begin(log, LOG_WRITE, &txn, err);
    if (r < 0)
        return r;
    r = log_renew(txn, err);
    return r < 0 ? r : log_commit(steal_ptr(txn), err);
}

static int make_ready(struct log *log, struct error *err)
{
    uint64_t folded;
    bool is_sound = false;
    int r;

    r = view_store_prepare(log, &folded, err);
    if (r < 0)
        return r;
    r = verify_log(log, &is_sound, err);
    if (r < 0)
        return r;
    return is_sound ? begin_epoch(log, err) : error_set(err, -EUCLEAN, "the backup is damaged");
}

static int restore_into(const char *backup, const char *directory, struct error *err)
{
    autofree char *file = mem_text("%s/" LOG_LMDB_FILE, directory);
    struct log *log = NULL;
    int r;

    r = files_remove_tree(AT_FDCWD, directory, err);
    if (r < 0)
        return r;
    r = files_make_durable(directory, DIRECTORY_MODE, err);
    if (r < 0)
        return r;
    r = copy_file(backup, file, err);
    if (r < 0)
        return r;
    r = view_store_open_log(directory, &log, err);
    if (r < 0)
        return r;
    r = make_ready(log, err);
    log_close(log);
    return r;
}

int backup_restore(const char *backup, const char *directory, struct error *err)
{
    autofree char *target = mem_dup_text(directory);
    autofree char *part = NULL;
    size_t size = strlen(target);
    int r;

    while (size > 1 && target[size - 1] == '/')
        target[--size] = '\0';
    /* An empty directory gives way; a log never does. */
    if (rmdir(target) < 0 && errno != ENOENT)
        return error_set_errno(err, "%s is not to be overwritten", target);
    part = mem_text("%s.part", target);
    r = restore_into(backup, part, err);
    if (r == 0)
        r = publish(part, target, err);
    if (r < 0)
        (void)files_remove_tree(AT_FDCWD, part, NULL);
    return r;
}
