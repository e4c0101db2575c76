/* One entry of a layer's archive; see the header. */
#include "worker/io/layer_entry.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/io/files.h"
#include "common/mem.h"

struct entry {
    struct layer_tree *tree;
    enum layer_kind kind;
    struct archive *archive;
    struct archive_entry *archived;
    struct layer_path path;
    struct layer_place place;
};

static struct timespec time_of(struct archive_entry *archived)
{
    return (struct timespec){
        .tv_sec = archive_entry_mtime(archived),
        .tv_nsec = archive_entry_mtime_nsec(archived),
    };
}

static int set_owner(const struct entry *entry, struct error *err)
{
    int64_t uid = archive_entry_uid(entry->archived);
    int64_t gid = archive_entry_gid(entry->archived);

    if (entry->kind == LAYER_ARCHIVE)
        return 0;
    if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
        return error_set(err, -EINVAL, "%.200s: its owner is no user id", entry->path.text);
    if (fchownat(entry->place.parent_fd, entry->place.name, (uid_t)uid, (gid_t)gid,
                 AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(err, "owner of %.200s", entry->path.text);
    return 0;
}

static int set_mode(const struct entry *entry, struct error *err)
{
    mode_t mode = archive_entry_perm(entry->archived);

    if (entry->kind == LAYER_ARCHIVE || archive_entry_filetype(entry->archived) == AE_IFLNK)
        return 0;
    if (fchmodat(entry->place.parent_fd, entry->place.name, mode, 0) < 0)
        return error_set_errno(err, "mode of %.200s", entry->path.text);
    return 0;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What the labels of another host's security modules say is nothing to this host. */
static bool is_foreign(const char *name)
{
    return strcmp(name, "security.selinux") == 0 || strcmp(name, "security.ima") == 0 ||
           strcmp(name, "security.evm") == 0;
}

static int set_xattrs(const struct entry *entry, struct error *err)
{
    const char *name;
    const void *value;
    size_t size;

    if (entry->kind == LAYER_ARCHIVE)
        return 0;
    (void)archive_entry_xattr_reset(entry->archived);
    while (archive_entry_xattr_next(entry->archived, &name, &value, &size) == ARCHIVE_OK) {
        int r;

        if (starts_with(name, "trusted.overlay.") || starts_with(name, "user.overlay."))
            return error_set(err, -EINVAL, "%.200s: its extended attribute %.100s is overlayfs's",
                             entry->path.text, name);
        if (is_foreign(name))
            continue;
        r = layer_set_xattr(&entry->place, name, value, size);
        if (r < 0)
            return error_set(err, r, "extended attribute %.100s of %.200s: %s", name,
                             entry->path.text, strerror(-r));
    }
    return 0;
}

/* Last: a new owner takes the set-user-id bit and capabilities away. */
static int set_attributes(const struct entry *entry, struct error *err)
{
    const struct timespec times[2] = { time_of(entry->archived), time_of(entry->archived) };
    int r = set_owner(entry, err);

    if (r == 0)
        r = set_mode(entry, err);
    if (r == 0)
        r = set_xattrs(entry, err);
    if (r < 0)
        return r;
    if (archive_entry_filetype(entry->archived) == AE_IFDIR)
        return layer_tree_defer_time(entry->tree, &entry->path, times[0], err);
    if (utimensat(entry->place.parent_fd, entry->place.name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(err, "time of %.200s", entry->path.text);
    return 0;
}

/* Holes stay holes. */
static int write_content(const struct entry *entry, int fd, struct error *err)
{
    const void *block;
    size_t size;
    int64_t offset;
    int result;

    while ((result = archive_read_data_block(entry->archive, &block, &size, &offset)) ==
           ARCHIVE_OK) {
        int r = files_write_all_at(fd, bytes_at(block, size), offset);

        if (r < 0)
            return error_set(err, r, "write %.200s: %s", entry->path.text, strerror(-r));
    }
    if (result != ARCHIVE_EOF)
        return error_set(err, -EBADMSG, "%.200s: %.200s", entry->path.text,
                         archive_error_string(entry->archive));
    if (ftruncate(fd, archive_entry_size(entry->archived)) < 0)
        return error_set_errno(err, "size of %.200s", entry->path.text);
    return 0;
}

static int make_regular(struct entry *entry, struct error *err)
{
    autoclose int fd =
        openat(entry->place.parent_fd, entry->place.name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0)
        return error_set_errno(err, "make %.200s", entry->path.text);
    return write_content(entry, fd, err);
}

static int make_symlink(struct entry *entry, struct error *err)
{
    const char *target = archive_entry_symlink(entry->archived);

    if (target == NULL || target[0] == '\0')
        return error_set(err, -EINVAL, "%.200s: a symbolic link to nothing", entry->path.text);
    if (symlinkat(target, entry->place.parent_fd, entry->place.name) < 0)
        return error_set_errno(err, "make symbolic link %.200s", entry->path.text);
    return 0;
}

static int make_node(struct entry *entry, struct error *err)
{
    mode_t type = archive_entry_filetype(entry->archived);
    dev_t device = 0;

    if (entry->kind == LAYER_ARCHIVE)
        return error_set(err, -EINVAL, "%.200s: a device or pipe in an archive of an image",
                         entry->path.text);
    if (type != AE_IFIFO)
        device = makedev((unsigned)archive_entry_rdevmajor(entry->archived),
                         (unsigned)archive_entry_rdevminor(entry->archived));
    if (type == AE_IFCHR && device == 0)
        return error_set(err, -EINVAL, "%.200s: device 0:0 is overlayfs's whiteout",
                         entry->path.text);
    if (mknodat(entry->place.parent_fd, entry->place.name, type, device) < 0)
        return error_set_errno(err, "make device %.200s", entry->path.text);
    return 0;
}

struct maker {
    mode_t type;
    int (*make)(struct entry *entry, struct error *err);
};

static const struct maker makers[] = {
    { AE_IFREG, make_regular }, { AE_IFLNK, make_symlink }, { AE_IFCHR, make_node },
    { AE_IFBLK, make_node },    { AE_IFIFO, make_node },
};

static int make_other(struct entry *entry, struct error *err)
{
    mode_t type = archive_entry_filetype(entry->archived);

    for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
        int r;

        if (makers[i].type != type)
            continue;
        r = layer_tree_clear(entry->tree, &entry->path, &entry->place, err);
        if (r == 0)
            r = makers[i].make(entry, err);
        return r < 0 ? r : set_attributes(entry, err);
    }
    return error_set(err, -EINVAL, "%.200s: of a kind that cannot be in a layer", entry->path.text);
}

static int make_directory(struct entry *entry, struct error *err)
{
    int r = layer_tree_make_directory(entry->tree, &entry->path, &entry->place, err);

    return r < 0 ? r : set_attributes(entry, err);
}

/* Times, owner and mode are those of what it links to. */
static int make_hard_link(struct entry *entry, struct error *err)
{
    struct layer_path target;
    int r = layer_path_clean(archive_entry_hardlink(entry->archived), &target, err);

    if (r < 0)
        return error_add_context(err, r, "hard link %.200s", entry->path.text);
    return layer_tree_link(entry->tree, &target, &entry->path, err);
}

/* `name` begins with ".wh.": something that the layers below have is gone. */
static int make_whiteout(struct entry *entry, const char *name, enum layer_entry_kind *ret,
                         struct error *err)
{
    struct layer_path parent;
    struct layer_path gone = entry->path;
    const char *gone_name = name + strlen(LAYER_WHITEOUT_PREFIX);

    layer_path_parent(&entry->path, &parent);
    if (strcmp(name, LAYER_WHITEOUT_OPAQUE) == 0) {
        *ret = parent.text[0] == '\0' ? LAYER_ENTRY_OPAQUE_ROOT : LAYER_ENTRY_FILE;
        return layer_tree_opaque(entry->tree, &parent, err);
    }
    if (starts_with(name, LAYER_WHITEOUT_META))
        return 0;
    if (gone_name[0] == '\0' || strcmp(gone_name, ".") == 0 || strcmp(gone_name, "..") == 0)
        return error_set(err, -EINVAL, "%.200s: a whiteout of nothing", entry->path.text);
    /* Both texts end alike: the name moves to where the prefix was. */
    memmove(gone.text + (name - entry->path.text), gone_name, strlen(gone_name) + 1);
    return layer_tree_whiteout(entry->tree, &gone, err);
}

int layer_entry_make(struct layer_tree *tree, enum layer_kind kind, struct archive *archive,
                     struct archive_entry *entry, enum layer_entry_kind *ret, struct error *err)
{
    struct entry made = { .tree = tree, .kind = kind, .archive = archive, .archived = entry };
    const char *raw = archive_entry_pathname(entry);
    const char *name;
    int r;

    if (raw == NULL || raw[0] == '\0')
        return error_set(err, -EINVAL, "an entry without a path");
    r = layer_path_clean(raw, &made.path, err);
    if (r < 0)
        return r;
    name = layer_path_name(&made.path);
    *ret = made.path.text[0] == '\0' ? LAYER_ENTRY_ROOT : LAYER_ENTRY_FILE;
    if (kind == LAYER_IMAGE && starts_with(name, LAYER_WHITEOUT_PREFIX))
        return make_whiteout(&made, name, ret, err);
    if (archive_entry_hardlink(entry) != NULL)
        return make_hard_link(&made, err);
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return make_directory(&made, err);
    return make_other(&made, err);
}
