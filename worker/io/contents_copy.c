/* Copying into a container; see the header. */
#include "worker/io/contents_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/id_scope.h"
#include "worker/io/layer_locale.h"
#include "worker/io/tar_read.h"

#define FRESH_NAME_SIZE 64

/* One call of contents_copy_in(). */
struct unpacking {
    const struct contents_root *root;
    const struct contents_copy *copy;
    struct tar_reader *reader;
    char *base;       /* where the entries go, in the container */
    char *first_name; /* of the archive's top entry: becomes `new_name`; NULL: names stay */
    char *new_name;
    bool is_into_file; /* the destination is a file, whose content becomes the archive's */
};

/* The directory above a path, opened as the container would find it, and the name in it. */
struct spot {
    int directory_fd;
    char *name;
};

static void spot_done(struct spot *spot)
{
    if (spot->directory_fd >= 0)
        (void)close(spot->directory_fd);
    free(spot->name);
}

#define autospot  __attribute__((cleanup(spot_done)))
#define autoplace __attribute__((cleanup(contents_place_done)))
#define NO_SPOT            \
    (struct spot)          \
    {                      \
        .directory_fd = -1 \
    }

/* "/a" and "b" make "/a/b". */
static char *join(const char *directory, const char *name)
{
    size_t size = strlen(directory);

    return mem_text("%s%s%s", directory, size > 0 && directory[size - 1] == '/' ? "" : "/", name);
}

/* A directory in the container, to write into. */
static int open_directory(const struct contents_root *root, const char *path, struct error *err)
{
    autoplace struct contents_place place = CONTENTS_PLACE_NONE;
    int r = contents_find(root, path, &place, err);

    if (r < 0)
        return r;
    if (place.is_read_only)
        return error_set(err, -EROFS, "%s in the container is on a read-only mount", path);
    return contents_place_open(&place, O_PATH | O_DIRECTORY, err);
}

static int find_spot(const struct contents_root *root, const char *path, struct spot *ret,
                     struct error *err)
{
    autofree char *clean = contents_clean_path(path);
    char *slash = strrchr(clean, '/');
    autofree char *name = mem_dup_text(slash + 1);

    if (name[0] == '\0')
        return error_set(err, -EINVAL, "the root directory cannot be replaced");
    slash[slash == clean] = '\0';
    ret->directory_fd = open_directory(root, clean, err);
    if (ret->directory_fd < 0)
        return error_add_context(err, ret->directory_fd, "copy to %s", path);
    ret->name = steal_ptr(name);
    return 0;
}

/* Where an entry goes; NULL when it is not beneath what is being renamed. */
static char *path_of(const struct unpacking *unpacking, const char *path)
{
    size_t size;

    if (unpacking->first_name == NULL)
        return path[0] == '\0' ? mem_dup_text(unpacking->base) : join(unpacking->base, path);
    size = strlen(unpacking->first_name);
    if (strncmp(path, unpacking->first_name, size) != 0 ||
        (path[size] != '\0' && path[size] != '/'))
        return NULL;
    return mem_text("%s%s%s", unpacking->base, unpacking->new_name, path + size);
}

/* As the host has it. */
static int owner_of(const struct unpacking *unpacking, const struct tar_entry *entry,
                    uid_t *ret_uid, gid_t *ret_gid, struct error *err)
{
    const struct contents_copy *copy = unpacking->copy;
    const struct user_namespace *users = unpacking->root->users;
    int r;

    *ret_uid = copy->has_owner ? copy->uid : entry->status.st_uid;
    *ret_gid = copy->has_owner ? copy->gid : entry->status.st_gid;
    r = users == NULL ? 0 : user_namespace_owner(users, ret_uid, ret_gid, err);
    return r < 0 ? error_add_context(err, r, "%s", entry->path) : 0;
}

