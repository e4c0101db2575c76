/* The snapshots of the view on the disk; see the header. */
#include "broker/io/past_store.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "broker/io/past_pack.h"
#include "broker/io/stored_row.h"
#include "common/io/files.h"
#include "common/io/store.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define PAST_FORMAT 1

enum table { TABLE_SOURCE, TABLE_SNAPSHOTS, TABLE_TIMES, TABLE_CHUNKS };

static const char *const tables[] = {
    [TABLE_SOURCE] = "source", [TABLE_SNAPSHOTS] = "snapshots", [TABLE_TIMES] = "times",
    [TABLE_CHUNKS] = "chunks", [TABLE_CHUNKS + 1] = NULL,
};

/* Of their values. */
static const struct schema *const schemas[] = {
    [TABLE_SOURCE] = &past_source_schema,
    [TABLE_SNAPSHOTS] = &past_snapshot_schema,
    [TABLE_TIMES] = NULL,
    [TABLE_CHUNKS] = &past_chunk_schema,
};

struct past_store {
    struct store *store;
};

struct key {
    uint8_t bytes[16];
    size_t size;
};

static struct bytes key_bytes(const struct key *key)
{
    return bytes_at(key->bytes, key->size);
}

static struct key snapshot_key(uint64_t pos)
{
    struct key key = { .size = 8 };

    store_key_u64(~pos, key.bytes);
    return key;
}

static struct key time_key(uint64_t latest, uint64_t pos)
{
    struct key key = { .size = 16 };

    store_key_u64(~latest, key.bytes);
    store_key_u64(~pos, key.bytes + 8);
    return key;
}

static struct key chunk_key(uint64_t pos, uint32_t number)
{
    struct key key = { .size = 12 };
    uint32_t sorted = htobe32(number);

    store_key_u64(pos, key.bytes);
    memcpy(key.bytes + 8, &sorted, sizeof(sorted));
    return key;
}

/* --- messages as values */

static int put(struct store_txn *txn, enum table table, struct bytes key, const void *message,
               struct error *err)
{
    struct buffer plain = { 0 };
    struct buffer sealed = { 0 };
    int r;

    schema_encode(schemas[table], message, &plain);
    stored_row_seal(key, buffer_bytes(&plain), &sealed);
    r = store_put(txn, table, key, buffer_bytes(&sealed), err);
    buffer_done(&plain);
    buffer_done(&sealed);
    return r;
}

static int read_value(struct bytes key, struct bytes stored, const struct schema *schema, void *ret,
                      struct arena *arena, struct error *err)
{
    struct bytes value;
    int r = stored_row_check(key, stored, &value, err);

    if (r == 0 && schema_decode(schema, value, ret, arena, err) < 0)
        r = error_add_context(err, -EUCLEAN, "a stored %s", schema->name);
    return r;
}

static int get(struct store_txn *txn, enum table table, const struct key *key, void *ret,
               struct arena *arena, struct error *err)
{
    struct bytes stored;
    int r = store_get(txn, table, key_bytes(key), &stored);

    if (r < 0)
        return r == -ENOENT ? r : error_set(err, r, "read a %s", schemas[table]->name);
    return read_value(key_bytes(key), stored, schemas[table], ret, arena, err);
}

/* The first entry at or after `from`: 1, or 0 when there is none. Borrowed from the transaction. */
static int first_from(struct store_txn *txn, enum table table, const struct key *from,
                      struct bytes *ret_key, struct bytes *ret_value, struct error *err)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    int r = store_walk(txn, table, key_bytes(from), &cursor, err);

    return r < 0 ? r : store_next(cursor, ret_key, ret_value, err);
}

/* --- open, claim */

static int open_store(const char *directory, uint64_t bytes_max, struct store **ret,
                      struct error *err)
{
    int r = store_open(directory, tables, bytes_max, ret, err);

