/* Files of a container, read; see the header. */
#include "worker/io/contents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/layer_locale.h"
#include "worker/io/mapped_mount.h"
#include "worker/io/process.h"
#include "worker/io/tar_write.h"

void contents_view_done(struct contents_view *view)
{
    auto_close_(&view->root_fd);
    auto_close_(&view->namespace_fd);
}

static int open_of_process(uint32_t pid, const char *what, int flags, int *ret, struct error *err)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
    *ret = open(path, flags | O_CLOEXEC);
    if (*ret >= 0)
        return 0;
    if (errno == ENOENT) /* it gives them back before anybody hears of its end */
        return error_set(err, -ESRCH, "process %u has ended", pid);
    return error_set_errno(err, "open %s of process %u", what, pid);
}

int contents_open_running(uint32_t pid, uint64_t started, struct contents_view *ret,
                          struct error *err)
{
    autoview struct contents_view view = CONTENTS_VIEW_NONE;
    struct process process = { .fd = -1 };
    bool is_gone;
    int r = process_open(pid, started, &process, err);

    if (r < 0)
        return r;
    r = open_of_process(pid, "ns/mnt", O_RDONLY, &view.namespace_fd, err);
    if (r == 0)
        r = open_of_process(pid, "root", O_PATH | O_DIRECTORY, &view.root_fd, err);
    /* It was there before and is there after: no stranger had its pid meanwhile. */
    is_gone = process_is_gone(&process);
    process_done(&process);
    if (is_gone)
        return error_set(err, -ESRCH, "process %u has ended", pid);
    if (r < 0)
        return r;
    *ret = view;
    view = CONTENTS_VIEW_NONE;
    return 0;
}

int contents_open_stopped(const char *rootfs, int *ret, struct error *err)
{
    int fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_set_errno(err, "open %s", rootfs);
    *ret = fd;
    return 0;
}

static void drop_last(struct buffer *path)
{
    while (path->size > 0 && path->data[path->size - 1] != '/')
        path->size--;
    if (path->size > 0)
        path->size--;
}

char *contents_clean_path(const char *path)
{
    struct buffer clean = { 0 };

    while (*path != '\0') {
        size_t size = strcspn(path, "/");

        if (size == 2 && strncmp(path, "..", 2) == 0) {
            drop_last(&clean);
        } else if (size > 0 && !(size == 1 && path[0] == '.')) {
            buffer_append(&clean, "/", 1);
            buffer_append(&clean, path, size);
        }
        path += size + (path[size] == '/');
    }
    if (clean.size == 0)
        buffer_append(&clean, "/", 1);
    buffer_append(&clean, "", 1);
    return (char *)clean.data;
}

/* What follows the mount's destination in `path` ("" for itself); NULL when it is not beneath. */
static const char *path_beneath(const char *path, const char *directory)
{
    size_t size = strlen(directory);

    if (strcmp(directory, "/") == 0)
        return path;
    if (strncmp(path, directory, size) != 0 || (path[size] != '\0' && path[size] != '/'))
        return NULL;
    return path + size;
}

/* The mount that covers `path`, the deepest of them, and of equals the last. */
static const struct contents_mount *find_mount(const struct contents_root *root, const char *path,
                                               const char **ret_rest)
{
    const struct contents_mount *found = NULL;
    size_t found_size = 0;

    for (size_t i = 0; i < root->mount_count; i++) {
        autofree char *destination = contents_clean_path(root->mounts[i].destination);
        size_t size = strlen(destination);
        const char *rest = path_beneath(path, destination);

        if (rest == NULL || (found != NULL && size < found_size))
            continue;
        found = &root->mounts[i];
        found_size = size;
        *ret_rest = rest;
    }
    return found;
}

/* The root when `mount` is NULL. What is mapped has the owners that a run of the container would
 * show the host. */
static int open_mount(const struct contents_root *root, const struct contents_mount *mount,
                      struct error *err)
{
    int fd;

