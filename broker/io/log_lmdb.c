/* The log in LMDB; see the header. */
#include "broker/io/log_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "broker/io/index_key.h"
#include "broker/io/log_tables.h"
#include "broker/io/stored_number.h"
#include "broker/io/stored_record.h"
#include "broker/io/stored_row.h"
#include "broker/io/stream_heads.h"
#include "broker/io/stream_walk.h"
#include "common/arena.h"
#include "common/io/store.h"
#include "common/mem.h"
#include "schemas/codec.h"

/* 2: the rows of the tables have checksums. 3: the index has some of a stream's records. */
#define LOG_FORMAT           3
#define LOG_FORMAT_UNCHECKED 1

struct lmdb_log {
    struct log base;
    struct store *store;
};

struct lmdb_txn {
    struct log_txn base;
    struct lmdb_log *log;
    struct store_txn *store;
    struct stream_heads heads;
    uint64_t head;
    struct buffer value; /* of the record or row that is being written */
};

struct lmdb_cursor {
    struct log_cursor base;
    struct lmdb_txn *txn;
    struct store_cursor *store; /* of all streams; NULL: of one */
    struct stream_walk walk;    /* of one */
};

static struct lmdb_txn *txn_of(struct log_txn *txn)
{
    return container_of(txn, struct lmdb_txn, base);
}

static void lmdb_abort(struct log_txn *base)
{
    struct lmdb_txn *txn = txn_of(base);

    store_abort(txn->store);
    stream_heads_done(&txn->heads);
    buffer_done(&txn->value);
    free(txn);
}

static int lmdb_begin(struct log *base, enum log_mode mode, struct log_txn **ret, struct error *err)
{
    struct lmdb_log *log = container_of(base, struct lmdb_log, base);
    struct lmdb_txn *txn;
    struct store_txn *store;
    uint64_t head;
    int r;

    r = store_begin(log->store, mode == LOG_WRITE ? STORE_WRITE : STORE_READ, &store, err);
    if (r < 0)
        return r;
    r = stored_number_last(store, LOG_TABLE_RECORDS, &head, err);
    if (r < 0) {
        store_abort(store);
        return r;
    }
    txn = mem_new(struct lmdb_txn);
    txn->base.functions = base->functions;
    txn->log = log;
    txn->store = store;
    txn->heads.store = store;
    txn->head = head;
    *ret = &txn->base;
    return 0;
}

static int lmdb_commit(struct log_txn *base, struct error *err)
{
    struct lmdb_txn *txn = txn_of(base);
    int r = stream_heads_write(&txn->heads, err);

    if (r == 0)
        r = store_commit(steal_ptr(txn->store), err);
    lmdb_abort(base);
    return r;
}

static int lmdb_state(struct log_txn *base, struct log_state *ret, struct error *err)
{
    struct lmdb_txn *txn = txn_of(base);
    struct log_state state = {
        .head = txn->head,
        .bytes = store_bytes(txn->log->store),
        .record_bytes = store_table_bytes(txn->store, LOG_TABLE_RECORDS) +
                        store_table_bytes(txn->store, LOG_TABLE_MARKS),
    };
    struct bytes id;
    int r;

    r = store_get(txn->store, LOG_TABLE_META, bytes_of_text("id"), &id);
    if (r < 0 || id.size != sizeof(state.id))
        return error_set(err, -EUCLEAN, "the id of the log is damaged on the disk");
    memcpy(&state.id, id.data, sizeof(state.id));
    r = stored_number_get(txn->store, LOG_TABLE_META, "epoch", &state.epoch, err);
    if (r < 0)
        return r;
    r = stored_number_get(txn->store, LOG_TABLE_META, "floor", &state.floor, err);
    if (r < 0)
        return r;
    *ret = state;
    return 0;
}

static int lmdb_stream_head(struct log_txn *base, const char *stream, uint64_t *ret,
                            struct error *err)
{
    struct stream_head head;
    int r = stream_heads_get(&txn_of(base)->heads, stream, &head, err);

    if (r == 0)
        *ret = head.pos;
    return r;
}

