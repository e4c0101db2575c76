/* The positions of a stream's records; see the header. */
#include "broker/io/stream_walk.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "broker/io/log_tables.h"
#include "broker/io/stored_number.h"
#include "broker/io/stored_record.h"
#include "common/arena.h"
#include "schemas/codec.h"

int stream_walk_mark(struct stream_heads *heads, const char *stream, struct stream_head *head,
                     struct error *err)
{
    struct index_key key;
    int r = index_key_make(stream, head->pos, &key, err);

    if (r < 0 || ++head->unmarked < STREAM_MARK_EVERY)
        return r;
    head->unmarked = 0;
    return store_put(heads->store, LOG_TABLE_MARKS, (struct bytes){ key.bytes, key.size },
                     (struct bytes){ 0 }, err);
}

int stream_walk_begin(struct stream_walk *walk, struct stream_heads *heads, const char *stream,
                      uint64_t after, struct error *err)
{
    struct index_key key;
    int r = index_key_make(stream, after, &key, err);

    if (r < 0)
        return r;
    walk->heads = heads;
    walk->after = after;
    walk->count = 0;
    (void)stpcpy(walk->stream, stream); /* index_key_make() has checked its size */
    return 0;
}

/* The first record of the stream beyond `after` that can be found at once; 0: there is none. */
static int next_mark(const struct stream_walk *walk, uint64_t *ret, struct error *err)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    struct bytes key = { 0 }, value, name;
    struct stream_head head = { 0 };
    struct index_key from;
    int r = index_key_make(walk->stream, walk->after + 1, &from, err);

    if (r == 0)
        r = store_walk(walk->heads->store, LOG_TABLE_MARKS, (struct bytes){ from.bytes, from.size },
                       &cursor, err);
    if (r == 0)
        r = store_next(cursor, &key, &value, err);
    if (r < 0)
        return r;
    name = bytes_at(from.bytes, from.size - POSITION_SIZE);
    if (r > 0 && key.size == from.size && bytes_equal(bytes_at(key.data, name.size), name)) {
        *ret = store_key_read_u64(bytes_at(key.data + name.size, POSITION_SIZE));
        return 0;
    }
    r = stream_heads_get(walk->heads, walk->stream, &head, err);
    *ret = r == 0 && head.pos > walk->after ? head.pos : 0;
    return r;
}

/* A stored record: -EUCLEAN when it is damaged, -EXDEV when it is not this stream's. */
static int read_record(const struct stream_walk *walk, uint64_t pos, struct bytes stored,
                       struct record *ret, struct arena *arena)
{
    struct bytes wire;
    int r = stored_record_check(pos, stored, &wire, NULL);

    /* Its checksum says that it is what schema_encode() made. */
    if (r == 0 && schema_decode_guarded(&record_schema, wire, ret, arena, NULL) < 0)
        r = -EUCLEAN;
    if (r == 0 && (ret->stream == NULL || strcmp(ret->stream, walk->stream) != 0))
        r = -EXDEV;
    return r;
}

/* Where there is no way back from `end`, look at every record beyond `after` for those of the
 * stream, as far as there is room, and come to `end` behind them. */
static int search(struct stream_walk *walk, uint64_t end, struct error *err)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    uint64_t found[STREAM_MARK_EVERY];
    uint8_t from[POSITION_SIZE];
    struct bytes key, value;
    unsigned count = 0;
    uint64_t pos = 0;
    int r;

    store_key_u64(walk->after + 1, from);
    r = store_walk(walk->heads->store, LOG_TABLE_RECORDS, (struct bytes){ from, sizeof(from) },
                   &cursor, err);
    while (r >= 0 && pos < end && count < STREAM_MARK_EVERY) {
        autoarena arena = { 0 };
        struct record record;

        r = store_next(cursor, &key, &value, err);
        if (r <= 0)
            break;
        pos = store_key_read_u64(key);
        if (pos == end || (pos < end && read_record(walk, pos, value, &record, &arena) == 0))
            found[count++] = pos;
    }
    for (walk->count = 0; count > 0;)
        walk->positions[walk->count++] = found[--count];
    return r < 0 ? r : 0;
}

static int check_trimmed(const struct stream_walk *walk, uint64_t pos, struct error *err)
{
    uint64_t floor;
    int r = stored_number_get(walk->heads->store, LOG_TABLE_META, "floor", &floor, err);

    if (r < 0 || pos <= floor)
        return r;
    return error_set(err, -EUCLEAN, "record %llu of %s is missing on the disk",
                     (unsigned long long)pos, walk->stream);
}

/* From a record of the stream back to where the walk stands. */
static int go_back(struct stream_walk *walk, uint64_t pos, struct error *err)
{
    while (pos > walk->after) {
        autoarena arena = { 0 };
        uint8_t key[POSITION_SIZE];
        struct record record = { 0 };
        struct bytes stored;
        int r;

        store_key_u64(pos, key);
        r = store_get(walk->heads->store, LOG_TABLE_RECORDS, (struct bytes){ key, sizeof(key) },
                      &stored);
        if (r == -ENOENT)
            return check_trimmed(walk, pos, err);
        if (r < 0)
            return error_set(err, r, "read record %llu", (unsigned long long)pos);
        r = read_record(walk, pos, stored, &record, &arena);
        if (r == -EXDEV)
            return error_set(err, -EUCLEAN, "record %llu is not of %s, whose index leads there",
                             (unsigned long long)pos, walk->stream);
        if (r < 0 || walk->count == STREAM_MARK_EVERY)
            return search(walk, pos, err);
        walk->positions[walk->count++] = pos;
        pos = record.prev;
    }
    return 0;
}

int stream_walk_next(struct stream_walk *walk, uint64_t *ret, struct error *err)
{
    while (walk->count == 0) {
        uint64_t mark = 0;
        int r = next_mark(walk, &mark, err);

        if (r == 0 && mark == 0)
            return 0;
        if (r == 0)
            r = go_back(walk, mark, err);
        if (r < 0)
            return r;
        if (walk->count == 0)
            walk->after = mark; /* trimmed, with all before it */
    }
    walk->after = walk->positions[--walk->count];
    *ret = walk->after;
    return 1;
}
