/* Mounts through libmount; see the header. */
#include "worker/io/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/mem.h"
#include "worker/io/id_scope.h"
#include "worker/io/mapped_mount.h"

#define MOUNT_TABLE  "/proc/self/mountinfo"
#define REASON_SIZE  256
#define OPTIONS_SIZE 4096 /* mount(2) takes one page */

static int open_table(struct libmnt_table **ret, struct error *err)
{
    struct libmnt_table *table = mnt_new_table_from_file(MOUNT_TABLE);

    if (table == NULL)
        return error_set(err, -EIO, "%s cannot be read", MOUNT_TABLE);
    *ret = table;
    return 0;
}

static void close_table(struct libmnt_table **table)
{
    mnt_unref_table(*table);
}

static void close_iter(struct libmnt_iter **iter)
{
    mnt_free_iter(*iter);
}

#define autotable __attribute__((cleanup(close_table)))
#define autoiter  __attribute__((cleanup(close_iter)))

int mounts_each(mount_entry_fn *fn, void *owner, struct error *err)
{
    autotable struct libmnt_table *table = NULL;
    autoiter struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *fs = NULL;
    int r = open_table(&table, err);

    if (r < 0)
        return r;
    while (mnt_table_next_fs(table, iter, &fs) == 0) {
        struct mount_entry entry = {
            .type = mnt_fs_get_fstype(fs),
            .target = mnt_fs_get_target(fs),
            .options = mnt_fs_get_fs_options(fs),
        };

        if (entry.options == NULL)
            entry.options = "";
        if (entry.type != NULL && entry.target != NULL)
            fn(owner, &entry);
    }
    return 0;
}

static bool is_beneath(const char *target, const char *path)
{
    size_t size = strlen(path);

    return strncmp(target, path, size) == 0 && (target[size] == '\0' || target[size] == '/');
}

int mounts_detach_beneath(const char *path, struct error *err)
{
    autotable struct libmnt_table *table = NULL;
    autoiter struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
    struct libmnt_fs *fs = NULL;
    int r = open_table(&table, err);

    if (r < 0)
        return r;
    while (mnt_table_next_fs(table, iter, &fs) == 0) {
        const char *target = mnt_fs_get_target(fs);

        if (target == NULL || !is_beneath(target, path))
            continue;
        if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
            return error_set_errno(err, "unmount %s", target);
    }
    return 0;
}

/* The id of the mount that `path` shows, and whether it is where that begins. */
static bool look_at(const char *path, uint64_t *ret_mount_id, bool *ret_is_root)
{
    struct statx status;

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) < 0)
        return false;
    *ret_mount_id = status.stx_mnt_id;
    *ret_is_root = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return true;
}

bool mounts_is_mounted(const char *path)
{
    uint64_t mount_id;
    bool is_root;

    return look_at(path, &mount_id, &is_root) && is_root;
}

bool mounts_is_overlay(const char *path)
{
    struct statfs status;

    return mounts_is_mounted(path) && statfs(path, &status) == 0 &&
           status.f_type == OVERLAYFS_SUPER_MAGIC;
}

static void close_context(struct libmnt_context **context)
{
    mnt_free_context(*context);
}

#define autocontext __attribute__((cleanup(close_context)))

/* "remount" and "move" are about another mount than the one asked for; "X-mount.mkdir" and its
 * like are work beside the mount, by paths. */
static int check_options(const struct mount_request *request, struct error *err)
{
    static const char *const refused[] = { "remount", "move", "X-", "x-", "helper=", "uhelper=" };
    const char *word = request->options;

    while (word != NULL && *word != '\0') {
        size_t size = strcspn(word, ",");

        for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
            if (strncmp(word, refused[i], strlen(refused[i])) == 0)
                return error_set(err, -EINVAL, "mount %s: the option \"%.*s\" is not for here",
                                 request->target, (int)size, word);
        }
        word += size + (word[size] == ',');
    }
    return 0;
}

/* Nothing but what the request says: no table of the system's, no program of the file system's. */
static struct libmnt_context *make_context(const struct mount_request *request)
{
    struct libmnt_context *context = mnt_new_context();

