/* Changes of a container; see the header. */
#include "worker/io/contents_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"
#include "worker/io/overlay_layers.h"
#include "worker/io/tree_size.h"
#include "worker/io/tree_walk.h"

/* The directories above the present entry, by depth. */
struct above {
    char *path;     /* absolute; not told of yet; NULL when it has been */
    bool is_opaque; /* nothing below shows through */
};

struct diff {
    struct overlay_layers layers;
    struct above above[TREE_DEPTH_MAX + 1];
    contents_diff_fn *fn;
    void *owner;
};

/* BEHAVIOUR ST-6: made by whoever mounts there, and not by the container. */
static bool is_left_out(const char *path)
{
    static const char *const paths[] = {
        "/dev", "/etc/hostname", "/etc/hosts",         "/etc/resolv.conf", "/proc",
        "/run", "/run/notify",   "/run/.containerenv", "/run/secrets",     "/sys",
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        if (strcmp(path, paths[i]) == 0)
            return true;
    }
    return false;
}

static void tell(struct diff *diff, enum contents_change change, const char *path, size_t depth)
{
    if (is_left_out(path))
        return;
    for (size_t i = 1; i < depth; i++) {
        autofree char *above = steal_ptr(diff->above[i].path);

        if (above != NULL && !is_left_out(above))
            diff->fn(diff->owner, CONTENTS_MODIFIED, above);
    }
    diff->fn(diff->owner, change, path);
}

static bool is_same_directory(const struct stat *a, const struct stat *b)
{
    return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* An opaque directory of the upper one, whose lower names are gone unless it has them. */
struct missing {
    struct diff *diff;
    const struct tree_entry *entry;
    char **told;
    size_t told_count;
};

static bool was_told(struct missing *missing, const char *name)
{
    for (size_t i = 0; i < missing->told_count; i++) {
        if (strcmp(missing->told[i], name) == 0)
            return true;
    }
    missing->told = mem_resized(missing->told, (missing->told_count + 1) * sizeof(*missing->told));
    missing->told[missing->told_count++] = mem_dup_text(name);
    return false;
}

static void tell_missing(void *owner, const char *name)
{
    struct missing *missing = owner;
    const struct tree_entry *entry = missing->entry;
    autofree char *path =
        entry->path[0] == '\0' ? mem_text("/%s", name) : mem_text("/%s/%s", entry->path, name);
    struct stat status;

    /* A whiteout is told of when the walk comes to it. */
    if (fstatat(entry->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
        !was_told(missing, name))
        tell(missing->diff, CONTENTS_DELETED, path, entry->depth + 1);
}

static void tell_all_missing(struct diff *diff, const struct tree_entry *entry)
{
    struct missing missing = { .diff = diff, .entry = entry };

    overlay_layers_list(&diff->layers, entry->path, tell_missing, &missing);
    for (size_t i = 0; i < missing.told_count; i++)
        free(missing.told[i]);
    free(missing.told);
}

/* What is above no longer counts for this depth; whether lower names show through this one does. */
static void enter_directory(struct diff *diff, const struct tree_entry *entry, char *owned_path)
{
    struct above *above = &diff->above[entry->depth];
    autoclose int fd = openat(entry->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(above->path);
    above->path = owned_path;
    above->is_opaque = (entry->depth > 0 && diff->above[entry->depth - 1].is_opaque) ||
                       (fd >= 0 && overlay_is_opaque(fd));
    if (above->is_opaque)
        tell_all_missing(diff, entry);
}

static int look(void *owner, const struct tree_entry *entry, struct error *err)
{
    struct diff *diff = owner;
    autofree char *path = mem_text("/%s", entry->path);
    struct stat lower;
    bool was_there;

    (void)err;
    if (entry->fd < 0)
        return TREE_SKIP;
    if (entry->depth == 0) {
        enter_directory(diff, entry, NULL);
        return 0;
    }
    was_there = overlay_layers_find(&diff->layers, entry->path, &lower);
    if (overlay_is_whiteout(&entry->status)) {
        if (was_there)
            tell(diff, CONTENTS_DELETED, path, entry->depth);
        return 0;
    }
    if (!was_there)
        tell(diff, CONTENTS_ADDED, path, entry->depth);
    else if (!S_ISDIR(entry->status.st_mode) || !is_same_directory(&entry->status, &lower))
        tell(diff, CONTENTS_MODIFIED, path, entry->depth);
    else {
        enter_directory(diff, entry, steal_ptr(path));
        return 0;
    }
    if (S_ISDIR(entry->status.st_mode))
        enter_directory(diff, entry, NULL);
    return 0;
}

static void diff_done(struct diff *diff)
{
    overlay_layers_close(&diff->layers);
    for (size_t i = 0; i <= TREE_DEPTH_MAX; i++)
        free(diff->above[i].path);
}

static char *upper_path(const struct layout *layout, const char *id)
{
    autofree char *bundle = layout_bundle(layout, id);

    return mem_text("%s/upper", bundle);
}

int contents_diff(const struct rootfs_request *request, contents_diff_fn *fn, void *owner,
                  struct error *err)
{
    static const struct tree_visitor visitor = { .enter = look };
    __attribute__((cleanup(diff_done))) struct diff diff = { .fn = fn, .owner = owner };
    autofree char *upper = upper_path(request->layout, request->id);
    autofree char *links = layout_layer_links(request->layout);
    autoclose int upper_fd = open(upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (upper_fd < 0)
        return errno == ENOENT ? 0 : error_set_errno(err, "open %s", upper);
    r = overlay_layers_open(links, request->links, request->link_count, &diff.layers, err);
    return r < 0 ? r : tree_walk(upper_fd, &visitor, &diff, err);
}

int contents_size(const struct layout *layout, const char *id, uint64_t *ret_bytes,
                  struct error *err)
{
    autofree char *upper = upper_path(layout, id);

    return tree_size_of(upper, ret_bytes, err);
}
