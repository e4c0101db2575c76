/* Rows of a snapshot on their way into a chunk, and out of one (schemas/past.h). Any thread. */
#ifndef GANTRY_BROKER_IO_PAST_PACK_H
#define GANTRY_BROKER_IO_PAST_PACK_H

#include "common/arena.h"
#include "common/error.h"
#include "schemas/past.h"

/* Starts as { 0 }, ends with past_pack_done(). */
struct past_pack {
    struct arena arena;
    struct past_row *rows;
    size_t count;
    size_t capacity;
    size_t bytes; /* of keys and values */
};

void past_pack_done(struct past_pack *pack);

/* Copy a row into it. */
void past_pack_add(struct past_pack *pack, const struct past_row *row);

/* It holds as much as a chunk should. */
static inline bool past_pack_is_full(const struct past_pack *pack)
{
    return pack->bytes >= PAST_CHUNK_BYTES;
}

/* Forget the rows. */
void past_pack_clear(struct past_pack *pack);

/* Make a chunk of the rows, one at least: `room` is replaced by what `ret` points to, beside the
 * rows. */
int past_pack_make(const struct past_pack *pack, struct buffer *room, struct past_chunk *ret,
                   struct error *err);

/* The rows of a chunk, in `arena`. -EUCLEAN when it is none. */
int past_pack_open(const struct past_chunk *chunk, struct past_rows *ret, struct arena *arena,
                   struct error *err);

#endif