    if (mount != NULL && mount->is_mapped && root->users != NULL)
        return mapped_mount_open(mount->source, root->users, err);
    fd = mount == NULL ? fcntl(root->fd, F_DUPFD_CLOEXEC, 0)
                       : open(mount->source, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, "open %s", mount == NULL ? "the root" : mount->source);
    return fd;
}

int contents_find(const struct contents_root *root, const char *path, struct contents_place *ret,
                  struct error *err)
{
    autofree char *clean = contents_clean_path(path);
    const char *rest = clean;
    const struct contents_mount *mount;
    int fd;

    if (path[0] != '/')
        return error_set(err, -EINVAL, "\"%s\" is not an absolute path in the container", path);
    mount = find_mount(root, clean, &rest);
    fd = open_mount(root, mount, err);
    if (fd < 0)
        return fd;
    ret->fd = fd;
    ret->path = mem_dup_text(rest[0] == '\0' ? "/" : rest);
    ret->is_read_only = mount != NULL && mount->is_read_only;
    return 0;
}

void contents_place_done(struct contents_place *place)
{
    if (place->fd >= 0)
        (void)close(place->fd);
    free(place->path);
    *place = CONTENTS_PLACE_NONE;
}

#define autoplace __attribute__((cleanup(contents_place_done)))

int contents_place_open(const struct contents_place *place, int flags, struct error *err)
{
    struct stat status;
    int fd;

    if (fstat(place->fd, &status) < 0)
        return error_set_errno(err, "look at %s", place->path);
    if (S_ISDIR(status.st_mode))
        return files_open_in_root(place->fd, place->path, flags, err);
    /* A file is mounted there. */
    fd = strcmp(place->path, "/") == 0 ? files_reopen(place->fd, flags) : -ENOTDIR;
    return fd < 0 ? error_set(err, fd, "open %s: %s", place->path, strerrordesc_np(-fd)) : fd;
}

static int open_path(const struct contents_root *root, const char *path, struct error *err)
{
    autoplace struct contents_place place = CONTENTS_PLACE_NONE;
    int r = contents_find(root, path, &place, err);

    if (r >= 0)
        r = contents_place_open(&place, O_PATH, err);
    return r < 0 ? error_set(err, r, "%s in the container: %s", path, strerrordesc_np(-r)) : r;
}

int contents_stat(const struct contents_root *root, const char *path, struct stat *ret,
                  struct error *err)
{
    autoclose int fd = open_path(root, path, err);

    if (fd < 0)
        return fd;
    return fstat(fd, ret) < 0 ? error_set_errno(err, "look at %s", path) : 0;
}

static int write_archive(const struct contents_root *root, int fd, const char *name, int out_fd,
                         struct error *err)
{
    autolocale struct layer_locale locale = { 0 };
    autodestroy(tar_writer) struct tar_writer *writer = NULL;
    int r = layer_locale_enter(&locale, err);

    if (r >= 0)
        r = tar_writer_new(out_fd, root->users, &writer, err);
    if (r >= 0)
        r = tar_writer_add(writer, fd, name, err);
    if (r >= 0)
        r = tar_writer_finish(writer, err);
    return r;
}

int contents_export(const struct contents_root *root, int out_fd, struct error *err)
{
    return write_archive(root, root->fd, "", out_fd, err);
}

/* "/etc/." */
static bool means_what_is_in_it(const char *path)
{
    size_t size = strlen(path);

    return strcmp(path, ".") == 0 || (size >= 2 && strcmp(path + size - 2, "/.") == 0);
}

int contents_copy_out(const struct contents_root *root, const char *path, int out_fd,
                      struct error *err)
{
    autofree char *clean = contents_clean_path(path);
    const char *name = means_what_is_in_it(path) ? "" : strrchr(clean, '/') + 1;
    autoclose int fd = open_path(root, path, err);
    struct stat status;

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0)
        return error_set_errno(err, "look at %s", path);
    if (!S_ISDIR(status.st_mode) && path[strlen(path) - 1] != clean[strlen(clean) - 1])
        return error_set(err, -ENOTDIR, "%s in the container is not a directory", path);
    return write_archive(root, fd, name, out_fd, err);
}