static void lmdb_skip(struct log_txn *base, uint64_t upto)
{
    struct lmdb_txn *txn = txn_of(base);

    if (txn->head < upto)
        txn->head = upto;
}

static int lmdb_append(struct log_txn *base, struct record *record, struct error *err)
{
    struct lmdb_txn *txn = txn_of(base);
    struct stream_head *head;
    uint8_t key[POSITION_SIZE];
    int r;

    r = stream_heads_change(&txn->heads, record->stream, &head, err);
    if (r < 0)
        return r;
    record->pos = txn->head + 1;
    record->prev = head->pos;
    stored_record_encode(record, &txn->value);
    store_key_u64(record->pos, key);
    r = store_append(txn->store, LOG_TABLE_RECORDS, (struct bytes){ key, sizeof(key) },
                     buffer_bytes(&txn->value), err);
    if (r < 0)
        return r;
    head->pos = record->pos;
    txn->head = record->pos;
    return stream_walk_mark(&txn->heads, record->stream, head, err);
}

static int lmdb_walk(struct log_txn *base, const char *stream, uint64_t after,
                     struct log_cursor **ret, struct error *err)
{
    struct lmdb_txn *txn = txn_of(base);
    struct lmdb_cursor *cursor = mem_new(struct lmdb_cursor);
    uint8_t from[POSITION_SIZE];
    int r;

    /* A position beyond the last one that can be has nothing behind it. */
    if (after == UINT64_MAX)
        after--;
    store_key_u64(after + 1, from);
    if (stream != NULL)
        r = stream_walk_begin(&cursor->walk, &txn->heads, stream, after, err);
    else
        r = store_walk(txn->store, LOG_TABLE_RECORDS, (struct bytes){ from, sizeof(from) },
                       &cursor->store, err);
    if (r < 0) {
        free(cursor);
        return r;
    }
    cursor->base.functions = base->functions;
    cursor->txn = txn;
    *ret = &cursor->base;
    return 0;
}

static int next_of_stream(struct lmdb_cursor *cursor, struct bytes *ret_value, uint64_t *ret_pos,
                          struct error *err)
{
    uint8_t key[POSITION_SIZE];
    uint64_t pos;
    int r = stream_walk_next(&cursor->walk, &pos, err);

    if (r <= 0)
        return r;
    *ret_pos = pos;
    store_key_u64(pos, key);
    r = store_get(cursor->txn->store, LOG_TABLE_RECORDS, (struct bytes){ key, sizeof(key) },
                  ret_value);
    return r < 0 ? error_set(err, r, "read record %llu", (unsigned long long)pos) : 1;
}

static int next_of_all(struct lmdb_cursor *cursor, struct bytes *ret_value, uint64_t *ret_pos,
                       struct error *err)
{
    struct bytes key;
    int r = store_next(cursor->store, &key, ret_value, err);

    if (r <= 0)
        return r;
    if (key.size != POSITION_SIZE)
        return error_set(err, -EUCLEAN, "a position of the log is damaged on the disk");
    *ret_pos = store_key_read_u64(key);
    return 1;
}

static int lmdb_next(struct log_cursor *base, struct log_entry *ret, struct error *err)
{
    struct lmdb_cursor *cursor = container_of(base, struct lmdb_cursor, base);
    struct bytes value;
    int r;

    ret->pos = 0;
    if (cursor->store != NULL)
        r = next_of_all(cursor, &value, &ret->pos, err);
    else
        r = next_of_stream(cursor, &value, &ret->pos, err);
    if (r <= 0)
        return r;
    r = stored_record_check(ret->pos, value, &ret->record, err);
    return r < 0 ? r : 1;
}

static void lmdb_walk_end(struct log_cursor *base)
{
    struct lmdb_cursor *cursor = container_of(base, struct lmdb_cursor, base);

    store_walk_end(cursor->store);
    free(cursor);
}

