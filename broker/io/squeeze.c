/* Bytes made smaller; see the header. */
#include "broker/io/squeeze.h"

#include <errno.h>

#include <zstd.h>

#define LEVEL 1 /* the rows of a fleet are much alike: more effort gains little */

int squeeze(struct bytes bytes, struct buffer *ret, struct error *err)
{
    size_t room = ZSTD_compressBound(bytes.size);
    size_t size;

    ret->size = 0;
    buffer_reserve(ret, room);
    size = ZSTD_compress(ret->data, room, bytes.data, bytes.size, LEVEL);
    if (ZSTD_isError(size))
        return error_set(err, -EIO, "pack %zu bytes: %s", bytes.size, ZSTD_getErrorName(size));
    ret->size = size;
    return 0;
}

int unsqueeze(struct bytes packed, size_t size, struct buffer *ret, struct error *err)
{
    size_t got;

    ret->size = 0;
    buffer_reserve(ret, size);
    got = ZSTD_decompress(ret->data, size, packed.data, packed.size);
    if (ZSTD_isError(got))
        return error_set(err, -EUCLEAN, "unpack: %s", ZSTD_getErrorName(got));
    if (got != size)
        return error_set(err, -EUCLEAN, "unpack: %zu bytes instead of %zu", got, size);
    ret->size = got;
    return 0;
}