/* The owner first: changing it takes capabilities and set-user-id bits away. */
static int fill(const struct unpacking *unpacking, const struct tar_entry *entry, int fd,
                struct error *err)
{
    const struct timespec times[2] = { entry->status.st_mtim, entry->status.st_mtim };
    uid_t uid;
    gid_t gid;
    int r = owner_of(unpacking, entry, &uid, &gid, err);

    if (r < 0)
        return r;
    if (fchown(fd, uid, gid) < 0)
        return error_set_errno(err, "owner of %s", entry->path);
    r = tar_reader_extract(unpacking->reader, fd, err);
    if (r < 0)
        return r;
    if (fchmod(fd, entry->status.st_mode & 07777) < 0 || futimens(fd, times) < 0)
        return error_set_errno(err, "mode of %s", entry->path);
    return 0;
}

/* Make way for a new entry. A directory stays. */
static int clear(const struct spot *spot, const struct tar_entry *entry, struct error *err)
{
    if (unlinkat(spot->directory_fd, spot->name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno == EISDIR)
        return error_set(err, -EISDIR, "%s is a directory in the container", entry->path);
    return error_set_errno(err, "replace %s", entry->path);
}

/* Of this process; a container that has such a file in the way of a copy has meant it so. */
static void write_fresh_name(char ret[FRESH_NAME_SIZE])
{
    static atomic_uint count;

    (void)snprintf(ret, FRESH_NAME_SIZE, ".gantry-copy-%d-%u", (int)getpid(),
                   atomic_fetch_add(&count, 1));
}

/* Made under a name of its own, so that there is the old file or the whole new one. */
static int unpack_file(const struct unpacking *unpacking, const struct spot *spot,
                       const struct tar_entry *entry, struct error *err)
{
    char fresh[FRESH_NAME_SIZE];
    autoclose int fd = -1;
    int r;

    write_fresh_name(fresh);
    fd = openat(spot->directory_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0600);
    if (fd < 0)
        return error_set_errno(err, "make %s", entry->path);
    r = fill(unpacking, entry, fd, err);
    if (r >= 0 && renameat(spot->directory_fd, fresh, spot->directory_fd, spot->name) < 0)
        r = error_set_errno(err, "make %s", entry->path);
    if (r < 0)
        (void)unlinkat(spot->directory_fd, fresh, 0);
    return r;
}

static int unpack_directory(const struct unpacking *unpacking, const struct spot *spot,
                            const struct tar_entry *entry, struct error *err)
{
    autoclose int fd = -1;

    if (mkdirat(spot->directory_fd, spot->name, 0700) < 0) {
        struct stat status;

        if (errno != EEXIST)
            return error_set_errno(err, "make %s", entry->path);
        /* A link to a directory will do: what goes into it is resolved in the container. */
        if (fstatat(spot->directory_fd, spot->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode)))
            return 0;
        return error_set(err, -ENOTDIR, "%s is no directory in the container", entry->path);
    }
    fd = files_open_beneath(spot->directory_fd, spot->name, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return error_set(err, fd, "open %s: %s", entry->path, strerrordesc_np(-fd));
    return fill(unpacking, entry, fd, err);
}

static int unpack_link(const struct unpacking *unpacking, const struct spot *spot,
                       const struct tar_entry *entry, struct error *err)
{
    uid_t uid;
    gid_t gid;
    int r = owner_of(unpacking, entry, &uid, &gid, err);

    if (r >= 0)
        r = clear(spot, entry, err);
    if (r < 0)
        return r;
    if (symlinkat(entry->link, spot->directory_fd, spot->name) < 0 ||
        fchownat(spot->directory_fd, spot->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(err, "make the link %s", entry->path);
    return 0;
}

static int unpack_hard_link(const struct unpacking *unpacking, const struct spot *spot,
                            const struct tar_entry *entry, struct error *err)
{
    autofree char *target = path_of(unpacking, entry->hard_link);
    autospot struct spot first = NO_SPOT;
    autoclose int fd = -1;
    char path[64];
    int r;

    if (target == NULL)
        return error_set(err, -EINVAL, "%s is a link to %s, which is not in the archive",
                         entry->path, entry->hard_link);
    r = find_spot(unpacking->root, target, &first, err);
    if (r < 0)
        return r;
    fd = files_open_beneath(first.directory_fd, first.name, O_PATH);
    if (fd < 0)
        return error_set(err, fd, "link %s to %s: %s", entry->path, entry->hard_link,
                         strerrordesc_np(-fd));
    r = clear(spot, entry, err);
    if (r < 0)
        return r;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, spot->directory_fd, spot->name, AT_SYMLINK_FOLLOW) < 0)
        return error_set_errno(err, "link %s to %s", entry->path, entry->hard_link);
    return 0;
}

static int unpack_fifo(const struct spot *spot, const struct tar_entry *entry, struct error *err)
{
    int r = clear(spot, entry, err);

    if (r < 0)
        return r;
    if (mkfifoat(spot->directory_fd, spot->name, entry->status.st_mode & 0777) < 0)
        return error_set_errno(err, "make %s", entry->path);
    return 0;
}

static int unpack_at(const struct unpacking *unpacking, const struct spot *spot,
                     const struct tar_entry *entry, struct error *err)
{
    if (entry->hard_link != NULL)
        return unpack_hard_link(unpacking, spot, entry, err);
    if (S_ISREG(entry->status.st_mode))
        return unpack_file(unpacking, spot, entry, err);
    if (S_ISDIR(entry->status.st_mode))
        return unpack_directory(unpacking, spot, entry, err);
    if (S_ISLNK(entry->status.st_mode) && entry->link != NULL)
        return unpack_link(unpacking, spot, entry, err);
    if (S_ISFIFO(entry->status.st_mode))
        return unpack_fifo(spot, entry, err);
    return error_set(err, -EPERM, "%s is a device file: those are not copied", entry->path);
}

/* Into the file that the destination leads to: it keeps its inode, so it may be a bind mount. */
static int unpack_into_file(const struct unpacking *unpacking, const struct tar_entry *entry,
                            struct error *err)
{
    autoplace struct contents_place place = CONTENTS_PLACE_NONE;
    autoclose int path_fd = -1;
    autoclose int fd = -1;
    int r = contents_find(unpacking->root, unpacking->copy->destination, &place, err);

    if (r < 0)
        return r;
    if (place.is_read_only)
        return error_set(err, -EROFS, "%s in the container is on a read-only mount",
                         unpacking->copy->destination);
    path_fd = contents_place_open(&place, O_PATH, err);
    if (path_fd < 0)
        return path_fd;
    fd = files_reopen(path_fd, O_WRONLY | O_TRUNC | O_NOCTTY);
    if (fd < 0)
        return error_set(err, fd, "open %s: %s", unpacking->copy->destination,
                         strerrordesc_np(-fd));
    return fill(unpacking, entry, fd, err);
}

static int unpack(const struct unpacking *unpacking, const struct tar_entry *entry,
                  struct error *err)
{
    autofree char *path = path_of(unpacking, entry->path);
    autospot struct spot spot = NO_SPOT;
    int r;

    if (path == NULL)
        return error_set(err, -EINVAL, "the archive has more than \"%s\" at its top: %s",
                         unpacking->first_name, entry->path);
    if (unpacking->is_into_file)
        return unpack_into_file(unpacking, entry, err);
    if (strcmp(path, "/") == 0 || (entry->path[0] == '\0' && unpacking->first_name == NULL))
        return 0; /* the destination itself, which is there */
    r = find_spot(unpacking->root, path, &spot, err);
    return r < 0 ? r : unpack_at(unpacking, &spot, entry, err);
}

/* The destination is not there: what is copied gets its name. */
static int plan_new(struct unpacking *unpacking, const struct tar_entry *first, struct error *err)
{
    const char *destination = unpacking->copy->destination;
    autofree char *clean = contents_clean_path(destination);
    char *slash = strrchr(clean, '/');

    if (!S_ISDIR(first->status.st_mode) && destination[strlen(destination) - 1] == '/')
        return error_set(err, -ENOENT, "%s in the container: there is no such directory",
                         destination);
    unpacking->first_name = mem_dup_text(first->path);
    unpacking->new_name = mem_dup_text(slash + 1);
    slash[1] = '\0';
    unpacking->base = mem_dup_text(clean);
    if (first->path[0] != '\0')
        return 0;
    /* "." becomes the directory itself; what is in it goes beneath. */
    free(unpacking->base);
    unpacking->base = contents_clean_path(destination);
    free(unpacking->first_name);
    unpacking->first_name = NULL;
    return 1;
}

static int make_destination(const struct unpacking *unpacking, const struct tar_entry *first,
                            struct error *err)
{
    autospot struct spot spot = NO_SPOT;
    int r = find_spot(unpacking->root, unpacking->base, &spot, err);

    return r < 0 ? r : unpack_directory(unpacking, &spot, first, err);
}

static int plan_by_status(struct unpacking *unpacking, const struct stat *status,
                          const struct tar_entry *first, struct error *err)
{
    const char *destination = unpacking->copy->destination;

    if (S_ISDIR(status->st_mode)) {
        unpacking->base = contents_clean_path(destination);
        return 0;
    }
    if (S_ISDIR(first->status.st_mode) || destination[strlen(destination) - 1] == '/')
        return error_set(err, -ENOTDIR, "%s in the container is not a directory", destination);
    if (!S_ISREG(status->st_mode) || !S_ISREG(first->status.st_mode))
        return error_set(err, -EINVAL, "%s in the container is not a file that can be replaced",
                         destination);
    unpacking->base = mem_dup_text("/");
    unpacking->first_name = mem_dup_text(first->path);
    unpacking->new_name = mem_dup_text(first->path);
    unpacking->is_into_file = true;
    return 0;
}

static int plan(struct unpacking *unpacking, const struct tar_entry *first, struct error *err)
{
    const struct contents_copy *copy = unpacking->copy;
    autofree char *clean = contents_clean_path(copy->destination);
    struct stat status;
    int r = contents_stat(unpacking->root, copy->destination, &status, err);

    if (r >= 0 && (!copy->is_renamed || strcmp(clean, "/") == 0))
        return plan_by_status(unpacking, &status, first, err);
    if (r < 0 && r != -ENOENT)
        return r;
    r = plan_new(unpacking, first, err);
    return r > 0 ? make_destination(unpacking, first, err) : r;
}

static int unpack_all(struct unpacking *unpacking, struct error *err)
{
    struct tar_entry entry;
    int r = tar_reader_next(unpacking->reader, &entry, err);

    if (r == 0)
        return error_set(err, -EBADMSG, "the archive is empty");
    if (r > 0) {
        int planned = plan(unpacking, &entry, err);

        if (planned < 0)
            return planned;
    }
    while (r > 0) {
        r = unpack(unpacking, &entry, err);
        if (r >= 0)
            r = tar_reader_next(unpacking->reader, &entry, err);
    }
    return r;
}

int contents_copy_in(const struct contents_root *root, const struct contents_copy *copy, int in_fd,
                     struct error *err)
{
    autolocale struct layer_locale locale = { 0 };
    autodestroy(tar_reader) struct tar_reader *reader = NULL;
    autoscope struct id_scope scope = { 0 };
    struct unpacking unpacking = { .root = root, .copy = copy };
    int r = layer_locale_enter(&locale, err);

    if (r >= 0)
        r = tar_reader_new(in_fd, &reader, err);
    if (r >= 0)
        r = id_scope_enter(&scope, root->users, err);
    if (r < 0)
        return r;
    unpacking.reader = reader;
    r = unpack_all(&unpacking, err);
    free(unpacking.base);
    free(unpacking.first_name);
    free(unpacking.new_name);
    return r < 0 ? error_add_context(err, r, "copy to %s", copy->destination) : 0;
}
