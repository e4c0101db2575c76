/* Files that consoles have sent; see the header. */
#include "worker/io/uploads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/io/files.h"
#include "common/mem.h"

#define TAKEN_MARK "trusted.gantry.taken"

char *uploads_path(const struct layout *layout)
{
    autofree char *storage = layout_storage(layout);

    return mem_text("%s/uploads", storage);
}

int uploads_open(const struct layout *layout, const char *id, struct error *err)
{
    autofree char *directory = uploads_path(layout);
    autofree char *path = mem_text("%s/%s", directory, id);
    int fd = name_is_valid(id) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

    if (fd < 0 && (errno == ENOENT || !name_is_valid(id)))
        return error_set(err, -ENOENT, "upload %s is not there: send the file again", id);
    if (fd < 0)
        return error_set_errno(err, "open %s", path);
    (void)fsetxattr(fd, TAKEN_MARK, "", 0, 0); /* without it, it only stays for longer */
    return fd;
}

void uploads_forget(const struct layout *layout, const char *id)
{
    autofree char *directory = uploads_path(layout);
    autofree char *path = mem_text("%s/%s", directory, id);

    if (name_is_valid(id))
        (void)unlink(path);
}

static bool is_wanted(const char *const *wanted, size_t wanted_count, const char *name)
{
    for (size_t i = 0; i < wanted_count; i++) {
        if (strcmp(wanted[i], name) == 0)
            return true;
    }
    return false;
}

/* By the clock of the host, as the file system has it: one that was set back lets an upload stay
 * for longer. */
static bool is_old(int directory_fd, const char *name)
{
    struct stat status;

    return fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           time(NULL) - status.st_mtime > UPLOADS_KEPT_S;
}

/* A command has had it: one that the journal knows no more has ended. */
static bool was_taken(int directory_fd, const char *name)
{
    autoclose int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    return fd >= 0 && fgetxattr(fd, TAKEN_MARK, NULL, 0) >= 0;
}

int uploads_sweep(const struct layout *layout, const char *const *wanted, size_t wanted_count,
                  struct error *err)
{
    autofree char *path = uploads_path(layout);
    int r = files_make_directories(path, 0700, err);
    DIR *directory = r < 0 ? NULL : opendir(path);
    struct dirent *entry;

    if (r < 0)
        return r;
    if (directory == NULL)
        return error_set_errno(err, "open %s", path);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.' && !is_wanted(wanted, wanted_count, entry->d_name) &&
            (is_old(dirfd(directory), entry->d_name) || was_taken(dirfd(directory), entry->d_name)))
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
    return 0;
}
