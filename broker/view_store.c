/* The view kept beside the log; see the header. */
#include "broker/view_store.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "broker/io/log_lmdb.h"
#include "broker/view_base.h"
#include "common/arena.h"
#include "schemas/codec.h"

/* Address space that the log may grow into; the file is as large as what is in it. */
#define LOG_BYTES_MAX (64ULL * 1024 * 1024 * 1024)

/* Records that one transaction folds when the view is made anew. */
#define FOLD_RECORDS_MAX 10000

/* While a view is being made anew: of no version, so that an interrupted fold begins again. */
#define VERSION_UNFINISHED 0

static const char *const version_name = "view_version";

static int get_row(void *store, enum view_table table, struct bytes key, struct bytes *ret)
{
    return log_table_get(store, table, key, ret);
}

static int put_row(void *store, enum view_table table, struct bytes key, struct bytes value,
                   struct error *err)
{
    return log_table_put(store, table, key, value, err);
}

static int remove_row(void *store, enum view_table table, struct bytes key, struct error *err)
{
    return log_table_remove(store, table, key, err);
}

static int walk_rows(void *store, enum view_table table, struct bytes from,
                     int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                     struct error *err)
{
    return log_table_walk(store, table, from, visit, owner, err);
}

static const struct view_functions view_in_log = {
    .get = get_row,
    .put = put_row,
    .remove = remove_row,
    .walk = walk_rows,
};

void view_store_tables(const char *ret[static VIEW_STORE_TABLES_MAX + 1])
{
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++)
        ret[i] = view_table_name((enum view_table)i);
    view_base_tables(ret + VIEW_STORE_BASE);
    ret[VIEW_STORE_NUMBERS] = "numbers";
    ret[VIEW_STORE_TABLES_MAX] = NULL;
}

int view_store_open_log(const char *directory, struct log **ret, struct error *err)
{
    const char *tables[VIEW_STORE_TABLES_MAX + 1];

    view_store_tables(tables);
    return log_lmdb_open(directory, tables, LOG_BYTES_MAX, ret, err);
}

struct view view_store_in(struct log_txn *txn)
{
    return (struct view){ .functions = &view_in_log, .store = txn };
}

int view_store_number(struct log_txn *txn, const char *name, uint64_t *ret, struct error *err)
{
    uint64_t number;
    struct bytes value;
    int r = log_table_get(txn, VIEW_STORE_NUMBERS, bytes_of_text(name), &value);

    if (r == -ENOENT) {
        *ret = 0;
        return 0;
    }
    if (r < 0)
        return error_set(err, r, "read %s", name);
    if (value.size != sizeof(number))
        return error_set(err, -EUCLEAN, "%s is damaged on the disk", name);
    memcpy(&number, value.data, sizeof(number));
    *ret = be64toh(number);
    return 0;
}

int view_store_put_number(struct log_txn *txn, const char *name, uint64_t number, struct error *err)
{
    uint64_t value = htobe64(number);

    return log_table_put(txn, VIEW_STORE_NUMBERS, bytes_of_text(name),
                         (struct bytes){ (const uint8_t *)&value, sizeof(value) }, err);
}

/* Making the view anew, step by step. */
struct fold {
    struct log *log;
    bool has_begun;
    uint64_t pos; /* folded up to here */
    uint64_t count;
};

/* The view as it was at the floor: empty, or the base's. */
static int begin_fold(struct fold *fold, struct log_txn *txn, struct error *err)
{
    struct log_state state;
    int r;

    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++) {
        r = log_table_clear(txn, i, err);
        if (r < 0)
            return r;
    }
    if (state.floor > 0) {
        const struct view view = view_store_in(txn);

        r = view_base_copy(txn, &view, err);
        if (r < 0)
            return r;
    }
    fold->pos = state.floor;
    fold->has_begun = true;
    return view_store_put_number(txn, version_name, VERSION_UNFINISHED, err);
}

int view_store_fold(const struct view *view, const struct log_entry *entry, struct error *err)
{
    autoarena arena = { 0 };
    struct record record;
    int r;

    r = schema_decode(&record_schema, entry->record, &record, &arena, err);
    if (r < 0)
        return error_add_context(err, r, "record %llu", (unsigned long long)entry->pos);
    r = fleet_apply(view, &record, err);
    return r == -EPROTO ? 0 : r; /* the view could not follow it the first time either */
}

/* Fold up to FOLD_RECORDS_MAX records; the number of them. */
static int fold_some(struct fold *fold, struct log_txn *txn, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct view view = view_store_in(txn);
    struct log_entry entry;
    int count = 0;
    int r;

    r = log_walk(txn, NULL, fold->pos, &cursor, err);
    while (r >= 0 && count < FOLD_RECORDS_MAX) {
        r = log_next(cursor, &entry, err);
        if (r <= 0)
            break;
        fold->pos = entry.pos;
        count++;
        r = view_store_fold(&view, &entry, err);
    }
    return r < 0 ? r : count;
}

/* One step, in one transaction. 0 when the view is complete, else the number of records folded. */
static int fold_turn(struct fold *fold, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    int count;
    int r;

    r = log_begin(fold->log, LOG_WRITE, &txn, err);
    if (r < 0)
        return r;
    if (!fold->has_begun) {
        r = begin_fold(fold, txn, err);
        if (r < 0)
            return r;
    }
    count = fold_some(fold, txn, err);
    if (count < 0)
        return count;
    if (count == 0) {
        r = view_store_put_number(txn, version_name, VIEW_VERSION, err);
        if (r < 0)
            return r;
    }
    r = log_commit(steal_ptr(txn), err);
    if (r < 0)
        return r;
    fold->count += (uint64_t)count;
    return count;
}

static int is_current(struct log *log, bool *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    uint64_t version;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    r = view_store_number(txn, version_name, &version, err);
    if (r < 0)
        return r;
    *ret = version == VIEW_VERSION;
    return 0;
}

int view_store_prepare(struct log *log, uint64_t *ret_folded, struct error *err)
{
    struct fold fold = { .log = log };
    bool current;
    int r;

    r = is_current(log, &current, err);
    if (r < 0)
        return error_add_context(err, r, "prepare the view");
    r = current ? 0 : 1;
    while (r > 0)
        r = fold_turn(&fold, err);
    if (r < 0)
        return error_add_context(err, r, "fold the view");
    *ret_folded = fold.count;
    return 0;
}
