/*
 * Who a container's process is: "user[:group]" looked up in the /etc/passwd and /etc/group that it
 * will see (BEHAVIOUR GS-1, GS-9).
 */
#ifndef GANTRY_WORKER_IO_USERS_H
#define GANTRY_WORKER_IO_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"

struct user_identity {
    uint32_t uid;
    uint32_t gid;
    uint32_t *more_gids; /* supplementary groups, in the arena */
    size_t more_gid_count;
    const char *home; /* absolute; "/" when nobody says; in the arena */
};

#define USER_GROUPS_MAX 1024

/*
 * `user` is "user[:group]", names or numbers; NULL is root. `passwd` and `group` are the files'
 * texts, NULL when there are none. A number need not be listed, a name must: -ENOENT. -EINVAL for
 * what is neither.
 */
int user_resolve(const char *user, const char *passwd, const char *group, struct arena *arena,
                 struct user_identity *ret, struct error *err);

/* Does a passwd or group file (NULL: none) list this number? */
bool user_is_listed(const char *text, uint32_t id);

#endif
