/*
 * The user namespace of a container: which of its users and groups are which of the host. On the
 * disk (layers, what the container wrote, volumes) ids are always the container's; mounts that are
 * id-mapped by the namespace show them as the host's, to which the container's own namespace gives
 * their numbers back. So an image, a volume and a commit know nothing of any mapping.
 *
 * Owner: one call on a pool thread.
 */
#ifndef GANTRY_WORKER_IO_USER_NAMESPACE_H
#define GANTRY_WORKER_IO_USER_NAMESPACE_H

#include <sys/stat.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/id_map.h"
#include "schemas/container_config.h"

/* What an id is called that a namespace does not have: the kernel's "nobody". */
#define USER_NAMESPACE_NOBODY 65534

struct user_namespace {
    struct id_map uids;
    struct id_map gids;
    uid_t root_uid; /* what the container's root is on the host */
    gid_t root_gid;
    int fd; /* -1 until it is wanted */
};

/* Of the configuration; NULL when it has none. Makes nothing yet. */
int user_namespace_new(const struct container_config *config, struct user_namespace **ret,
                       struct error *err);
/* NULL is legal. */
void user_namespace_destroy(struct user_namespace *users);
DEFINE_AUTODESTROY(user_namespace)

/* A namespace with these maps, for mounts; borrowed. Blocking: a child makes it. */
int user_namespace_fd(struct user_namespace *users, struct error *err);

/* The owner as the container sees it. */
void user_namespace_show(const struct user_namespace *users, struct stat *status);

/* The owner, by the container's numbers, as the host has it. -EINVAL for one that it has not. */
int user_namespace_owner(const struct user_namespace *users, uid_t *uid, gid_t *gid,
                         struct error *err);

#endif
