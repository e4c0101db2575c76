/* Overlays of containers; see the header. */
#include "worker/io/rootfs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/holders.h"
#include "worker/io/mounts.h"

/* The directories of one container, absolute and as the options of the mount name them. */
struct places {
    char *links;
    char *bundle;
    char *target;
    char *holders;
    char *upper; /* relative to `links` */
    char *work;
    char *lower; /* of an image without layers: an empty directory; relative to `links` */
};

static void places_init(struct places *places, const struct layout *layout, const char *id)
{
    *places = (struct places){
        .links = layout_layer_links(layout),
        .bundle = layout_bundle(layout, id),
        .target = layout_rootfs(layout, id),
        .holders = layout_rootfs_holders(layout, id),
        .upper = mem_text("../../containers/%s/upper", id),
        .work = mem_text("../../containers/%s/work", id),
        .lower = mem_text("../../containers/%s/lower", id),
    };
}

static void places_done(struct places *places)
{
    free(places->links);
    free(places->bundle);
    free(places->target);
    free(places->holders);
    free(places->upper);
    free(places->work);
    free(places->lower);
}

#define autoplaces __attribute__((cleanup(places_done)))

/* What a call has made, for its undo. */
struct made {
    bool upper;
    bool work;
    bool lower;
    bool target;
    bool holder;
};

/* Every layer must be there: the kernel would name none of them. `ret_top` is the status of the
 * topmost. */
static int check_layers(const struct rootfs_request *request, const char *links,
                        struct stat *ret_top, struct error *err)
{
    autoclose int links_fd = -1;

    *ret_top = (struct stat){ .st_mode = S_IFDIR | 0755 };
    if (request->link_count == 0)
        return 0;
    links_fd = open(links, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (links_fd < 0)
        return error_set_errno(err, "open %s", links);
    for (size_t i = request->link_count; i-- > 0;) {
        const char *link = request->links[i];

        if (link[0] == '\0' || link[0] == '.' || strchr(link, '/') != NULL)
            return error_set(err, -EINVAL, "\"%s\" is no link to a layer", link);
        if (fstatat(links_fd, link, ret_top, 0) < 0)
            return error_set_errno(err, "layer %s/%s", links, link);
        if (!S_ISDIR(ret_top->st_mode))
            return error_set(err, -ENOTDIR, "layer %s/%s is not a directory", links, link);
    }
    return 0;
}

/* Make a directory with owner and mode, or not at all. */
static int make_owned(int parent_fd, const char *name, const struct stat *like, bool *ret_made,
                      struct error *err)
{
    autofree char *fresh = mem_text("%s.new", name);
    struct stat found;