    if (context == NULL || mnt_context_disable_helpers(context, 1) != 0 ||
        mnt_context_disable_mtab(context, 1) != 0 ||
        mnt_context_set_optsmode(context, MNT_OMODE_NOTAB) != 0 ||
        mnt_context_disable_canonicalize(context, request->directory != NULL) != 0 ||
        mnt_context_set_source(context, request->source) != 0 ||
        mnt_context_set_target(context, request->target) != 0 ||
        mnt_context_set_fstype(context, request->type) != 0 ||
        mnt_context_set_options(context, request->options) != 0) {
        mnt_free_context(context);
        return NULL;
    }
    return context;
}

/* The reason of a failed mount; the errno is the kernel's when it was asked at all. */
static int explain(struct libmnt_context *context, const struct mount_request *request, int result,
                   struct error *err)
{
    char reason[REASON_SIZE] = "";
    int code = -EINVAL;

    if (mnt_context_syscall_called(context) && mnt_context_get_syscall_errno(context) > 0)
        code = -mnt_context_get_syscall_errno(context);
    else if (result < 0 && result > -MNT_ERR_NOFSTAB)
        code = result;
    (void)mnt_context_get_excode(context, result, reason, sizeof(reason));
    return error_set(err, code, "mount %s: %s (%s)", request->target,
                     reason[0] != '\0' ? reason : "refused", strerrordesc_np(-code));
}

/* In the working directory of this thread. */
static int make_here(const struct mount_request *request, struct error *err)
{
    autocontext struct libmnt_context *context = make_context(request);
    uint64_t before = 0;
    uint64_t after = 0;
    bool is_root = false;
    int r;

    if (context == NULL)
        return error_set(err, -EINVAL, "mount %s: its options cannot be read: %s", request->target,
                         request->options == NULL ? "" : request->options);
    if (!look_at(request->target, &before, &is_root))
        return error_set_errno(err, "mount %s", request->target);
    r = mnt_context_mount(context);
    if (r == 0 && mnt_context_get_status(context) == 1)
        return 0;
    r = explain(context, request, r, err);
    /* A bind is several calls; the first of them may have worked. */
    if (look_at(request->target, &after, &is_root) && is_root && after != before)
        (void)umount2(request->target, MNT_DETACH | UMOUNT_NOFOLLOW);
    return r;
}

/* A mount with relative paths: the working directory belongs to all threads that share it, so it
 * is made on one that does not. */
struct relative_mount {
    const struct mount_request *request;
    int made_fd; /* with a view: the mount, which is nowhere yet */
    int result;
    struct error err;
};

static int make_in_directory(const struct mount_request *request, struct error *err)
{
    if (chdir(request->directory) < 0)
        return error_set_errno(err, "mount %s: enter %s", request->target, request->directory);
    return make_here(request, err);
}

/* Put over each of its directories what is there, with other owners. */
static int enter_view(const struct mapped_view *view, struct error *err)
{
    int r = mounts_set_propagation("/", "rprivate", err);

    for (size_t i = 0; i < view->directory_count && r >= 0; i++) {
        autoclose int fd = mapped_mount_open(view->directories[i], view->users, err);

        r = fd < 0 ? fd : mapped_mount_attach(fd, view->directories[i], err);
    }
    return r;
}

/* The thread has a mount namespace of its own, which ends with it, or with the worker: whatever is
 * mounted on the way leaves nothing behind. */
static int make_in_view(struct relative_mount *mount, struct error *err)
{
    const struct mount_request *request = mount->request;
    autoscope struct id_scope scope = { 0 };
    int r = enter_view(request->view, err);

    if (r >= 0)
        r = id_scope_enter(&scope, request->view->users, err);
    if (r >= 0)
        r = make_in_directory(request, err);
    if (r >= 0)
        r = mount->made_fd = mapped_mount_detached(request->target, err);
    return r;
}

static void *make_relative(void *arg)
{
    struct relative_mount *mount = arg;
    bool has_view = mount->request->view != NULL;

    if (unshare(has_view ? CLONE_FS | CLONE_NEWNS : CLONE_FS) < 0)
        mount->result =
            error_set_errno(&mount->err, "mount %s: work apart", mount->request->target);
    else if (has_view)
        mount->result = make_in_view(mount, &mount->err);
    else
        mount->result = make_in_directory(mount->request, &mount->err);
    return NULL;
}

