/* A layer's archive from an upper directory; see the header. */
#include "worker/io/layer_pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <uthash.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "worker/io/layer_locale.h"
#include "worker/io/layer_path.h"
#include "worker/io/layer_tree.h"

#define READ_SIZE       (256 * 1024)
#define XATTR_BYTES_MAX 65536 /* the kernel's, of a value and of a list of names */

struct inode {
    dev_t device;
    ino_t number;
};

/* A file with several names, by its first one. */
struct linked {
    struct inode inode;
    UT_hash_handle hh;
    char path[];
};

/* A directory that is still to be walked. */
struct waiting {
    struct waiting *next;
    char path[];
};

struct packing {
    const struct layer_pack *pack;
    struct archive *archive;
    struct archive_entry *entry;
    struct linked *linked;
    struct waiting *waiting;
    int write_failure;
    char buffer[READ_SIZE];
};

/* Something in the directory that is being walked. */
struct found {
    int directory_fd;
    const char *name;
    const char *path;
    struct stat status;
};

static void packing_destroy(struct packing *packing)
{
    struct linked *linked;
    struct linked *next;

    if (packing == NULL)
        return;
    HASH_ITER(hh, packing->linked, linked, next)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it misreads uthash */
        HASH_DEL(packing->linked, linked);
        free(linked);
    }
    while (packing->waiting != NULL) {
        struct waiting *waiting = packing->waiting;

        packing->waiting = waiting->next;
        free(waiting);
    }
    archive_entry_free(packing->entry);
    (void)archive_write_free(packing->archive);
    free(packing);
}
DEFINE_AUTODESTROY(packing)

static ssize_t on_write(struct archive *archive, void *owner, const void *data, size_t size)
{
    struct packing *packing = owner;
    ssize_t written;

    (void)archive;
    do
        written = write(packing->pack->out_fd, data, size);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        packing->write_failure = -errno;
    return written;
}

static int fail(const struct packing *packing, const char *path, struct error *err)
{
    if (packing->write_failure < 0)
        return error_set(err, packing->write_failure, "write the layer: %s",
                         strerror(-packing->write_failure));
    return error_set(err, -EIO, "pack %.200s: %.200s", path,
                     archive_error_string(packing->archive));
}

static int begin(struct packing *packing, struct error *err)
{
    struct archive *archive = archive_write_new();

    packing->archive = archive;
    packing->entry = archive_entry_new();
    if (archive == NULL || packing->entry == NULL ||
        archive_write_set_format_pax_restricted(archive) != ARCHIVE_OK ||
        archive_write_set_option(archive, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK)
        return error_set(err, -ENOSYS, "libarchive lacks pax archives");
    if (packing->pack->compression == LAYER_GZIP &&
        (archive_write_add_filter_gzip(archive) != ARCHIVE_OK ||
         archive_write_set_filter_option(archive, "gzip", "timestamp", NULL) != ARCHIVE_OK))
        return error_set(err, -ENOSYS, "libarchive lacks gzip");
    if (archive_write_open(archive, packing, NULL, on_write, NULL) != ARCHIVE_OK)
        return fail(packing, "", err);
    return 0;
}

static int write_header(struct packing *packing, const char *path, struct error *err)
{
    int result;

    archive_entry_copy_pathname(packing->entry, path);
    result = archive_write_header(packing->archive, packing->entry);
    return result == ARCHIVE_OK || result == ARCHIVE_WARN ? 0 : fail(packing, path, err);
}

/* An empty file that says something about what is below. */
static int write_marker(struct packing *packing, const char *path, struct error *err)
{
    archive_entry_clear(packing->entry);
    archive_entry_set_filetype(packing->entry, AE_IFREG);
    archive_entry_set_perm(packing->entry, S_IRUSR | S_IWUSR);
    archive_entry_set_size(packing->entry, 0);
    archive_entry_set_mtime(packing->entry, 0, 0);
    return write_header(packing, path, err);
}

static bool is_overlays(const char *name)
{
    return strncmp(name, "trusted.overlay.", strlen("trusted.overlay.")) == 0 ||
           strncmp(name, "user.overlay.", strlen("user.overlay.")) == 0;
}

/* As layer_entry leaves them out. */
static bool is_of_this_host(const char *name)
{
    return strcmp(name, "security.selinux") == 0 || strcmp(name, "security.ima") == 0 ||
           strcmp(name, "security.evm") == 0;
}

static int add_xattr(struct packing *packing, const char *proc, const char *name,
                     const struct found *found, struct error *err)
{
    char value[XATTR_BYTES_MAX];
    ssize_t size;

    if (strcmp(name, "trusted.overlay.redirect") == 0 ||
        strcmp(name, "trusted.overlay.metacopy") == 0)
        return error_set(err, -ENOTSUP,
                         "%.200s: was moved by an overlay mount with redirect_dir or metacopy; "
                         "mount without them",
                         found->path);
    if (is_overlays(name) || is_of_this_host(name))
        return 0;
    size = lgetxattr(proc, name, value, sizeof(value));
    if (size < 0)
        return error_set_errno(err, "extended attribute %.100s of %.200s", name, found->path);
    archive_entry_xattr_add_entry(packing->entry, name, value, (size_t)size);
    return 0;
}

static int add_xattrs(struct packing *packing, const struct found *found, struct error *err)
{
    autofree char *proc = mem_text("/proc/self/fd/%d/%s", found->directory_fd, found->name);
    autofree char *names = mem_zeroed(XATTR_BYTES_MAX);
    ssize_t size = llistxattr(proc, names, XATTR_BYTES_MAX);
    int r = 0;

    if (size < 0)
        return errno == ENOTSUP
                   ? 0
                   : error_set_errno(err, "extended attributes of %.200s", found->path);
    for (const char *name = names; name < names + size && r == 0; name += strlen(name) + 1)
        r = add_xattr(packing, proc, name, found, err);
    return r;
}

static bool is_opaque(const struct found *found)
{
    autofree char *proc = mem_text("/proc/self/fd/%d/%s", found->directory_fd, found->name);
    char value;

    return lgetxattr(proc, OVERLAY_OPAQUE_XATTR, &value, 1) == 1 && value == 'y';
}

static int set_symlink(struct packing *packing, const struct found *found, struct error *err)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(found->directory_fd, found->name, target, sizeof(target) - 1);

    if (size < 0)
        return error_set_errno(err, "%.200s", found->path);
    target[size] = '\0';
    archive_entry_copy_symlink(packing->entry, target);
    return 0;
}

