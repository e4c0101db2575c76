/*
 * Making files as the root of a container that has a user namespace: in its id-mapped file systems
 * the host's root has no number that could be written down (EOVERFLOW). For a while this thread,
 * and no other, is that user to file systems; its capabilities stay.
 */
#ifndef GANTRY_WORKER_IO_ID_SCOPE_H
#define GANTRY_WORKER_IO_ID_SCOPE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "worker/io/user_namespace.h"

/* Starts as { 0 }. */
struct id_scope {
    bool is_entered;
    int securebits; /* as they were */
    uid_t uid;
    gid_t gid;
};

/* Without a namespace (NULL) this thread stays who it is. */
int id_scope_enter(struct id_scope *scope, const struct user_namespace *users, struct error *err);
void id_scope_leave(struct id_scope *scope);

#define autoscope __attribute__((cleanup(id_scope_leave)))

#endif