static int make_on_thread(const struct mount_request *request, struct error *err)
{
    struct relative_mount mount = { .request = request, .made_fd = -1 };
    autoclose int made_fd = -1;
    pthread_t thread;
    int r = pthread_create(&thread, NULL, make_relative, &mount);

    if (r != 0)
        return error_set(err, -r, "mount %s: start a thread: %s", request->target,
                         strerrordesc_np(r));
    (void)pthread_join(thread, NULL);
    made_fd = mount.made_fd;
    if (mount.result < 0)
        return error_set(err, mount.result, "%s", mount.err.text);
    /* What was made in a view appears where it belongs. */
    return made_fd < 0 ? 0 : mounts_attach(made_fd, request->target, err);
}

int mounts_make(const struct mount_request *request, struct error *err)
{
    int r = check_options(request, err);

    if (r < 0)
        return r;
    return request->directory == NULL ? make_here(request, err) : make_on_thread(request, err);
}

static void append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

/* The kernel cuts the paths at these characters. */
static int append_path(struct buffer *options, const char *name, const char *path,
                       struct error *err)
{
    if (path[0] == '\0' || strpbrk(path, ":,\\\"") != NULL)
        return error_set(err, -EINVAL, "\"%s\" cannot be part of an overlay", path);
    append_text(options, name);
    append_text(options, path);
    return 0;
}

static int append_layers(struct buffer *options, const struct overlay_request *request,
                         struct error *err)
{
    if (request->lower_count == 0 || request->lower_count > MOUNTS_LAYERS_MAX)
        return error_set(err, -EINVAL, "%zu layers: an overlay has 1 to %d", request->lower_count,
                         MOUNTS_LAYERS_MAX);
    for (size_t i = 0; i < request->lower_count; i++) {
        int r = append_path(options, i == 0 ? "lowerdir=" : ":", request->lower[i], err);

        if (r < 0)
            return r;
    }
    return 0;
}

static int write_overlay_options(const struct overlay_request *request, struct buffer *ret,
                                 struct error *err)
{
    int r = append_layers(ret, request, err);

    if (r >= 0)
        r = append_path(ret, ",upperdir=", request->upper, err);
    if (r >= 0)
        r = append_path(ret, ",workdir=", request->work, err);
    if (r < 0)
        return r;
    append_text(ret, ",index=off,redirect_dir=nofollow,metacopy=off");
    if (ret->size >= OPTIONS_SIZE)
        return error_set(err, -E2BIG,
                         "the names of %zu layers do not fit one page: they need shorter links",
                         request->lower_count);
    append_text(ret, ",private");
    if (request->options != NULL && request->options[0] != '\0') {
        append_text(ret, ",");
        append_text(ret, request->options);
    }
    buffer_append(ret, "", 1);
    return 0;
}

int mounts_overlay(const struct overlay_request *request, struct error *err)
{
    struct buffer options = { 0 };
    int r = write_overlay_options(request, &options, err);

    if (r < 0) {
        r = error_add_context(err, r, "mount %s", request->target);
    } else {
        struct mount_request mount = {
            .type = "overlay",
            .source = "overlay",
            .target = request->target,
            .options = (const char *)options.data,
            .directory = request->directory,
            .view = request->view,
        };

        r = mounts_make(&mount, err);
    }
    buffer_done(&options);
    return r;
}

int mounts_set_propagation(const char *path, const char *propagation, struct error *err)
{
    struct mount_request request = { .source = "none", .target = path, .options = propagation };

    return mounts_make(&request, err);
}

int mounts_attach(int fd, const char *target, struct error *err)
{
    int r = mapped_mount_attach(fd, target, err);

    if (r < 0)
        return r;
    /* A mount that comes to where mounts are shared has become a shared one. */
    r = mounts_set_propagation(target, "private", err);
    if (r < 0)
        (void)mounts_detach(target, NULL);
    return r;
}

int mounts_detach(const char *path, struct error *err)
{
    if (!mounts_is_mounted(path))
        return 0;
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return error_set_errno(err, "unmount %s", path);
    return 0;
}
