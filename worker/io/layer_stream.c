/* The bytes of a layer's archive on their way; see the header. */
#include "worker/io/layer_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/io/files.h"
#include "common/mem.h"

#define READ_SIZE (256 * 1024)

struct layer_stream {
    const struct layer_source *source;
    struct archive *raw; /* the decompression */
    struct digest *blob;
    struct digest *diff;
    uint64_t blob_bytes;
    uint64_t tar_bytes;
    uint64_t bytes_max;
    bool is_ended;
    struct error failure; /* of reading or copying: libarchive has no words for it */
    char buffer[READ_SIZE];
};

static ssize_t read_some(struct layer_stream *stream, struct error *err)
{
    const struct layer_source *source = stream->source;
    ssize_t size;
    int r;

    if (source->is_cancelled != NULL && atomic_load(source->is_cancelled))
        return error_set(err, -ECANCELED, "cancelled");
    do
        size = read(source->fd, stream->buffer, READ_SIZE);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return error_set_errno(err, "read the archive");

    digest_add(stream->blob, stream->buffer, (size_t)size);
    stream->blob_bytes += (uint64_t)size;
    r = source->copy_fd < 0
            ? 0
            : files_write_all(source->copy_fd, bytes_at(stream->buffer, (size_t)size));
    if (r < 0)
        return error_set(err, r, "keep the archive: %s", strerror(-r));
    return size;
}

static ssize_t on_read(struct archive *raw, void *owner, const void **ret_buffer)
{
    struct layer_stream *stream = owner;
    ssize_t size = read_some(stream, &stream->failure);

    *ret_buffer = stream->buffer;
    if (size < 0)
        archive_set_error(raw, (int)-size, "%s", stream->failure.text);
    return size < 0 ? ARCHIVE_FATAL : size;
}

static int fail(struct layer_stream *stream, struct error *err)
{
    if (stream->failure.code < 0)
        return error_set(err, stream->failure.code, "%s", stream->failure.text);
    return error_set(err, -EBADMSG, "the archive is broken: %.300s",
                     archive_error_string(stream->raw));
}

static int begin(struct layer_stream *stream, struct error *err)
{
    struct archive_entry *entry;
    int result;

    stream->raw = archive_read_new();
    /* Each answers with a warning when it would have to run a program: that, we don't. */
    if (stream->raw == NULL || archive_read_support_filter_gzip(stream->raw) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(stream->raw) != ARCHIVE_OK ||
        archive_read_support_filter_xz(stream->raw) != ARCHIVE_OK ||
        archive_read_support_format_raw(stream->raw) != ARCHIVE_OK ||
        archive_read_support_format_empty(stream->raw) != ARCHIVE_OK)
        return error_set(err, -ENOSYS, "libarchive lacks gzip, zstd or xz");
    if (archive_read_open(stream->raw, stream, NULL, on_read, NULL) != ARCHIVE_OK)
        return fail(stream, err);
    result = archive_read_next_header(stream->raw, &entry);
    if (result != ARCHIVE_OK && result != ARCHIVE_EOF)
        return fail(stream, err);
    stream->is_ended = result == ARCHIVE_EOF;
    return 0;
}

int layer_stream_open(const struct layer_source *source, struct layer_stream **ret,
                      struct error *err)
{
    autodestroy(layer_stream) struct layer_stream *stream = mem_new(struct layer_stream);
    int r;

    stream->source = source;
    stream->blob = digest_new();
    stream->diff = digest_new();
    stream->bytes_max = source->bytes_max > 0 ? source->bytes_max : LAYER_BYTES_MAX;
    r = begin(stream, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(stream);
    return 0;
}

void layer_stream_destroy(struct layer_stream *stream)
{
    if (stream == NULL)
        return;
    (void)archive_read_free(stream->raw);
    digest_destroy(stream->blob);
    digest_destroy(stream->diff);
    free(stream);
}

int layer_stream_next(struct layer_stream *stream, struct bytes *ret, struct error *err)
{
    const void *block = NULL;
    size_t size = 0;
    int64_t offset;
    int result = ARCHIVE_OK;

    *ret = (struct bytes){ 0 };
    while (!stream->is_ended && result == ARCHIVE_OK && size == 0)
        result = archive_read_data_block(stream->raw, &block, &size, &offset);
    if (stream->is_ended || result == ARCHIVE_EOF) {
        stream->is_ended = true;
        return 0;
    }
    if (result != ARCHIVE_OK)
        return fail(stream, err);

    digest_add(stream->diff, block, size);
    stream->tar_bytes += size;
    if (stream->tar_bytes > stream->bytes_max)
        return error_set(err, -E2BIG, "the archive has more than %" PRIu64 " bytes",
                         stream->bytes_max);
    *ret = (struct bytes){ .data = block, .size = size };
    return 0;
}

static enum layer_compression compression_of(struct archive *raw)
{
    switch (archive_filter_code(raw, 0)) {
    case ARCHIVE_FILTER_GZIP:
        return LAYER_GZIP;
    case ARCHIVE_FILTER_ZSTD:
        return LAYER_ZSTD;
    case ARCHIVE_FILTER_XZ:
        return LAYER_XZ;
    default:
        return LAYER_PLAIN;
    }
}

int layer_stream_end(struct layer_stream *stream, struct layer_digests *ret, struct error *err)
{
    struct bytes rest;
    ssize_t size;
    int r;

    do
        r = layer_stream_next(stream, &rest, err);
    while (r == 0 && rest.size > 0);
    if (r < 0)
        return r;
    do
        size = read_some(stream, err);
    while (size > 0);
    if (size < 0)
        return (int)size;

    digest_end(stream->blob, ret->blob);
    digest_end(stream->diff, ret->diff);
    ret->blob_bytes = stream->blob_bytes;
    ret->tar_bytes = stream->tar_bytes;
    ret->compression = compression_of(stream->raw);
    return 0;
}
