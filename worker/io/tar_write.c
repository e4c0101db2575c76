/* A tar archive; see the header. */
#include "worker/io/tar_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/attributes.h"
#include "worker/io/inode_names.h"
#include "worker/io/tree_walk.h"

#define PIECE_SIZE (128 * 1024)
#define VALUE_MAX  4096 /* bytes; of an attribute with ids in it, amply */

struct tar_writer {
    struct archive *archive;
    struct archive_entry *entry; /* made clear for each */
    int fd;
    char *piece;      /* PIECE_SIZE */
    const char *name; /* of the tree that is being added */
    const struct user_namespace *users;
    struct inode_names linked;
};

static la_ssize_t write_bytes(struct archive *archive, void *owner, const void *bytes, size_t size)
{
    const struct tar_writer *writer = owner;
    ssize_t written;

    do {
        written = write(writer->fd, bytes, size);
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        archive_set_error(archive, errno, "write: %s", strerrordesc_np(errno));
    return written;
}

static int fail(struct tar_writer *writer, const char *path, struct error *err)
{
    int code = archive_errno(writer->archive);
    const char *reason = archive_error_string(writer->archive);

    return error_set(err, code > 0 ? -code : -EIO, "archive /%s: %s", path,
                     reason == NULL ? "libarchive gives no reason" : reason);
}

int tar_writer_new(int fd, const struct user_namespace *users, struct tar_writer **ret,
                   struct error *err)
{
    autodestroy(tar_writer) struct tar_writer *writer = mem_zeroed(sizeof(*writer));

    writer->fd = fd;
    writer->users = users;
    writer->archive = archive_write_new();
    writer->entry = archive_entry_new();
    writer->piece = mem_zeroed(PIECE_SIZE);
    if (writer->archive == NULL || writer->entry == NULL)
        return error_set(err, -ENOMEM, "begin an archive: out of memory");
    if (archive_write_set_format_pax_restricted(writer->archive) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(writer->archive, 1) != ARCHIVE_OK ||
        archive_write_open2(writer->archive, writer, NULL, write_bytes, NULL, NULL) != ARCHIVE_OK)
        return fail(writer, "", err);
    *ret = steal_ptr(writer);
    return 0;
}

void tar_writer_destroy(struct tar_writer *writer)
{
    if (writer == NULL)
        return;
    inode_names_done(&writer->linked);
    archive_entry_free(writer->entry);
    if (writer->archive != NULL) {
        (void)archive_write_fail(writer->archive); /* or freeing it would write the end */
        (void)archive_write_free(writer->archive);
    }
    free(writer->piece);
    free(writer);
}

/* "name/path", "name" or "path"; a directory gets its slash from libarchive. */
static char *name_of(const struct tar_writer *writer, const char *path)
{
    if (writer->name[0] == '\0')
        return mem_dup_text(path[0] == '\0' ? "." : path);
    return path[0] == '\0' ? mem_dup_text(writer->name) : mem_text("%s/%s", writer->name, path);
}

static int add_attribute(void *owner, const char *name, struct bytes value)
{
    struct tar_writer *writer = owner;
    uint8_t shown[VALUE_MAX];

    if (writer->users != NULL && value.size <= sizeof(shown)) {
        memcpy(shown, value.data, value.size);
        value = (struct bytes){ .data = shown,
                                .size = attribute_show(writer->users, name, shown, value.size) };
    }
    archive_entry_xattr_add_entry(writer->entry, name, value.data, value.size);
    return 0;
}

static void set_status(struct tar_writer *writer, const struct stat *status)
{
    struct stat shown = *status;

    if (writer->users != NULL)
        user_namespace_show(writer->users, &shown);
    archive_entry_copy_stat(writer->entry, &shown);
}

/* What has attributes, opened; -1 for the rest. */
static int open_content(const struct tree_entry *entry, struct error *err)
{
    int fd;

    if (entry->fd < 0)
        return -1;
    if (S_ISDIR(entry->status.st_mode))
        fd = files_reopen(entry->fd, O_RDONLY | O_DIRECTORY);
    else if (S_ISREG(entry->status.st_mode))
        fd = files_reopen(entry->fd, O_RDONLY | O_NOCTTY);
    else
        return -1;
    if (fd < 0)
        return error_set(err, fd, "archive /%s: open: %s", entry->path, strerrordesc_np(-fd));
    return fd;
}

static int set_link_text(struct tar_writer *writer, const struct tree_entry *entry,
                         struct error *err)
{
    char text[PATH_MAX];
    ssize_t size = readlinkat(entry->fd, "", text, sizeof(text) - 1);

    if (size < 0)
        return error_set_errno(err, "archive /%s: read the link", entry->path);
    text[size] = '\0';
    archive_entry_set_symlink(writer->entry, text);
    return 0;
}

/* As many bytes as the header has promised, and no more. */
static int write_content(struct tar_writer *writer, const struct tree_entry *entry, int fd,
                         struct error *err)
{
    off_t left = entry->status.st_size;

    while (left > 0) {
        size_t room = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
        ssize_t size = read(fd, writer->piece, room);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_set_errno(err, "archive /%s: read", entry->path);
        if (size == 0)
            break;
        if (archive_write_data(writer->archive, writer->piece, (size_t)size) < 0)
            return fail(writer, entry->path, err);
        left -= size;
    }
    return 0;
}

/* A warning is about names that are not text here; their bytes are written as they are. */
static int write_entry(struct tar_writer *writer, const struct tree_entry *entry, int fd,
                       struct error *err)
{
    int r = archive_write_header(writer->archive, writer->entry);

    if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
        return fail(writer, entry->path, err);
    if (fd >= 0 && archive_entry_size(writer->entry) > 0) {
        r = write_content(writer, entry, fd, err);
        if (r < 0)
            return r;
    }
    r = archive_write_finish_entry(writer->archive);
    return r != ARCHIVE_OK && r != ARCHIVE_WARN ? fail(writer, entry->path, err) : 0;
}

static int add_entry(void *owner, const struct tree_entry *entry, struct error *err)
{
    struct tar_writer *writer = owner;
    autofree char *name = name_of(writer, entry->path);
    autoclose int fd = -1;
    const char *first;
    int r;

    if (S_ISSOCK(entry->status.st_mode))
        return 0;
    archive_entry_clear(writer->entry);
    archive_entry_set_pathname(writer->entry, name);
    set_status(writer, &entry->status);
    if (!S_ISREG(entry->status.st_mode))
        archive_entry_set_size(writer->entry, 0);
    first = inode_names_meet(&writer->linked, &entry->status, name);
    if (first != NULL) {
        archive_entry_set_hardlink(writer->entry, first);
        archive_entry_set_size(writer->entry, 0);
        return write_entry(writer, entry, -1, err);
    }
    if (S_ISLNK(entry->status.st_mode)) {
        r = set_link_text(writer, entry, err);
        return r < 0 ? r : write_entry(writer, entry, -1, err);
    }
    fd = open_content(entry, err);
    if (fd < -1)
        return fd;
    r = fd < 0 ? 0 : attributes_each(fd, add_attribute, writer);
    if (r < 0)
        return error_set(err, r, "archive /%s: attributes: %s", entry->path, strerrordesc_np(-r));
    return write_entry(writer, entry, fd, err);
}

int tar_writer_add(struct tar_writer *writer, int root_fd, const char *name, struct error *err)
{
    static const struct tree_visitor visitor = { .enter = add_entry };

    writer->name = name;
    return tree_walk(root_fd, &visitor, writer, err);
}

int tar_writer_finish(struct tar_writer *writer, struct error *err)
{
    return archive_write_close(writer->archive) == ARCHIVE_OK ? 0 : fail(writer, "", err);
}
