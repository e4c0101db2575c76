/* Another user to file systems; see the header. */
#include "worker/io/id_scope.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

/* They give what was before and no error; no id is -1. */
static uid_t present_uid(void)
{
    return (uid_t)setfsuid((uid_t)-1);
}

static gid_t present_gid(void)
{
    return (gid_t)setfsgid((gid_t)-1);
}

/* The bit keeps the capabilities: the kernel would take those about files from who is not root. */
static int enter(struct id_scope *scope, uid_t uid, gid_t gid, struct error *err)
{
    int bits = prctl(PR_GET_SECUREBITS);

    if (bits < 0 ||
        prctl(PR_SET_SECUREBITS, (unsigned long)bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
        return error_set_errno(err, "keep capabilities as user %u (CAP_SETPCAP)", uid);
    *scope = (struct id_scope){
        .is_entered = true,
        .securebits = bits,
        .uid = present_uid(),
        .gid = present_gid(),
    };
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    if (present_uid() == uid && present_gid() == gid)
        return 0;
    id_scope_leave(scope);
    return error_set(err, -EPERM, "make files as user %u (CAP_SETUID, CAP_SETGID)", uid);
}

int id_scope_enter(struct id_scope *scope, const struct user_namespace *users, struct error *err)
{
    return users == NULL ? 0 : enter(scope, users->root_uid, users->root_gid, err);
}

/* Changing ids has made the process one that dumps no core, as if it had secrets of that user. */
void id_scope_leave(struct id_scope *scope)
{
    if (!scope->is_entered)
        return;
    (void)setfsuid(scope->uid);
    (void)setfsgid(scope->gid);
    (void)prctl(PR_SET_SECUREBITS, (unsigned long)scope->securebits, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    scope->is_entered = false;
}
