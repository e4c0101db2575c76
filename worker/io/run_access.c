/* The way to a root filesystem; see the header. */
#include "worker/io/run_access.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"

static int let_pass(const char *path, mode_t bits, struct error *err)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return error_set_errno(err, "look at %s", path);
    if ((status.st_mode & bits) != bits && chmod(path, (status.st_mode & 07777) | bits) < 0)
        return error_set_errno(err, "chmod %s", path);
    return 0;
}

int run_access_give(const struct layout *layout, const char *id, const struct user_namespace *users,
                    struct error *err)
{
    autofree char *containers = mem_text("%s/containers", layout->run);
    autofree char *own = layout_volatile(layout, id);
    int r = let_pass(layout->run, S_IXGRP | S_IXOTH, err);

    if (r >= 0)
        r = let_pass(containers, S_IXGRP | S_IXOTH, err);
    if (r >= 0 && chown(own, (uid_t)-1, users->root_gid) < 0)
        r = error_set_errno(err, "chown %s", own);
    return r < 0 ? r : let_pass(own, S_IXGRP, err);
}

static bool may_pass(const struct stat *status, const struct user_namespace *users)
{
    if (status->st_uid == users->root_uid)
        return (status->st_mode & S_IXUSR) != 0;
    if (status->st_gid == users->root_gid)
        return (status->st_mode & S_IXGRP) != 0;
    return (status->st_mode & S_IXOTH) != 0;
}

int run_access_check(const char *path, const struct user_namespace *users, struct error *err)
{
    autofree char *whole = realpath(path, NULL);
    char *slash = whole;

    if (whole == NULL)
        return error_set_errno(err, "%s", path);
    while ((slash = strchr(slash + 1, '/')) != NULL) {
        struct stat status;

        *slash = '\0';
        if (stat(whole, &status) < 0)
            return error_set_errno(err, "look at %s", whole);
        if (!may_pass(&status, users))
            return error_set(
                err, -EACCES,
                "user namespace: the container's root, user %u of this host, may not "
                "pass %s to its root filesystem: chmod o+x it, or choose another place",
                users->root_uid, whole);
        *slash = '/';
    }
    return 0;
}