    if (r != -EUCLEAN)
        return r;
    r = files_remove_tree(AT_FDCWD, directory, err);
    return r < 0 ? r : store_open(directory, tables, bytes_max, ret, err);
}

int past_store_open(const char *directory, uint64_t bytes_max, struct past_store **ret,
                    struct error *err)
{
    struct store *store;
    int r = open_store(directory, bytes_max, &store, err);

    if (r < 0)
        return error_add_context(err, r, "open the snapshots in %s", directory);
    *ret = mem_new(struct past_store);
    (*ret)->store = store;
    return 0;
}

void past_store_close(struct past_store *store)
{
    if (store == NULL)
        return;
    store_close(store->store);
    free(store);
}

static bool is_of(struct store_txn *txn, const struct past_source *source)
{
    autoarena arena = { 0 };
    struct key key = { .bytes = "source", .size = 6 };
    struct past_source known = { 0 };

    return get(txn, TABLE_SOURCE, &key, &known, &arena, NULL) == 0 &&
           command_id_equal(known.log, source->log) && known.epoch == source->epoch &&
           known.version == source->version && known.format == source->format;
}

static int clear(struct store_txn *txn, struct error *err)
{
    int r = 0;

    for (unsigned table = TABLE_SNAPSHOTS; r == 0 && table <= TABLE_CHUNKS; table++)
        r = store_clear(txn, table, err);
    return r;
}

int past_store_claim(struct past_store *store, const struct past_source *source, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    struct past_source own = *source;
    int r = store_begin(store->store, STORE_WRITE, &txn, err);

    own.format = PAST_FORMAT;
    if (r < 0 || is_of(txn, &own))
        return r;
    r = clear(txn, err);
    if (r == 0)
        r = put(txn, TABLE_SOURCE, bytes_of_text("source"), &own, err);
    return r < 0 ? r : store_commit(steal_ptr(txn), err);
}

int past_store_clear(struct past_store *store, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    int r = store_begin(store->store, STORE_WRITE, &txn, err);

    if (r == 0)
        r = clear(txn, err);
    return r < 0 ? r : store_commit(steal_ptr(txn), err);
}

/* --- looking for them */

static uint64_t pos_of(struct bytes key, size_t at)
{
    return ~store_key_read_u64(bytes_at(key.data + at, key.size - at));
}

static int check_key(struct bytes key, size_t size, struct error *err)
{
    return key.size == size ? 0 : error_set(err, -EUCLEAN, "a snapshot's key is damaged");
}

/* The position of the newest one within the bound; -ENOENT when there is none. */
static int find(struct store_txn *txn, const struct past_bound *bound, uint64_t *ret,
                struct error *err)
{
    struct key from = snapshot_key(bound->pos);
    struct bytes key, value;
    uint64_t pos;
    int r = first_from(txn, TABLE_SNAPSHOTS, &from, &key, &value, err);

    if (r == 1)
        r = check_key(key, 8, err) < 0 ? -EUCLEAN : 1;
    if (r <= 0)
        return r == 0 ? -ENOENT : r;
    pos = pos_of(key, 0);
    from = time_key(bound->time, UINT64_MAX);
    r = first_from(txn, TABLE_TIMES, &from, &key, &value, err);
    if (r == 1)
        r = check_key(key, 16, err) < 0 ? -EUCLEAN : 1;
    if (r <= 0)
        return r == 0 ? -ENOENT : r;
    /* Both grow together: of an earlier position the latest time is no later. */
    *ret = pos_of(key, 8) < pos ? pos_of(key, 8) : pos;
    return 0;
}

int past_store_find(struct past_store *store, const struct past_bound *bound,
                    struct past_snapshot *ret, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    autoarena arena = { 0 };
    struct key key;
    uint64_t pos = 0;
    int r = store_begin(store->store, STORE_READ, &txn, err);

    if (r == 0)
        r = find(txn, bound, &pos, err);
    if (r < 0)
        return r;
    key = snapshot_key(pos);
    r = get(txn, TABLE_SNAPSHOTS, &key, ret, &arena, err);
    return r == -ENOENT ? error_set(err, -EUCLEAN, "a snapshot is missing") : r;
}

