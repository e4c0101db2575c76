/* What streams give of a container's files; see the header. */
#include "worker/io/contents_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/contents.h"
#include "worker/io/contents_diff.h"
#include "worker/io/contents_hold.h"
#include "worker/io/rootfs_mount.h"
#include "worker/io/storage.h"
#include "worker/io/tree_size.h"

#define LINES_BYTES_MAX (64 * 1024)

static bool is_of_directory(const struct contents_subject *subject)
{
    return subject->config->rootfs != NULL;
}

static int rootfs_of(const struct contents_subject *subject, struct arena *arena,
                     struct rootfs_request *ret, struct error *err)
{
    const struct storage_request storage = { .layout = subject->layout,
                                             .images = subject->images,
                                             .id = subject->id,
                                             .config = subject->config };

    return storage_rootfs_request(&storage, arena, ret, err);
}

/* Not contents_hold_open(): a run may begin or end meanwhile, and its volumes are its own.
 *
 * Mount it for us, unless it is a directory of the host, and open its root. */
static int hold(const struct contents_subject *subject, struct user_namespace *users, int *ret_fd,
                struct error *err)
{
    autoarena arena = { 0 };
    autofree char *directory = layout_volatile(subject->layout, subject->id);
    autofree char *root = layout_rootfs(subject->layout, subject->id);
    struct rootfs_request request;
    int r;

    if (is_of_directory(subject))
        return contents_open_stopped(subject->config->rootfs, ret_fd, err);
    r = files_make_directories(directory, 0700, err);
    if (r >= 0)
        r = rootfs_of(subject, &arena, &request, err);
    if (r >= 0) {
        request.users = users;
        r = rootfs_mount(&request, subject->holder, err);
    }
    return r < 0 ? r : contents_open_stopped(root, ret_fd, err);
}

/* Let go; the descriptor first, which would keep the mount busy. */
static int release(const struct contents_subject *subject, int fd, int result, struct error *err)
{
    struct error why = { 0 };
    int r = 0;

    if (fd >= 0)
        (void)close(fd);
    if (!is_of_directory(subject))
        r = rootfs_unmount(subject->layout, subject->id, subject->holder, &why);
    if (result < 0 || r >= 0)
        return result < 0 ? result : 0;
    return error_set(err, r, "%s", why.text);
}

int contents_stream_export(const struct contents_subject *subject, int fd, struct error *err)
{
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    struct contents_root root = { .fd = -1 };
    int r = user_namespace_new(subject->config, &users, err);

    root.users = users;
    if (r >= 0)
        r = hold(subject, users, &root.fd, err);
    if (r >= 0)
        r = contents_export(&root, fd, err);
    return release(subject, root.fd, r, err);
}

static int archive_stopped(const struct contents_subject *subject, struct user_namespace *users,
                           const char *path, int fd, struct error *err)
{
    autoarena arena = { 0 };
    struct contents_root root = { .fd = -1, .users = users };
    int r = hold(subject, users, &root.fd, err);

    contents_list_mounts(subject->layout, subject->config, &arena, &root);
    if (r >= 0)
        r = contents_copy_out(&root, path, fd, err);
    return release(subject, root.fd, r, err);
}

int contents_stream_archive(const struct contents_subject *subject, const char *path, int fd,
                            struct error *err)
{
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    autoview struct contents_view view = CONTENTS_VIEW_NONE;
    struct contents_root root = { .fd = -1 };
    int r = user_namespace_new(subject->config, &users, err);

    if (r >= 0)
        r = subject->pid != 0
                ? contents_open_running(subject->pid, subject->pid_started, &view, err)
                : -ESRCH;
    if (r == -ESRCH) {
        if (err != NULL)
            *err = (struct error){ 0 };
        return archive_stopped(subject, users, path, fd, err);
    }
    root.fd = view.root_fd;
    root.users = users;
    return r < 0 ? r : contents_copy_out(&root, path, fd, err);
}

/* --- lines */

struct lines {
    struct buffer text;
    int fd;
    int result; /* of the first write that failed */
};

static void flush(struct lines *lines)
{
    if (lines->result == 0)
        lines->result = files_write_all(lines->fd, buffer_bytes(&lines->text));
    lines->text.size = 0;
}

static void on_change(void *owner, enum contents_change change, const char *path)
{
    static const char *const words[] = {
        [CONTENTS_ADDED] = "A ", [CONTENTS_MODIFIED] = "C ", [CONTENTS_DELETED] = "D "
    };
    struct lines *lines = owner;

    buffer_append(&lines->text, words[change], 2);
    buffer_append(&lines->text, path, strlen(path));
    buffer_append(&lines->text, "\n", 1);
    if (lines->text.size >= LINES_BYTES_MAX)
        flush(lines);
}

static int finish(struct lines *lines, int result, struct error *err)
{
    flush(lines);
    buffer_done(&lines->text);
    if (result == 0 && lines->result < 0)
        return error_set(err, lines->result, "write: %s", strerrordesc_np(-lines->result));
    return result;
}

int contents_stream_diff(const struct contents_subject *subject, int fd, struct error *err)
{
    autoarena arena = { 0 };
    struct rootfs_request request;
    struct lines lines = { .fd = fd };
    int r;

    if (is_of_directory(subject))
        return error_set(err, -EINVAL,
                         "container %.12s was made from a directory: there is no image to compare "
                         "it with",
                         subject->id);
    r = rootfs_of(subject, &arena, &request, err);
    if (r >= 0)
        r = contents_diff(&request, on_change, &lines, err);
    return finish(&lines, r < 0 ? r : 0, err);
}

int contents_stream_sizes(const struct contents_subject *subject, int fd, struct error *err)
{
    struct lines lines = { .fd = fd };
    uint64_t written = 0;
    uint64_t all = 0;
    char line[128];
    int r;

    if (is_of_directory(subject)) {
        r = tree_size_of(subject->config->rootfs, &all, err);
    } else {
        r = contents_size(subject->layout, subject->id, &written, err);
        all = written + subject->image_bytes;
    }
    if (r < 0)
        return r;
    (void)snprintf(line, sizeof(line), "%s %llu %llu\n", subject->id, (unsigned long long)written,
                   (unsigned long long)all);
    buffer_append(&lines.text, line, strlen(line));
    return finish(&lines, 0, err);
}
