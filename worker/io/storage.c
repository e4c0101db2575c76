/* What a container lives in; see the header. */
#include "worker/io/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/mapped_binds.h"
#include "worker/io/mapped_mount.h"
#include "worker/io/rootfs.h"

int storage_fail(struct outcome *outcome, const struct error *err)
{
    switch (err->code) {
    case -ENOSPC:
    case -EDQUOT:
    case -EIO:
    case -EROFS:
        return outcome_fail_system(outcome, err);
    default:
        return outcome_fail(outcome, FAILURE_STORAGE, err);
    }
}

static bool is_volume(const struct mount_config *mount)
{
    return strcmp(mount->type, "volume") == 0 && mount->source != NULL;
}

bool storage_is_mapped(const struct mount_config *mount)
{
    return is_volume(mount) ||
           (strcmp(mount->type, "bind") == 0 && text_list_has(&mount->options, "idmap"));
}

/* The layers that are seen, the topmost first: what lies below an opaque one is not. */
int storage_rootfs_request(const struct storage_request *request, struct arena *arena,
                           struct rootfs_request *ret, struct error *err)
{
    struct message_list list;
    const struct stored_layer *layers;
    const char **links;
    int r;

    if (request->config->image_id == NULL)
        return error_set(err, -EINVAL, "container %.12s is not made from an image", request->id);
    r = images_layers(request->images, request->config->image_id, arena, &list, err);
    if (r < 0)
        return r;
    layers = list.items;
    links = arena_zeroed(arena, (list.count + 1) * sizeof(*links));
    *ret = (struct rootfs_request){
        .layout = request->layout,
        .id = request->id,
        .links = links,
        .is_privileged = request->config->privileged,
        .users = request->users,
    };
    for (size_t i = list.count; i-- > 0;) {
        links[ret->link_count++] = layers[i].link;
        if (layers[i].is_opaque)
            break;
    }
    return 0;
}

int storage_volume_place(const struct layout *layout, const struct volume *volume,
                         struct volume_place *ret, struct error *err)
{
    int r = 0;

    *ret = (struct volume_place){
        .layout = layout,
        .name = volume->name,
        .has_owner = volume->uid.is_set || volume->gid.is_set,
        .uid = volume->uid.value,
        .gid = volume->gid.value,
    };
    for (size_t i = 0; i < volume->options.count && r == 0; i++)
        r = volume_options_set(&ret->options, volume->options.items[i].key,
                               volume->options.items[i].value, err);
    return r;
}

/* A volume that nobody knows yet is a plain directory. */
static int find_place(const struct storage_request *request, const char *name,
                      struct volume_place *ret, struct error *err)
{
    int r = 0;

    *ret = (struct volume_place){ .layout = request->layout, .name = name };
    for (size_t i = 0; i < request->volume_count; i++) {
        if (strcmp(request->volumes[i]->name, name) == 0)
            r = storage_volume_place(request->layout, request->volumes[i], ret, err);
    }
    ret->users = request->users;
    return r;
}

static int make_volumes(const struct storage_request *request, struct error *err)
{
    const struct mount_config *mounts = request->config->mounts.items;
    int r = 0;

    for (size_t i = 0; i < request->config->mounts.count && r >= 0; i++) {
        struct volume_place place;

        if (!is_volume(&mounts[i]))
            continue;
        r = find_place(request, mounts[i].source, &place, err);
        if (r >= 0)
            r = volume_create(&place, err);
    }
    return r;
}

static int make_root(const struct storage_request *request, struct error *err)
{
    autoarena arena = { 0 };
    struct rootfs_request rootfs;
    int r = storage_rootfs_request(request, &arena, &rootfs, err);

    return r < 0 ? r : rootfs_make(&rootfs, err);
}

/* Better now than at its start. */
static int try_mapping(const struct storage_request *request, struct error *err)
{
    autoclose int fd = mapped_mount_open(request->layout->state, request->users, err);

    return fd < 0 ? fd : 0;
}

int storage_make(const struct storage_request *request, struct outcome *outcome)
{
    autoclose int root_fd = -1;
    struct error err = { 0 };

    if (request->config->rootfs != NULL && rootfs_open(request->config->rootfs, &root_fd, &err) < 0)
        return outcome_fail(outcome, FAILURE_ROOTFS, &err);
    if (request->config->rootfs == NULL && make_root(request, &err) < 0)
        return storage_fail(outcome, &err);
    if (request->users != NULL && try_mapping(request, &err) < 0)
        return storage_fail(outcome, &err);
    if (make_volumes(request, &err) < 0)
        return storage_fail(outcome, &err);
    return 0;
}

static int mount_root(const struct storage_request *request, const char *holder, char **ret_root,
                      struct error *err)
{
    autoarena arena = { 0 };
    struct rootfs_request rootfs;
    int r;

    if (request->config->rootfs != NULL) {
        *ret_root = mem_dup_text(request->config->rootfs);
        return 0;
    }
    r = storage_rootfs_request(request, &arena, &rootfs, err);
    if (r >= 0)
        r = rootfs_mount(&rootfs, holder, err);
    if (r >= 0)
        *ret_root = layout_rootfs(request->layout, request->id);
    return r;
}