int past_store_counts(struct past_store *store, struct past_counts *ret, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    struct past_counts counts = { .bytes = store_bytes(store->store) };
    struct key from = snapshot_key(UINT64_MAX);
    struct bytes key = { 0 };
    struct bytes value;
    int r = store_begin(store->store, STORE_READ, &txn, err);

    if (r == 0)
        r = first_from(txn, TABLE_SNAPSHOTS, &from, &key, &value, err);
    if (r > 0 && key.size == 8) {
        counts.snapshots = store_count(txn, TABLE_SNAPSHOTS);
        counts.last = pos_of(key, 0);
        r = store_last(txn, TABLE_SNAPSHOTS, &key, &value, err);
    }
    if (r < 0)
        return r;
    if (r > 0 && key.size == 8)
        counts.first = pos_of(key, 0);
    *ret = counts;
    return 0;
}

/* --- their rows */

int past_store_rows(struct past_store *store, uint64_t pos, uint32_t chunk, struct past_rows *ret,
                    struct arena *arena, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    struct key key = chunk_key(pos, chunk);
    struct past_chunk stored = { 0 };
    int r = store_begin(store->store, STORE_READ, &txn, err);

    if (r == 0)
        r = get(txn, TABLE_CHUNKS, &key, &stored, arena, err);
    if (r == 0)
        r = past_pack_open(&stored, ret, arena, err);
    if (r < 0 && r != -ENOENT)
        return error_add_context(err, r, "chunk %u of the snapshot at %llu", chunk,
                                 (unsigned long long)pos);
    return r;
}

static bool is_before(const struct past_chunk *chunk, const struct past_row *row)
{
    size_t common = chunk->key.size < row->key.size ? chunk->key.size : row->key.size;
    int order;

    if (chunk->table != row->table)
        return chunk->table < row->table;
    order = common > 0 ? memcmp(chunk->key.data, row->key.data, common) : 0;
    return order < 0 || (order == 0 && chunk->key.size <= row->key.size);
}

int past_store_chunk_of(struct past_store *store, uint64_t pos, const struct past_row *row,
                        uint32_t *ret, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    uint32_t number = 1;
    bool goes_on = true;
    int r = store_begin(store->store, STORE_READ, &txn, err);

    while (r == 0 && goes_on) {
        autoarena arena = { 0 };
        struct key key = chunk_key(pos, number);
        struct past_chunk chunk = { 0 };

        r = get(txn, TABLE_CHUNKS, &key, &chunk, &arena, err);
        goes_on = r == 0 && is_before(&chunk, row);
        number += goes_on;
    }
    if (r < 0 && (r != -ENOENT || number == 1))
        return r;
    *ret = number > 1 ? number - 1 : 1;
    return 0;
}

/* --- dropping them */

static int drop_chunks(struct store_txn *txn, uint64_t pos, struct error *err)
{
    int r = 0;

    for (uint32_t number = 1; r == 0; number++) {
        struct key key = chunk_key(pos, number);

        r = store_delete(txn, TABLE_CHUNKS, key_bytes(&key), NULL);
    }
    return r == -ENOENT ? 0 : error_set(err, r, "drop a snapshot");
}

static int drop(struct store_txn *txn, uint64_t pos, struct error *err)
{
    autoarena arena = { 0 };
    struct key key = snapshot_key(pos);
    struct past_snapshot snapshot = { 0 };
    int r = get(txn, TABLE_SNAPSHOTS, &key, &snapshot, &arena, err);

    if (r < 0)
        return r;
    r = store_delete(txn, TABLE_SNAPSHOTS, key_bytes(&key), err);
    key = time_key(snapshot.latest, pos);
    if (r == 0)
        r = store_delete(txn, TABLE_TIMES, key_bytes(&key), err);
    return r == 0 ? drop_chunks(txn, pos, err) : r;
}

