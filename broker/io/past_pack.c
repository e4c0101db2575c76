/* Rows in a chunk; see the header. */
#include "broker/io/past_pack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/io/squeeze.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define CAPACITY_MIN 256

static struct bytes copied(struct past_pack *pack, struct bytes bytes)
{
    return bytes_at(arena_text_n(&pack->arena, (const char *)bytes.data, bytes.size), bytes.size);
}

void past_pack_add(struct past_pack *pack, const struct past_row *row)
{
    if (pack->count == pack->capacity) {
        pack->capacity = pack->capacity == 0 ? CAPACITY_MIN : pack->capacity * 2;
        pack->rows = mem_resized(pack->rows, pack->capacity * sizeof(*pack->rows));
    }
    pack->rows[pack->count++] = (struct past_row){ .table = row->table,
                                                   .key = copied(pack, row->key),
                                                   .value = copied(pack, row->value) };
    pack->bytes += row->key.size + row->value.size;
}

void past_pack_clear(struct past_pack *pack)
{
    arena_done(&pack->arena);
    pack->count = 0;
    pack->bytes = 0;
}

void past_pack_done(struct past_pack *pack)
{
    past_pack_clear(pack);
    free(pack->rows);
    *pack = (struct past_pack){ 0 };
}

int past_pack_make(const struct past_pack *pack, struct buffer *room, struct past_chunk *ret,
                   struct error *err)
{
    const struct past_rows rows = { .rows = { .items = pack->rows, .count = pack->count } };
    struct buffer plain = { 0 };
    int r;

    assert(pack->count > 0);
    schema_encode(&past_rows_schema, &rows, &plain);
    r = squeeze(buffer_bytes(&plain), room, err);
    *ret = (struct past_chunk){ .table = pack->rows[0].table,
                                .key = pack->rows[0].key,
                                .size = (uint32_t)plain.size,
                                .packed = buffer_bytes(room) };
    buffer_done(&plain);
    return r;
}

int past_pack_open(const struct past_chunk *chunk, struct past_rows *ret, struct arena *arena,
                   struct error *err)
{
    struct buffer plain = { 0 };
    int r;

    if (chunk->size > MESSAGE_SIZE_MAX)
        return error_set(err, -EUCLEAN, "it is too large");
    r = unsqueeze(chunk->packed, chunk->size, &plain, err);
    if (r == 0 && schema_decode(&past_rows_schema, buffer_bytes(&plain), ret, arena, err) < 0)
        r = -EUCLEAN;
    buffer_done(&plain);
    return r;
}
