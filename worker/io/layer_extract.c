/* A layer's archive, extracted; see the header. */
#include "worker/io/layer_extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/mem.h"
#include "worker/io/layer_locale.h"
#include "worker/io/layer_stream.h"

struct tar {
    struct archive *archive;
    struct layer_stream *stream;
    struct error failure; /* of the stream */
};

static void tar_done(struct tar *tar)
{
    (void)archive_read_free(tar->archive);
    layer_stream_destroy(tar->stream);
}

static ssize_t on_read(struct archive *archive, void *owner, const void **ret_buffer)
{
    struct tar *tar = owner;
    struct bytes bytes;
    int r = layer_stream_next(tar->stream, &bytes, &tar->failure);

    if (r < 0) {
        archive_set_error(archive, -r, "%s", tar->failure.text);
        return ARCHIVE_FATAL;
    }
    *ret_buffer = bytes.data;
    return (ssize_t)bytes.size;
}

static int fail(const struct tar *tar, struct error *err)
{
    if (tar->failure.code < 0)
        return error_set(err, tar->failure.code, "%s", tar->failure.text);
    return error_set(err, -EBADMSG, "not a tar archive, or a broken one: %.300s",
                     archive_error_string(tar->archive));
}

static int tar_open(const struct layer_source *source, struct tar *ret, struct error *err)
{
    int r = layer_stream_open(source, &ret->stream, err);

    if (r < 0)
        return r;
    ret->archive = archive_read_new();
    if (ret->archive == NULL || archive_read_support_format_tar(ret->archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(ret->archive) != ARCHIVE_OK)
        return error_set(err, -ENOSYS, "libarchive lacks tar");
    if (archive_read_open(ret->archive, ret, NULL, on_read, NULL) != ARCHIVE_OK)
        return fail(ret, err);
    return 0;
}

static int extract_all(struct tar *tar, const struct layer_source *source, struct layer_tree *tree,
                       struct layer_digests *digests, struct error *err)
{
    uint64_t entries_max = source->entries_max > 0 ? source->entries_max : LAYER_ENTRIES_MAX;
    struct archive_entry *entry;
    int result;

    while ((result = archive_read_next_header(tar->archive, &entry)) == ARCHIVE_OK ||
           result == ARCHIVE_WARN) {
        enum layer_entry_kind kind;
        int r = layer_entry_make(tree, source->kind, tar->archive, entry, &kind, err);

        if (r < 0)
            return tar->failure.code < 0 ? fail(tar, err) : r;
        digests->has_root |= kind == LAYER_ENTRY_ROOT;
        digests->is_opaque |= kind == LAYER_ENTRY_OPAQUE_ROOT;
        if (++digests->entries > entries_max)
            return error_set(err, -E2BIG, "the layer has more than %" PRIu64 " files", entries_max);
    }
    return result == ARCHIVE_EOF ? 0 : fail(tar, err);
}

static int extract(const struct layer_source *source, int root_fd, struct layer_digests *ret,
                   struct error *err)
{
    autodestroy(layer_tree) struct layer_tree *tree = layer_tree_new(root_fd);
    __attribute__((cleanup(tar_done))) struct tar tar = { 0 };
    int r = tar_open(source, &tar, err);

    if (r == 0)
        r = extract_all(&tar, source, tree, ret, err);
    if (r == 0)
        r = layer_tree_finish(tree, err);
    return r < 0 ? r : layer_stream_end(tar.stream, ret, err);
}

int layer_extract(const struct layer_source *source, int root_fd, struct layer_digests *ret,
                  struct error *err)
{
    struct layer_digests digests = { 0 };
    autolocale struct layer_locale locale = { 0 };
    int r = layer_locale_enter(&locale, err);

    if (r == 0)
        r = extract(source, root_fd, &digests, err);
    if (r == 0)
        *ret = digests;
    return r;
}