int past_store_drop(struct past_store *store, uint64_t pos, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    int r = store_begin(store->store, STORE_WRITE, &txn, err);

    if (r == 0)
        r = drop(txn, pos, err);
    return r < 0 ? r : store_commit(steal_ptr(txn), err);
}

int past_store_drop_below(struct past_store *store, uint64_t pos, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    struct past_counts counts;
    struct key from = snapshot_key(pos - 1);
    struct bytes key, value;
    int r = past_store_counts(store, &counts, err);

    if (r < 0 || counts.snapshots == 0 || counts.first >= pos)
        return r;
    r = store_begin(store->store, STORE_WRITE, &txn, err);
    while (r == 0 && (r = first_from(txn, TABLE_SNAPSHOTS, &from, &key, &value, err)) > 0) {
        r = check_key(key, 8, err);
        if (r == 0)
            r = drop(txn, pos_of(key, 0), err);
    }
    return r < 0 ? r : store_commit(steal_ptr(txn), err);
}

/* --- writing them */

struct past_writer {
    struct store_txn *txn;
    struct past_snapshot snapshot; /* the one that is being written */
    struct past_pack pack;         /* its next chunk */
};

int past_writer_new(struct past_store *store, struct past_writer **ret, struct error *err)
{
    struct store_txn *txn;
    int r = store_begin(store->store, STORE_WRITE, &txn, err);

    if (r < 0)
        return r;
    *ret = mem_new(struct past_writer);
    (*ret)->txn = txn;
    return 0;
}

void past_writer_destroy(struct past_writer *writer)
{
    if (writer == NULL)
        return;
    store_abort(writer->txn);
    past_pack_done(&writer->pack);
    free(writer);
}

void past_writer_begin(struct past_writer *writer, uint64_t pos)
{
    past_pack_clear(&writer->pack);
    writer->snapshot = (struct past_snapshot){ .pos = pos };
}

static int write_chunk(struct past_writer *writer, struct error *err)
{
    struct past_snapshot *snapshot = &writer->snapshot;
    struct key key = chunk_key(snapshot->pos, snapshot->chunks + 1);
    struct buffer room = { 0 };
    struct past_chunk chunk;
    int r = past_pack_make(&writer->pack, &room, &chunk, err);

    if (r == 0)
        r = put(writer->txn, TABLE_CHUNKS, key_bytes(&key), &chunk, err);
    snapshot->chunks++;
    snapshot->bytes += chunk.packed.size;
    buffer_done(&room);
    past_pack_clear(&writer->pack);
    return r;
}

int past_writer_row(struct past_writer *writer, const struct past_row *row, struct error *err)
{
    past_pack_add(&writer->pack, row);
    writer->snapshot.rows++;
    return past_pack_is_full(&writer->pack) ? write_chunk(writer, err) : 0;
}

int past_writer_end(struct past_writer *writer, struct past_snapshot *snapshot, struct error *err)
{
    struct key key = snapshot_key(snapshot->pos);
    int r = writer->pack.count > 0 ? write_chunk(writer, err) : 0;

    assert(snapshot->pos == writer->snapshot.pos);
    snapshot->chunks = writer->snapshot.chunks;
    snapshot->rows = writer->snapshot.rows;
    snapshot->bytes = writer->snapshot.bytes;
    if (r == 0)
        r = put(writer->txn, TABLE_SNAPSHOTS, key_bytes(&key), snapshot, err);
    key = time_key(snapshot->latest, snapshot->pos);
    return r == 0 ? store_put(writer->txn, TABLE_TIMES, key_bytes(&key), (struct bytes){ 0 }, err)
                  : r;
}

int past_writer_commit(struct past_writer *writer, struct error *err)
{
    int r = store_commit(steal_ptr(writer->txn), err);

    past_writer_destroy(writer);
    return r;
}