static int set_attributes(struct packing *packing, const struct found *found, struct error *err)
{
    const struct stat *status = &found->status;
    struct archive_entry *entry = packing->entry;

    archive_entry_clear(entry);
    archive_entry_set_filetype(entry, status->st_mode & S_IFMT);
    archive_entry_set_perm(entry, status->st_mode & 07777);
    archive_entry_set_uid(entry, status->st_uid);
    archive_entry_set_gid(entry, status->st_gid);
    archive_entry_set_mtime(entry, status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
    archive_entry_set_size(entry, S_ISREG(status->st_mode) ? status->st_size : 0);
    if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) {
        archive_entry_set_rdevmajor(entry, major(status->st_rdev));
        archive_entry_set_rdevminor(entry, minor(status->st_rdev));
    }
    if (S_ISLNK(status->st_mode) && set_symlink(packing, found, err) < 0)
        return -EIO;
    return add_xattrs(packing, found, err);
}

static int write_content(struct packing *packing, const struct found *found, struct error *err)
{
    autoclose int fd =
        openat(found->directory_fd, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    off_t left = found->status.st_size;
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set_errno(err, "%.200s", found->path);
    if (status.st_ino != found->status.st_ino)
        return error_set(err, -ESTALE, "%.200s: was replaced while it was packed", found->path);
    while (left > 0) {
        ssize_t size = read(fd, packing->buffer, left < READ_SIZE ? (size_t)left : READ_SIZE);

        if (size < 0)
            return error_set_errno(err, "read %.200s", found->path);
        if (size == 0)
            return error_set(err, -ESTALE, "%.200s: shrank while it was packed", found->path);
        if (archive_write_data(packing->archive, packing->buffer, (size_t)size) != size)
            return fail(packing, found->path, err);
        left -= size;
    }
    return 0;
}

/* The first of its names, when it had one before; else this one is the first. */
static const char *first_name(struct packing *packing, const struct found *found)
{
    struct inode inode;
    struct linked *linked;

    memset(&inode, 0, sizeof(inode)); /* its padding is part of the key */
    inode.device = found->status.st_dev;
    inode.number = found->status.st_ino;
    if (S_ISDIR(found->status.st_mode) || found->status.st_nlink < 2)
        return NULL;
    HASH_FIND(hh, packing->linked, &inode, sizeof(inode), linked);
    if (linked != NULL)
        return linked->path;
    linked = mem_zeroed(sizeof(*linked) + strlen(found->path) + 1);
    linked->inode = inode;
    memcpy(linked->path, found->path, strlen(found->path) + 1);
    HASH_ADD(hh, packing->linked, inode, sizeof(inode), linked);
    return NULL;
}

static void walk_later(struct packing *packing, const char *path)
{
    struct waiting *waiting = mem_zeroed(sizeof(*waiting) + strlen(path) + 1);

    memcpy(waiting->path, path, strlen(path) + 1);
    waiting->next = packing->waiting;
    packing->waiting = waiting;
}

static int pack_directory(struct packing *packing, const struct found *found, struct error *err)
{
    int r = set_attributes(packing, found, err);

    if (r == 0)
        r = write_header(packing, found->path[0] == '\0' ? "./" : found->path, err);
    if (r == 0 && is_opaque(found)) {
        autofree char *marker =
            mem_text("%s%s" LAYER_WHITEOUT_OPAQUE, found->path, found->path[0] == '\0' ? "" : "/");

        r = write_marker(packing, marker, err);
    }
    if (r == 0)
        walk_later(packing, found->path);
    return r;
}

static int pack_whiteout(struct packing *packing, const struct found *found, struct error *err)
{
    autofree char *marker =
        mem_text("%.*s" LAYER_WHITEOUT_PREFIX "%s",
                 (int)(strlen(found->path) - strlen(found->name)), found->path, found->name);

    return write_marker(packing, marker, err);
}

static int pack_file(struct packing *packing, const struct found *found, struct error *err)
{
    const char *first = first_name(packing, found);
    int r = set_attributes(packing, found, err);

    if (r < 0)
        return r;
    if (first != NULL) {
        archive_entry_copy_hardlink(packing->entry, first);
        archive_entry_unset_size(packing->entry);
    }
    r = write_header(packing, found->path, err);
    if (r == 0 && first == NULL && S_ISREG(found->status.st_mode))
        r = write_content(packing, found, err);
    return r;
}

static int pack_found(struct packing *packing, const struct found *found, struct error *err)
{
    if (layer_is_whiteout(&found->status))
        return pack_whiteout(packing, found, err);
    if (strncmp(found->name, LAYER_WHITEOUT_PREFIX, strlen(LAYER_WHITEOUT_PREFIX)) == 0)
        return error_set(err, -EINVAL, "%.200s: in an image, such a name means a removed file",
                         found->path);
    if (S_ISDIR(found->status.st_mode))
        return pack_directory(packing, found, err);
    return S_ISSOCK(found->status.st_mode) ? 0 : pack_file(packing, found, err);
}

static int open_beneath(int root_fd, const char *path)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    int fd;

    do
        fd = (int)syscall(SYS_openat2, root_fd, path[0] == '\0' ? "." : path, &how, sizeof(how));
    while (fd < 0 && errno == EAGAIN);
    return fd;
}

