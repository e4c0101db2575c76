/* What is done with a log that no broker serves; see the header. */
#include "broker/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "broker/backup_file.h"
#include "broker/io/log_lmdb.h"
#include "broker/snapshots.h"
#include "broker/verify.h"
#include "broker/view_store.h"
#include "common/io/files.h"
#include "common/mem.h"

/* Opening makes a log that is not there, and here nobody wants one. */
static int open_log(const char *state_directory, struct log **ret, struct error *err)
{
    autofree char *path = mem_text("%s/" LOG_LMDB_FILE, state_directory);
    struct stat file;

    if (stat(path, &file) < 0)
        return error_set_errno(err, "%s", path);
    if (file.st_size == 0)
        return error_set(err, -EUCLEAN, "%s is empty: there is no log in it", path);
    return view_store_open_log(state_directory, ret, err);
}

int offline_verify(const char *state_directory, struct error *err)
{
    struct log *log = NULL;
    bool is_sound = false;
    int r;

    r = open_log(state_directory, &log, err);
    if (r < 0)
        return r;
    r = verify_log(log, &is_sound, err);
    log_close(log);
    if (r < 0)
        return error_add_context(err, r, "verify the log in %s", state_directory);
    return is_sound ? 0 : error_set(err, -EUCLEAN, "the log in %s is damaged", state_directory);
}

int offline_backup(const char *state_directory, const char *path, struct error *err)
{
    struct log *log = NULL;
    uint64_t bytes = 0;
    int r;

    r = open_log(state_directory, &log, err);
    if (r < 0)
        return r;
    r = backup_write(log, path, &bytes, err);
    log_close(log);
    if (r < 0)
        return error_add_context(err, r, "back up the log in %s", state_directory);
    printf("%s: %llu bytes\n", path, (unsigned long long)bytes);
    return 0;
}

/* What a view that is not trusted may have come to: the broker makes it again. */
static int forget_past(const char *state_directory, struct error *err)
{
    autofree char *path = mem_text("%s/" PAST_DIRECTORY, state_directory);

    return files_remove_tree(AT_FDCWD, path, err);
}

int offline_rebuild(const char *state_directory, struct error *err)
{
    struct log *log = NULL;
    uint64_t folded = 0;
    int r;

    r = open_log(state_directory, &log, err);
    if (r < 0)
        return r;
    r = forget_past(state_directory, err);
    if (r == 0)
        r = view_store_forget(log, err);
    if (r == 0)
        r = view_store_prepare(log, &folded, err);
    log_close(log);
    if (r < 0)
        return error_add_context(err, r, "rebuild the view of the log in %s", state_directory);
    printf("%s: the view was made anew from %llu records\n", state_directory,
           (unsigned long long)folded);
    return 0;
}

int offline_restore(const char *state_directory, const char *backup, struct error *err)
{
    int r = backup_restore(backup, state_directory, err);

    return r < 0 ? error_add_context(err, r, "restore %s", backup) : 0;
}
