/* Files as a tar archive, and back; see the header. */
#include "ops/console/tar_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"
#include "ops/console/archive_library.h"

#define BLOCK_BYTES (256 * 1024)

static const struct archive_library *la; /* since the first archive */

static int fail_archive(struct archive *archive, struct error *err)
{
    int code = la->archive_errno(archive);
    const char *text = la->archive_error_string(archive);

    return error_set(err, code > 0 ? -code : -EBADMSG, "%s",
                     text != NULL ? text : "the archive is broken");
}

/* --- packing */

struct packing {
    tar_files_write_fn *write;
    void *owner;
    struct error *err;
    int result; /* of `write` */
    struct archive *out;
    struct archive *disk;
    const char *path; /* that is packed */
    const char *name; /* what it is called instead */
};

static la_ssize_t on_write(struct archive *archive, void *arg, const void *data, size_t size)
{
    struct packing *packing = arg;

    packing->result =
        packing->write(packing->owner, (struct bytes){ .data = data, .size = size }, packing->err);
    if (packing->result == 0)
        return (la_ssize_t)size;
    la->archive_set_error(archive, -packing->result, "write");
    return -1;
}

static int pack_content(struct packing *packing, struct archive_entry *entry)
{
    const char *source = la->archive_entry_sourcepath(entry);
    autofree char *buffer = mem_zeroed(BLOCK_BYTES);
    autoclose int fd = -1;
    ssize_t size;

    if (la->archive_entry_size(entry) == 0)
        return 0;
    fd = open(source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set_errno(packing->err, "open %s", source);
    while ((size = read(fd, buffer, BLOCK_BYTES)) > 0) {
        if (la->archive_write_data(packing->out, buffer, (size_t)size) < 0)
            return packing->result < 0 ? packing->result : fail_archive(packing->out, packing->err);
    }
    return size < 0 ? error_set_errno(packing->err, "read %s", source) : 0;
}

static int pack_entry(struct packing *packing, struct archive_entry *entry)
{
    const char *source = la->archive_entry_pathname(entry);
    autofree char *path = mem_dup_text(source);
    autofree char *name = mem_text("%s%s", packing->name, path + strlen(packing->path));
    mode_t kind = la->archive_entry_filetype(entry);

    if (kind == AE_IFSOCK)
        return 0;
    la->archive_entry_copy_sourcepath(entry, path);
    la->archive_entry_copy_pathname(entry, name);
    if (la->archive_write_header(packing->out, entry) < ARCHIVE_WARN)
        return packing->result < 0 ? packing->result : fail_archive(packing->out, packing->err);
    return kind == AE_IFREG ? pack_content(packing, entry) : 0;
}

static int pack_all(struct packing *packing)
{
    int r = 0;

    while (r == 0) {
        struct archive_entry *entry = la->archive_entry_new();
        int read = la->archive_read_next_header2(packing->disk, entry);

        if (read == ARCHIVE_EOF) {
            la->archive_entry_free(entry);
            return la->archive_write_close(packing->out) < ARCHIVE_WARN
                       ? (packing->result < 0 ? packing->result
                                              : fail_archive(packing->out, packing->err))
                       : 0;
        }
        r = read < ARCHIVE_WARN ? fail_archive(packing->disk, packing->err)
                                : pack_entry(packing, entry);
        (void)la->archive_read_disk_descend(packing->disk);
        la->archive_entry_free(entry);
    }
    return r;
}

int tar_files_pack(const char *path, const char *name, tar_files_write_fn *write, void *owner,
                   struct error *err)
{
    struct packing packing = {
        .write = write, .owner = owner, .err = err, .path = path, .name = name
    };
    int r = archive_library_load(&la, err);

    if (r < 0)
        return r;
    packing.out = la->archive_write_new();
    packing.disk = la->archive_read_disk_new();
    if (packing.out == NULL || packing.disk == NULL) {
        (void)la->archive_read_free(packing.disk);
        (void)la->archive_write_free(packing.out);
        return error_set(err, -ENOMEM, "make an archive");
    }
    (void)la->archive_write_set_format_pax_restricted(packing.out);
    (void)la->archive_write_set_bytes_per_block(packing.out, BLOCK_BYTES);
    (void)la->archive_write_set_bytes_in_last_block(packing.out, 1);
    (void)la->archive_read_disk_set_symlink_hybrid(packing.disk);
    (void)la->archive_read_disk_set_standard_lookup(packing.disk);
    if (la->archive_write_open(packing.out, &packing, NULL, on_write, NULL) < ARCHIVE_WARN)
        r = fail_archive(packing.out, err);
    else if (la->archive_read_disk_open(packing.disk, path) < ARCHIVE_WARN)
        r = fail_archive(packing.disk, err);
    else
        r = pack_all(&packing);
    (void)la->archive_read_free(packing.disk);
    (void)la->archive_write_free(packing.out);
    return r < 0 ? error_add_context(err, r, "%s", path) : 0;
}

/* --- unpacking */

/* "base/a/b" becomes "name/a/b"; of a content "./a/b" and "a/b" become so. NULL when the name leads
 * astray. */
static char *target_name(const char *name, const struct tar_files_target *target)
{
    const char *rest;

    while (strncmp(name, "./", 2) == 0)
        name += 2 + strspn(name + 2, "/");
    if (name[0] == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0)
        return NULL;
    if (target->is_content && (*name == '\0' || strcmp(name, ".") == 0))
        return mem_dup_text(target->name);
    if (target->is_content)
        return mem_text("%s/%s", target->name, name);
    rest = strchr(name, '/');
    return mem_text("%s%s", target->name, rest != NULL ? rest : "");
}

static int unpack_entry(struct archive *in, struct archive *out, struct archive_entry *entry,
                        const struct tar_files_target *target, struct error *err)
{
    const char *said = la->archive_entry_pathname(entry);
    autofree char *name = said != NULL ? target_name(said, target) : NULL;
    const char *linked = la->archive_entry_hardlink(entry);
    autofree char *link = linked != NULL ? target_name(linked, target) : NULL;
    const void *data;
    size_t size;
    la_int64_t offset;
    int r;

    if (name == NULL || (linked != NULL && link == NULL))
        return error_set(err, -EBADMSG, "the archive has a name that leads out of it");
    if (strcmp(name, ".") == 0)
        return 0; /* the place itself stays as it is */
    la->archive_entry_copy_pathname(entry, name);
    if (link != NULL)
        la->archive_entry_copy_hardlink(entry, link);
    if (la->archive_write_header(out, entry) < ARCHIVE_WARN)
        return fail_archive(out, err);
    while ((r = la->archive_read_data_block(in, &data, &size, &offset)) == ARCHIVE_OK) {
        if (la->archive_write_data_block(out, data, size, offset) < ARCHIVE_WARN)
            return fail_archive(out, err);
    }
    if (r != ARCHIVE_EOF)
        return fail_archive(in, err);
    return la->archive_write_finish_entry(out) < ARCHIVE_WARN ? fail_archive(out, err) : 0;
}

static int unpack_all(struct archive *in, struct archive *out,
                      const struct tar_files_target *target, struct error *err)
{
    struct archive_entry *entry;
    int r;

    while ((r = la->archive_read_next_header(in, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
        r = unpack_entry(in, out, entry, target, err);
        if (r < 0)
            return r;
    }
    if (r != ARCHIVE_EOF)
        return fail_archive(in, err);
    return la->archive_write_close(out) < ARCHIVE_WARN ? fail_archive(out, err) : 0;
}

int tar_files_unpack(int fd, const struct tar_files_target *target, struct error *err)
{
    int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
                (target->keeps_owner ? ARCHIVE_EXTRACT_OWNER : 0);
    struct archive *in;
    struct archive *out;
    int r = archive_library_load(&la, err);

    if (r < 0)
        return r;
    in = la->archive_read_new();
    out = la->archive_write_disk_new();
    if (in != NULL && out != NULL) {
        (void)la->archive_read_support_format_tar(in);
        (void)la->archive_write_disk_set_options(out, flags);
    }
    /* Names are relative from now on: no link above the place is any entry's matter. */
    if (in == NULL || out == NULL)
        r = error_set(err, -ENOMEM, "read an archive");
    else if (chdir(target->directory) < 0)
        r = error_set_errno(err, "%s", target->directory);
    else if (la->archive_read_open_fd(in, fd, BLOCK_BYTES) < ARCHIVE_WARN)
        r = fail_archive(in, err);
    else
        r = unpack_all(in, out, target, err);
    (void)la->archive_read_free(in);
    (void)la->archive_write_free(out);
    return r;
}
