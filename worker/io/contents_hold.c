/* Files of a container, held; see the header. */
#include "worker/io/contents_hold.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

/* A tmpfs lives as long as a run: there is none now. */
static char *source_of(const struct layout *layout, const struct mount_config *mount)
{
    if (mount->source == NULL || strcmp(mount->type, "tmpfs") == 0)
        return NULL;
    return strcmp(mount->type, "volume") == 0 ? layout_volume_data(layout, mount->source)
                                              : mem_dup_text(mount->source);
}

void contents_list_mounts(const struct layout *layout, const struct container_config *config,
                          struct arena *arena, struct contents_root *ret)
{
    const struct mount_config *mounts = config->mounts.items;
    struct contents_mount *found = arena_zeroed(arena, config->mounts.count * sizeof(*found));

    ret->mounts = found;
    ret->mount_count = 0;
    for (size_t i = 0; i < config->mounts.count; i++) {
        autofree char *source = source_of(layout, &mounts[i]);

        if (source == NULL)
            continue;
        found[ret->mount_count++] = (struct contents_mount){
            .destination = mounts[i].destination,
            .source = arena_text(arena, source),
            .is_read_only = text_list_has(&mounts[i].options, "ro"),
            .is_mapped = storage_is_mapped(&mounts[i]),
        };
    }
}

static int open_stopped(struct contents_hold *hold, struct error *err)
{
    const struct contents_hold_request *request = hold->request;
    autofree char *path = NULL;
    struct error why = { 0 };
    int r = storage_hold(&request->storage, request->holder, &path, err);

    if (r < 0)
        return r;
    hold->is_mounted = true;
    r = contents_open_stopped(path, &hold->view.root_fd, err);
    if (r < 0)
        (void)contents_hold_release(hold, &why);
    else
        contents_list_mounts(request->storage.layout, request->storage.config, &hold->arena,
                             &hold->root);
    return r;
}

int contents_hold_open(const struct contents_hold_request *request, struct contents_hold *ret,
                       struct error *err)
{
    struct error gone = { 0 };
    int r = -ESRCH;

    *ret = CONTENTS_HOLD_NONE;
    ret->request = request;
    ret->root.users = request->storage.users;
    if (request->pid != 0)
        r = contents_open_running(request->pid, request->pid_started, &ret->view, &gone);
    if (r == -ESRCH)
        r = open_stopped(ret, err);
    else if (r < 0)
        r = error_set(err, r, "%s", gone.text);
    ret->root.fd = ret->view.root_fd;
    return r;
}

/* The descriptors first: they would keep the mount busy. */
int contents_hold_release(struct contents_hold *hold, struct error *err)
{
    int r = 0;

    contents_view_done(&hold->view);
    if (hold->is_mounted)
        r = storage_let_go(&hold->request->storage, hold->request->holder, err);
    arena_done(&hold->arena);
    *hold = CONTENTS_HOLD_NONE;
    return r;
}
