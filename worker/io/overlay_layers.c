/* Merged layers; see the header. */
#include "worker/io/overlay_layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

/* What one layer says about a path. */
enum answer {
    ASK_BELOW, /* nothing */
    HIDDEN,    /* it is gone: what is below does not count */
    FOUND,
};

bool overlay_is_whiteout(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

bool overlay_is_opaque(int directory_fd)
{
    char value = '\0';

    return fgetxattr(directory_fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

int overlay_layers_open(const char *path, const char *const *links, size_t link_count,
                        struct overlay_layers *ret, struct error *err)
{
    autoclose int directory_fd = -1;

    if (link_count == 0)
        return 0;
    directory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0)
        return error_set_errno(err, "open %s", path);
    ret->fds = mem_zeroed(link_count * sizeof(*ret->fds));
    while (ret->count < link_count) {
        const char *link = links[ret->count];
        int fd = openat(directory_fd, link, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
            return error_set_errno(err, "layer %s/%s", path, link);
        ret->fds[ret->count++] = fd;
    }
    return 0;
}

void overlay_layers_close(struct overlay_layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        (void)close(layers->fds[i]);
    free(layers->fds);
    *layers = (struct overlay_layers){ 0 };
}

/* One step down from `directory_fd`, to a name that is not the last. */
static enum answer step_down(int directory_fd, const char *name, int *ret_fd, bool *ret_is_opaque)
{
    struct stat status;
    int fd;

    if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return ASK_BELOW;
    if (!S_ISDIR(status.st_mode))
        return HIDDEN;
    fd = files_open_beneath(directory_fd, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return ASK_BELOW;
    *ret_is_opaque = *ret_is_opaque || overlay_is_opaque(fd);
    *ret_fd = fd;
    return FOUND;
}

static enum answer find_in_layer(int layer_fd, const char *path, struct stat *ret)
{
    autofree char *names = mem_dup_text(path);
    autoclose int fd = fcntl(layer_fd, F_DUPFD_CLOEXEC, 0);
    bool is_opaque = false;
    char *name = names;
    char *slash;

    while ((slash = strchr(name, '/')) != NULL) {
        int below = -1;
        enum answer answer;

        *slash = '\0';
        answer = step_down(fd, name, &below, &is_opaque);
        if (answer != FOUND)
            return answer == ASK_BELOW && is_opaque ? HIDDEN : answer;
        (void)close(fd);
        fd = below;
        name = slash + 1;
    }
    if (fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW) < 0)
        return is_opaque ? HIDDEN : ASK_BELOW;
    return overlay_is_whiteout(ret) ? HIDDEN : FOUND;
}

bool overlay_layers_find(const struct overlay_layers *layers, const char *path, struct stat *ret)
{
    for (size_t i = 0; i < layers->count; i++) {
        enum answer answer = find_in_layer(layers->fds[i], path, ret);

        if (answer != ASK_BELOW)
            return answer == FOUND;
    }
    return false;
}

static void list_directory(int owned_fd, overlay_layers_name_fn *fn, void *owner)
{
    DIR *directory = fdopendir(owned_fd);
    const struct dirent *entry;

    if (directory == NULL) {
        (void)close(owned_fd);
        return;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fn(owner, entry->d_name);
    }
    (void)closedir(directory);
}

struct listing {
    const struct overlay_layers *layers;
    const char *path;
    overlay_layers_name_fn *fn;
    void *owner;
};

/* Whether a layer's name counts is for all layers together to say. */
static void tell_if_found(void *owner, const char *name)
{
    const struct listing *listing = owner;
    autofree char *path =
        listing->path[0] == '\0' ? mem_dup_text(name) : mem_text("%s/%s", listing->path, name);
    struct stat status;

    if (overlay_layers_find(listing->layers, path, &status))
        listing->fn(listing->owner, name);
}

void overlay_layers_list(const struct overlay_layers *layers, const char *path,
                         overlay_layers_name_fn *fn, void *owner)
{
    struct listing listing = { .layers = layers, .path = path, .fn = fn, .owner = owner };

    for (size_t i = 0; i < layers->count; i++) {
        int fd = files_open_beneath(layers->fds[i], path[0] == '\0' ? "." : path,
                                    O_RDONLY | O_DIRECTORY);

        if (fd >= 0)
            list_directory(fd, tell_if_found, &listing);
    }
}