static int mount_volume(const struct storage_request *request, int root_fd,
                        const struct mount_config *mount, struct error *err)
{
    struct volume_place place;
    int r = find_place(request, mount->source, &place, err);

    if (r >= 0)
        r = volume_mount(&place, request->id, err);
    if (r >= 0 && !text_list_has(&mount->options, "nocopy"))
        r = volume_copy_up(&place, root_fd, mount->destination, err);
    return r;
}

/* What the container is to see with its own numbers. */
static int map_mount(const struct storage_request *request, size_t index, struct error *err)
{
    const struct mount_config *mounts = request->config->mounts.items;
    const struct mount_config *mount = &mounts[index];
    autofree char *data = NULL;
    int r;

    if (request->users == NULL || !storage_is_mapped(mount))
        return 0;
    data = is_volume(mount) ? layout_volume_data(request->layout, mount->source)
                            : mem_dup_text(mount->source);
    r = mapped_bind_make(request->layout, request->id, index, data, request->users, err);
    return r < 0 ? error_add_context(err, r, "mount %s", mount->destination) : 0;
}

static int mount_volumes(const struct storage_request *request, const char *root,
                         struct outcome *outcome)
{
    const struct mount_config *mounts = request->config->mounts.items;
    autoclose int root_fd = -1;
    struct error err = { 0 };
    int r = rootfs_open(root, &root_fd, &err);

    if (r < 0)
        return outcome_fail(outcome, FAILURE_ROOTFS, &err);
    for (size_t i = 0; i < request->config->mounts.count && r >= 0; i++) {
        if (is_volume(&mounts[i]))
            r = mount_volume(request, root_fd, &mounts[i], &err);
        if (r >= 0)
            r = map_mount(request, i, &err);
    }
    return r < 0 ? storage_fail(outcome, &err) : 0;
}

int storage_mount(const struct storage_request *request, char **ret_root, struct outcome *outcome)
{
    autofree char *root = NULL;
    struct outcome ignored = { 0 };
    struct error err = { 0 };
    int r;

    if (mount_root(request, ROOTFS_HOLDER_RUN, &root, &err) < 0)
        return storage_fail(outcome, &err);
    r = mount_volumes(request, root, outcome);
    if (r < 0)
        (void)storage_unmount(request->layout, request->id, request->config, &ignored);
    else
        *ret_root = steal_ptr(root);
    return r;
}

int storage_unmount(const struct layout *layout, const char *id,
                    const struct container_config *config, struct outcome *outcome)
{
    const struct mount_config *mounts = config == NULL ? NULL : config->mounts.items;
    struct error err = { 0 };
    int r = 0;

    if (mapped_binds_remove(layout, id, &err) < 0)
        r = storage_fail(outcome, &err);
    for (size_t i = 0; config != NULL && i < config->mounts.count; i++) {
        if (is_volume(&mounts[i]) && volume_unmount(layout, mounts[i].source, id, &err) < 0)
            r = storage_fail(outcome, &err);
    }
    if (rootfs_unmount(layout, id, ROOTFS_HOLDER_RUN, &err) < 0)
        r = storage_fail(outcome, &err);
    return r;
}

/* The container is a user of its volumes as a run of it would be; there is no run meanwhile. */
static int hold_volumes(const struct storage_request *request, struct error *err)
{
    const struct mount_config *mounts = request->config->mounts.items;
    int r = 0;

    for (size_t i = 0; i < request->config->mounts.count && r >= 0; i++) {
        struct volume_place place;

        if (!is_volume(&mounts[i]))
            continue;
        r = find_place(request, mounts[i].source, &place, err);
        if (r >= 0)
            r = volume_mount(&place, request->id, err);
    }
    return r;
}

int storage_hold(const struct storage_request *request, const char *holder, char **ret_root,
                 struct error *err)
{
    autofree char *directory = layout_volatile(request->layout, request->id);
    autofree char *root = NULL;
    struct error ignored = { 0 };
    int r = files_make_directories(directory, 0700, err);

    if (r >= 0)
        r = mount_root(request, holder, &root, err);
    if (r >= 0)
        r = hold_volumes(request, err);
    if (r < 0)
        (void)storage_let_go(request, holder, &ignored);
    else
        *ret_root = steal_ptr(root);
    return r;
}

int storage_let_go(const struct storage_request *request, const char *holder, struct error *err)
{
    const struct mount_config *mounts = request->config->mounts.items;
    int result = 0;
    int r;

    for (size_t i = 0; i < request->config->mounts.count; i++) {
        if (!is_volume(&mounts[i]))
            continue;
        r = volume_unmount(request->layout, mounts[i].source, request->id, err);
        result = result < 0 ? result : r;
    }
    r = rootfs_unmount(request->layout, request->id, holder, err);
    return result < 0 ? result : r;
}

int storage_remove(const struct layout *layout, const char *id, const struct text_list *doomed,
                   struct outcome *outcome)
{
    struct error err = { 0 };

    if (rootfs_remove(layout, id, &err) < 0)
        return storage_fail(outcome, &err);
    for (size_t i = 0; i < doomed->count; i++) {
        if (volume_remove(layout, doomed->items[i], &err) < 0)
            return storage_fail(outcome, &err);
    }
    return 0;
}