/* What trimming needs of the oldest record: where it is and in whose index. */
static int oldest_entry(struct lmdb_txn *txn, struct index_key *ret_index, uint64_t *ret_pos,
                        struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    autoarena arena = { 0 };
    struct log_entry entry;
    struct record record;
    int r;

    r = lmdb_walk(&txn->base, NULL, 0, &cursor, err);
    if (r < 0)
        return r;
    r = lmdb_next(cursor, &entry, err);
    if (r <= 0)
        return r;
    r = schema_decode(&record_schema, entry.record, &record, &arena, err);
    if (r < 0)
        return r;
    r = index_key_make(record.stream, entry.pos, ret_index, err);
    if (r < 0)
        return r;
    *ret_pos = entry.pos;
    return 1;
}

static int lmdb_trim(struct log_txn *base, uint64_t upto, unsigned max, unsigned *ret_count,
                     struct error *err)
{
    struct lmdb_txn *txn = txn_of(base);
    unsigned count = 0;

    while (count < max) {
        uint8_t key[POSITION_SIZE];
        struct index_key index;
        uint64_t pos = 0;
        int r = oldest_entry(txn, &index, &pos, err);

        if (r < 0)
            return r;
        if (r == 0 || pos > upto || pos == txn->head)
            break;
        store_key_u64(pos, key);
        r = store_delete(txn->store, LOG_TABLE_RECORDS, (struct bytes){ key, sizeof(key) }, err);
        if (r < 0)
            return r;
        r = store_delete(txn->store, LOG_TABLE_MARKS, (struct bytes){ index.bytes, index.size },
                         NULL);
        if (r < 0 && r != -ENOENT)
            return error_set(err, r, "trim the index");
        r = stored_number_put(txn->store, LOG_TABLE_META, "floor", pos, err);
        if (r < 0)
            return r;
        count++;
    }
    *ret_count = count;
    return 0;
}

static int lmdb_table_get(struct log_txn *txn, unsigned table, struct bytes key, struct bytes *ret)
{
    struct bytes stored;
    int r = store_get(txn_of(txn)->store, LOG_TABLE_COUNT + table, key, &stored);

    return r < 0 ? r : stored_row_check(key, stored, ret, NULL);
}

static int lmdb_table_put(struct log_txn *base, unsigned table, struct bytes key,
                          struct bytes value, struct error *err)
{
    struct lmdb_txn *txn = txn_of(base);

    stored_row_seal(key, value, &txn->value);
    return store_put(txn->store, LOG_TABLE_COUNT + table, key, buffer_bytes(&txn->value), err);
}

static int lmdb_table_remove(struct log_txn *txn, unsigned table, struct bytes key,
                             struct error *err)
{
    return store_delete(txn_of(txn)->store, LOG_TABLE_COUNT + table, key, err);
}

static int lmdb_table_clear(struct log_txn *txn, unsigned table, struct error *err)
{
    return store_clear(txn_of(txn)->store, LOG_TABLE_COUNT + table, err);
}

static int lmdb_table_walk(struct log_txn *txn, unsigned table, struct bytes from,
                           int (*visit)(void *owner, struct bytes key, struct bytes value),
                           void *owner, struct error *err)
{
    struct store_cursor *cursor;
    struct bytes key, value;
    int r;

    r = store_walk(txn_of(txn)->store, LOG_TABLE_COUNT + table, from, &cursor, err);
    if (r < 0)
        return r;
    for (;;) {
        r = store_next(cursor, &key, &value, err);
        if (r <= 0)
            break;
        r = stored_row_check(key, value, &value, err);
        if (r < 0)
            break;
        r = visit(owner, key, value);
        if (r != 0)
            break;
    }
    store_walk_end(cursor);
    return r;
}

static int lmdb_renew(struct log_txn *base, struct error *err)
{
    struct store_txn *store = txn_of(base)->store;
    uint64_t epoch;
    int r = stored_number_get(store, LOG_TABLE_META, "epoch", &epoch, err);

    return r < 0 ? r : stored_number_put(store, LOG_TABLE_META, "epoch", epoch + 1, err);
}

static int lmdb_copy(struct log *base, int fd, struct error *err)
{
    return store_copy(container_of(base, struct lmdb_log, base)->store, fd, err);
}