static int pack_name(struct packing *packing, int directory_fd, const char *directory,
                     const char *name, struct error *err)
{
    autofree char *path = mem_text("%s%s%s", directory, directory[0] == '\0' ? "" : "/", name);
    struct found found = { .directory_fd = directory_fd, .name = name, .path = path };

    if (strlen(path) >= PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "%.200s...: longer than a path can be", path);
    if (packing->pack->is_cancelled != NULL && atomic_load(packing->pack->is_cancelled))
        return error_set(err, -ECANCELED, "cancelled");
    if (fstatat(directory_fd, name, &found.status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(err, "%.200s", path);
    return pack_found(packing, &found, err);
}

static int is_a_name(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(struct packing *packing, const char *path, struct error *err)
{
    autoclose int fd = open_beneath(packing->pack->root_fd, path);
    struct dirent **entries;
    int count = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_a_name, by_bytes);
    int r = 0;

    if (count < 0)
        return error_set_errno(err, "read directory %.200s", path);
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = pack_name(packing, fd, path, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int pack_all(struct packing *packing, struct error *err)
{
    struct found root = { .directory_fd = packing->pack->root_fd, .name = ".", .path = "" };
    int r;

    if (fstat(root.directory_fd, &root.status) < 0)
        return error_set_errno(err, "the upper directory");
    r = pack_directory(packing, &root, err);
    while (r == 0 && packing->waiting != NULL) {
        struct waiting *waiting = packing->waiting;

        packing->waiting = waiting->next;
        r = walk(packing, waiting->path, err);
        free(waiting);
    }
    if (r == 0 && archive_write_close(packing->archive) != ARCHIVE_OK)
        r = fail(packing, "the end", err);
    return r;
}

int layer_pack(const struct layer_pack *pack, struct error *err)
{
    autodestroy(packing) struct packing *packing = mem_new(struct packing);
    autolocale struct layer_locale locale = { 0 };
    int r = layer_locale_enter(&locale, err);

    packing->pack = pack;
    if (r == 0)
        r = begin(packing, err);
    return r < 0 ? r : pack_all(packing, err);
}