    if (fstatat(parent_fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0)
        return S_ISDIR(found.st_mode) ? 0 : error_set(err, -ENOTDIR, "%s is not a directory", name);
    if (mkdirat(parent_fd, fresh, 0700) < 0 && errno != EEXIST)
        return error_set_errno(err, "make directory %s", fresh);
    if (fchownat(parent_fd, fresh, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(parent_fd, fresh, like->st_mode & 07777, 0) < 0 ||
        renameat(parent_fd, fresh, parent_fd, name) < 0)
        return error_set_errno(err, "make directory %s", name);
    *ret_made = true;
    return 0;
}

static int make_own(const struct rootfs_request *request, const struct places *places,
                    struct made *made, struct error *err)
{
    struct stat private = { .st_mode = S_IFDIR | 0700, .st_uid = geteuid(), .st_gid = getegid() };
    struct stat top;
    autoclose int bundle_fd = -1;
    int r = check_layers(request, places->links, &top, err);

    if (r < 0)
        return r;
    r = files_make_directories(places->bundle, 0700, err);
    /* The options of the mount begin there, also for an image without layers. */
    if (r >= 0)
        r = files_make_directories(places->links, 0700, err);
    if (r < 0)
        return r;
    bundle_fd = open(places->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (bundle_fd < 0)
        return error_set_errno(err, "open %s", places->bundle);
    r = make_owned(bundle_fd, "upper", &top, &made->upper, err);
    if (r >= 0)
        r = make_owned(bundle_fd, "work", &private, &made->work, err);
    if (r >= 0 && request->link_count == 0)
        r = make_owned(bundle_fd, "lower", &top, &made->lower, err);
    return r < 0 ? error_add_context(err, r, "%s", places->bundle) : 0;
}

static void unmake(const struct places *places, const struct made *made)
{
    autoclose int bundle_fd = open(places->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (made->target)
        (void)rmdir(places->target);
    if (bundle_fd < 0)
        return;
    if (made->lower)
        (void)unlinkat(bundle_fd, "lower", AT_REMOVEDIR);
    if (made->work)
        (void)files_remove_tree(bundle_fd, "work", NULL);
    if (made->upper)
        (void)unlinkat(bundle_fd, "upper", AT_REMOVEDIR);
}

static int make_target(const struct places *places, struct made *made, struct error *err)
{
    if (mkdir(places->target, 0700) == 0)
        made->target = true;
    else if (errno != EEXIST)
        return error_set_errno(err, "make directory %s", places->target);
    return 0;
}

static int mount_layers(const struct rootfs_request *request, const struct places *places,
                        const struct mapped_view *view, struct error *err)
{
    const char *empty[] = { places->lower };
    bool has_layers = request->link_count > 0;
    struct overlay_request overlay = {
        .directory = places->links,
        .lower = has_layers ? request->links : empty,
        .lower_count = has_layers ? request->link_count : 1,
        .upper = places->upper,
        .work = places->work,
        .target = places->target,
        .options = request->is_privileged ? NULL : "nodev",
        .view = view,
    };

    return mounts_overlay(&overlay, err);
}

static int mount_overlay(const struct rootfs_request *request, const struct places *places,
                         struct error *err)
{
    autofree char *storage = layout_storage(request->layout);
    const char *const directories[] = { storage, places->bundle };
    const struct mapped_view view = { .users = request->users,
                                      .directories = directories,
                                      .directory_count = 2 };

    return mount_layers(request, places, request->users == NULL ? NULL : &view, err);
}

/* Under the lock. */
static int mount_held(const struct rootfs_request *request, const struct places *places,
                      struct made *made, struct error *err)
{
    int r;

    if (mounts_is_overlay(places->target))
        return 0;
    r = make_own(request, places, made, err);
    if (r >= 0)
        r = make_target(places, made, err);
    return r < 0 ? r : mount_overlay(request, places, err);
}

int rootfs_make(const struct rootfs_request *request, struct error *err)
{
    autoplaces struct places places;
    struct made made = { 0 };
    int r;

    places_init(&places, request->layout, request->id);
    r = make_own(request, &places, &made, err);
    if (r < 0)
        unmake(&places, &made);
    return r < 0 ? error_add_context(err, r, "root filesystem") : 0;
}

int rootfs_mount(const struct rootfs_request *request, const char *holder, struct error *err)
{
    autoplaces struct places places;
    autoholders struct holders holders = HOLDERS_NONE;
    struct made made = { 0 };
    int r;

    places_init(&places, request->layout, request->id);
    r = holders_open(places.holders, &holders, err);
    if (r < 0)
        return error_add_context(err, r, "root filesystem");
    r = holders_add(&holders, holder, err);
    made.holder = r > 0;
    if (r >= 0)
        r = mount_held(request, &places, &made, err);
    if (r >= 0)
        return 0;
    unmake(&places, &made);
    if (made.holder)
        (void)holders_drop(&holders, holder, NULL);
    return error_add_context(err, r, "root filesystem");
}

/* Under the lock: unmount when nobody is left. */
static int settle(const struct places *places, const struct holders *holders, struct error *err)
{
    size_t count = 0;
    int r = holders_count(holders, &count, NULL, err);

    if (r < 0 || count > 0)
        return r;
    r = mounts_detach_beneath(places->target, err);
    if (r < 0)
        return r;
    (void)rmdir(places->target);
    (void)rmdir(places->holders);
    return 0;
}

/* Without the directory there is neither a holder nor, but for a crash, a mount. */
static bool is_untouched(const struct places *places)
{
    return access(places->holders, F_OK) < 0 && !mounts_is_mounted(places->target);
}

int rootfs_unmount(const struct layout *layout, const char *id, const char *holder,
                   struct error *err)
{
    autoplaces struct places places;
    autoholders struct holders holders = HOLDERS_NONE;
    int r;

    places_init(&places, layout, id);
    if (is_untouched(&places))
        return 0;
    r = holders_open(places.holders, &holders, err);
    if (r >= 0)
        r = holders_drop(&holders, holder, err);
    if (r >= 0)
        r = settle(&places, &holders, err);
    return r < 0 ? error_add_context(err, r, "root filesystem") : 0;
}

static void drop_any(void *owner, const struct holders *holders, const char *name)
{
    (void)owner;
    (void)holders_drop(holders, name, NULL);
}

static void drop_passing(void *owner, const struct holders *holders, const char *name)
{
    if (strcmp(name, ROOTFS_HOLDER_RUN) != 0 && strcmp(name, ROOTFS_HOLDER_OPERATOR) != 0)
        drop_any(owner, holders, name);
}

int rootfs_sweep(const struct layout *layout, const char *id, bool is_new_boot, struct error *err)
{
    autoplaces struct places places;
    autoholders struct holders holders = HOLDERS_NONE;
    int r;

    places_init(&places, layout, id);
    if (is_untouched(&places))
        return 0;
    r = holders_open(places.holders, &holders, err);
    if (r >= 0)
        r = holders_each(&holders, is_new_boot ? drop_any : drop_passing, NULL, err);
    if (r >= 0)
        r = settle(&places, &holders, err);
    return r < 0 ? error_add_context(err, r, "root filesystem") : 0;
}

bool rootfs_is_mounted(const struct layout *layout, const char *id)
{
    autofree char *target = layout_rootfs(layout, id);

    return mounts_is_overlay(target);
}

/* Relative to STATE/containers/<id>. */
static int remove_own(const struct places *places, struct error *err)
{
    static const char *const names[] = { "upper",     "work",     "lower",
                                         "upper.new", "work.new", "lower.new" };
    autoclose int bundle_fd = open(places->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (bundle_fd < 0)
        return errno == ENOENT ? 0 : error_set_errno(err, "open %s", places->bundle);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int r = files_remove_tree(bundle_fd, names[i], err);

        if (r < 0)
            return r;
    }
    return 0;
}

int rootfs_remove(const struct layout *layout, const char *id, struct error *err)
{
    autoplaces struct places places;
    int r;

    places_init(&places, layout, id);
    r = mounts_detach_beneath(places.target, err);
    if (r >= 0)
        r = files_remove_tree(AT_FDCWD, places.holders, err);
    if (r >= 0)
        r = files_remove_tree(AT_FDCWD, places.target, err);
    if (r >= 0)
        r = remove_own(&places, err);
    return r < 0 ? error_add_context(err, r, "root filesystem") : 0;
}