static void lmdb_close(struct log *base)
{
    struct lmdb_log *log = container_of(base, struct lmdb_log, base);

    store_close(log->store);
    free(log);
}

static const struct log_functions lmdb_functions = {
    .close = lmdb_close,
    .copy = lmdb_copy,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .state = lmdb_state,
    .append = lmdb_append,
    .skip = lmdb_skip,
    .stream_head = lmdb_stream_head,
    .walk = lmdb_walk,
    .next = lmdb_next,
    .walk_end = lmdb_walk_end,
    .trim = lmdb_trim,
    .renew = lmdb_renew,
    .table_get = lmdb_table_get,
    .table_put = lmdb_table_put,
    .table_remove = lmdb_table_remove,
    .table_clear = lmdb_table_clear,
    .table_walk = lmdb_table_walk,
};

/* A log of an older format. */
static int take_over(struct store_txn *txn, unsigned table_count, uint64_t format,
                     struct error *err)
{
    for (unsigned i = 0; format == LOG_FORMAT_UNCHECKED && i < table_count; i++) {
        int r = stored_row_seal_table(txn, LOG_TABLE_COUNT + i, err);

        if (r < 0)
            return r;
    }
    return stored_number_put(txn, LOG_TABLE_META, "format", LOG_FORMAT, err);
}

/* A new log gets its id and epoch; an old one must be of a format that is known here. */
static int prepare(struct store_txn *txn, unsigned table_count, struct error *err)
{
    struct command_id id;
    uint64_t format;
    int r;

    r = stored_number_get(txn, LOG_TABLE_META, "format", &format, err);
    if (r < 0)
        return r;
    if (format == LOG_FORMAT)
        return 0;
    if (format > 0 && format < LOG_FORMAT)
        return take_over(txn, table_count, format, err);
    if (format != 0)
        return error_set(err, -EPROTONOSUPPORT, "it has format %llu, this Gantry knows %d",
                         (unsigned long long)format, LOG_FORMAT);
    if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
        return error_set_errno(err, "make an id");
    r = store_put(txn, LOG_TABLE_META, bytes_of_text("id"), (struct bytes){ id.bytes, sizeof(id) },
                  err);
    if (r < 0)
        return r;
    r = stored_number_put(txn, LOG_TABLE_META, "epoch", 1, err);
    if (r < 0)
        return r;
    return stored_number_put(txn, LOG_TABLE_META, "format", LOG_FORMAT, err);
}

static int prepare_store(struct store *store, unsigned table_count, struct error *err)
{
    struct store_txn *txn;
    int r;

    r = store_begin(store, STORE_WRITE, &txn, err);
    if (r < 0)
        return r;
    r = prepare(txn, table_count, err);
    if (r < 0) {
        store_abort(txn);
        return r;
    }
    return store_commit(txn, err);
}

int log_lmdb_open(const char *directory, const char *const *tables, uint64_t bytes_max,
                  struct log **ret, struct error *err)
{
    const char *names[LOG_TABLE_COUNT + LOG_TABLES_MAX + 1] = {
        [LOG_TABLE_RECORDS] = "log",
        [LOG_TABLE_MARKS] = "index",
        [LOG_TABLE_HEADS] = "heads",
        [LOG_TABLE_META] = "meta",
    };
    unsigned table_count = 0;
    struct lmdb_log *log;
    struct store *store;
    int r;

    for (; tables[table_count] != NULL; table_count++) {
        assert(table_count < LOG_TABLES_MAX);
        names[LOG_TABLE_COUNT + table_count] = tables[table_count];
    }
    r = store_open(directory, names, bytes_max, &store, err);
    if (r < 0)
        return error_add_context(err, r, "open the log in %s", directory);
    r = prepare_store(store, table_count, err);
    if (r < 0) {
        store_close(store);
        return error_add_context(err, r, "open the log in %s", directory);
    }
    log = mem_new(struct lmdb_log);
    log->base.functions = &lmdb_functions;
    log->store = store;
    *ret = &log->base;
    return 0;
}
