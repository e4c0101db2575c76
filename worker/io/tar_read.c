/* A tar archive, read; see the header. */
#include "worker/io/tar_read.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"

#define BLOCK_SIZE (64 * 1024)

struct tar_reader {
    struct archive *archive;
    struct archive_entry *entry; /* the present one; the archive's */
    char *path;
    char *hard_link;
};

static int fail(const struct tar_reader *reader, struct error *err)
{
    const char *reason = archive_error_string(reader->archive);

    return error_set(err, -EBADMSG, "read the archive: %s",
                     reason == NULL ? "libarchive gives no reason" : reason);
}

int tar_reader_new(int fd, struct tar_reader **ret, struct error *err)
{
    autodestroy(tar_reader) struct tar_reader *reader = mem_zeroed(sizeof(*reader));

    reader->archive = archive_read_new();
    if (reader->archive == NULL)
        return error_set(err, -ENOMEM, "read the archive: out of memory");
    if (archive_read_support_format_tar(reader->archive) != ARCHIVE_OK ||
        archive_read_open_fd(reader->archive, fd, BLOCK_SIZE) != ARCHIVE_OK)
        return fail(reader, err);
    *ret = steal_ptr(reader);
    return 0;
}

void tar_reader_destroy(struct tar_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->archive != NULL)
        (void)archive_read_free(reader->archive);
    free(reader->path);
    free(reader->hard_link);
    free(reader);
}

/* NULL for a name with "..": what it means depends on links that are not there yet. */
static char *clean_path(const char *path)
{
    struct buffer clean = { 0 };

    while (path != NULL && *path != '\0') {
        size_t size = strcspn(path, "/");

        if (size == 2 && strncmp(path, "..", 2) == 0) {
            buffer_done(&clean);
            return NULL;
        }
        if (size > 0 && !(size == 1 && path[0] == '.')) {
            if (clean.size > 0)
                buffer_append(&clean, "/", 1);
            buffer_append(&clean, path, size);
        }
        path += size + (path[size] == '/');
    }
    buffer_append(&clean, "", 1);
    return (char *)clean.data;
}

int tar_reader_next(struct tar_reader *reader, struct tar_entry *ret, struct error *err)
{
    int r = archive_read_next_header(reader->archive, &reader->entry);
    const char *path;
    const char *hard_link;

    if (r == ARCHIVE_EOF)
        return 0;
    if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
        return fail(reader, err);
    path = archive_entry_pathname(reader->entry);
    hard_link = archive_entry_hardlink(reader->entry);
    free(reader->path);
    free(reader->hard_link);
    reader->hard_link = NULL;
    reader->path = path == NULL ? NULL : clean_path(path);
    if (reader->path != NULL && hard_link != NULL)
        reader->hard_link = clean_path(hard_link);
    if (reader->path == NULL || (hard_link != NULL && reader->hard_link == NULL))
        return error_set(err, -EINVAL, "the archive's entry \"%s\" has no usable name",
                         path == NULL ? "" : path);
    *ret = (struct tar_entry){
        .path = reader->path,
        .hard_link = reader->hard_link,
        .link = archive_entry_symlink(reader->entry),
        .status = *archive_entry_stat(reader->entry),
    };
    return 1;
}

/* What a container may say about its own files; the rest is the host's to decide. */
static bool is_attribute_taken(const char *name)
{
    return strncmp(name, "user.", strlen("user.")) == 0 || strcmp(name, "security.capability") == 0;
}

static int set_attributes(struct tar_reader *reader, int file_fd)
{
    const char *name;
    const void *value;
    size_t size;

    (void)archive_entry_xattr_reset(reader->entry);
    while (archive_entry_xattr_next(reader->entry, &name, &value, &size) == ARCHIVE_OK) {
        if (name != NULL && is_attribute_taken(name) &&
            fsetxattr(file_fd, name, value, size, 0) < 0 && errno != EOPNOTSUPP)
            return -errno;
    }
    return 0;
}

static int write_content(struct tar_reader *reader, int file_fd, struct error *err)
{
    const void *block;
    size_t size;
    la_int64_t offset;
    int r;

    while ((r = archive_read_data_block(reader->archive, &block, &size, &offset)) == ARCHIVE_OK) {
        int w = files_write_all_at(file_fd, bytes_at(block, size), offset);

        if (w < 0)
            return error_set(err, w, "write %s: %s", reader->path, strerrordesc_np(-w));
    }
    if (r != ARCHIVE_EOF)
        return fail(reader, err);
    if (ftruncate(file_fd, archive_entry_size(reader->entry)) < 0)
        return error_set_errno(err, "write %s", reader->path);
    return 0;
}

int tar_reader_extract(struct tar_reader *reader, int file_fd, struct error *err)
{
    int r =
        S_ISREG(archive_entry_filetype(reader->entry)) ? write_content(reader, file_fd, err) : 0;

    if (r < 0)
        return r;
    r = set_attributes(reader, file_fd);
    return r < 0 ? error_set(err, r, "attributes of %s: %s", reader->path, strerrordesc_np(-r)) : 0;
}
