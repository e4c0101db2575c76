/* The view kept beside the log; see the header. */
#include "broker/view_store.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "broker/io/log_lmdb.h"
#include "broker/record_reader.h"
#include "broker/view_base.h"
#include "common/arena.h"
#include "common/fleet/memory_view.h"
#include "common/fleet/row_cache.h"
#include "schemas/codec.h"

/* Address space that the log may grow into; the file is as large as what is in it. */
#define LOG_BYTES_MAX (64ULL * 1024 * 1024 * 1024)

/* Of rows of a table as messages while the view is made anew. */
#define ROWS_BYTES_MAX (4UL * 1024 * 1024)

/* Rows that one transaction saves when the view is made anew. */
#define SAVE_ROWS_MAX 10000

/* While a view is being made anew: of no version, so that an interrupted one begins again. */
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
    int r = log_table_walk(store, table, from, visit, owner, err);

    return r > 0 ? 0 : r; /* who has seen enough has not failed */
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

int view_store_fold(const struct view *view, const struct log_entry *entry, struct error *err)
{
    autoarena arena = { 0 };
    struct record record;
    int r;

    /* Its checksum says that it is what schema_encode() made. */
    r = schema_decode_guarded(&record_schema, entry->record, &record, &arena, err);
    if (r < 0)
        return error_add_context(err, r, "record %llu", (unsigned long long)entry->pos);
    r = fleet_apply(view, &record, err);
    return r == -EPROTO ? 0 : r; /* the view could not follow it the first time either */
}

int view_store_forget(struct log *log, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    int r = log_begin(log, LOG_WRITE, &txn, err);

    if (r == 0)
        r = view_store_put_number(txn, version_name, VERSION_UNFINISHED, err);
    return r < 0 ? r : log_commit(steal_ptr(txn), err);
}

/* The view as it was at the floor: empty, or the base's. */
static int begin_fold(struct log *log, const struct view *view, uint64_t *ret_floor,
                      struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r == 0)
        r = log_state(txn, &state, err);
    if (r == 0 && state.floor > 0)
        r = view_base_copy(txn, view, err);
    if (r == 0)
        *ret_floor = state.floor;
    return r;
}

/* All that is kept, in memory: there a row that changes a thousand times costs no page of the
 * disk. */
static int fold_all(struct log *log, const struct view *memory, uint64_t *ret_count,
                    struct error *err)
{
    autodestroy(record_reader) struct record_reader *reader = NULL;
    autodestroy(row_cache) struct row_cache *rows = row_cache_new(ROWS_BYTES_MAX);
    const struct record *record;
    uint64_t count = 0;
    uint64_t floor = 0;
    int r;

    (void)row_cache_over(rows, memory);
    r = begin_fold(log, memory, &floor, err);
    if (r == 0)
        r = record_reader_new(log, floor, &reader, err);
    while (r >= 0 && (r = record_reader_next(reader, &record, err)) > 0) {
        count++;
        r = row_cache_fold(rows, record, err);
    }
    *ret_count = count;
    return r < 0 ? r : row_cache_write(rows, err);
}

/* Rows on their way from memory into the log's tables, some in each transaction. */
struct saving {
    struct log *log;
    struct log_txn *txn; /* NULL: none is open */
    unsigned table;
    unsigned rows; /* in the transaction */
    struct error *err;
    int result;
};

static int save_begin(struct saving *saving)
{
    return saving->txn != NULL ? 0 : log_begin(saving->log, LOG_WRITE, &saving->txn, saving->err);
}

static int save_row(void *owner, struct bytes key, struct bytes value)
{
    struct saving *saving = owner;
    int r = save_begin(saving);

    if (r == 0)
        r = log_table_put(saving->txn, saving->table, key, value, saving->err);
    if (r == 0 && ++saving->rows % SAVE_ROWS_MAX == 0)
        r = log_commit(steal_ptr(saving->txn), saving->err);
    saving->result = r;
    return r;
}

static int save_table(struct saving *saving, const struct view *view, unsigned table)
{
    int r = save_begin(saving);

    saving->table = table;
    if (r == 0)
        r = log_table_clear(saving->txn, table, saving->err);
    if (r == 0)
        r = view->functions->walk(view->store, (enum view_table)table, (struct bytes){ 0 },
                                  save_row, saving, saving->err);
    return r == 0 ? saving->result : r;
}

/* Only when all of it is there is it of a version. */
static int save_all(struct log *log, const struct view *view, struct error *err)
{
    struct saving saving = { .log = log, .err = err };
    int r = 0;

    for (unsigned i = 0; r == 0 && i < VIEW_TABLE_COUNT; i++)
        r = save_table(&saving, view, i);
    if (r == 0)
        r = save_begin(&saving);
    if (r == 0)
        r = view_store_put_number(saving.txn, version_name, VIEW_VERSION, err);
    if (r < 0) {
        log_abort(saving.txn);
        return r;
    }
    return log_commit(saving.txn, err);
}

static int make_anew(struct log *log, uint64_t *ret_folded, struct error *err)
{
    autodestroy(memory_view) struct memory_view *memory = memory_view_new();
    const struct view *view = memory_view_view(memory);
    int r;

    r = view_store_forget(log, err);
    if (r == 0)
        r = fold_all(log, view, ret_folded, err);
    return r < 0 ? r : save_all(log, view, err);
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
    uint64_t folded = 0;
    bool current;
    int r;

    r = is_current(log, &current, err);
    if (r < 0)
        return error_add_context(err, r, "prepare the view");
    r = current ? 0 : make_anew(log, &folded, err);
    if (r < 0)
        return error_add_context(err, r, "fold the view");
    *ret_folded = folded;
    return 0;
}
