/* Dropping the oldest records of the log; see the header. */
#include "broker/trim.h"

#include <errno.h>
#include <string.h>

#include "broker/view_base.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/fleet/row_cache.h"
#include "schemas/codec.h"
#include "schemas/events.h"

enum verdict { TRIM_KEEP, TRIM_HELD, TRIM_GO };

/* The oldest records while they are looked at. */
struct range {
    const struct trim_wish *wish;
    struct log_txn *txn;
    const struct view *view; /* the live one: it knows which commands have ended */
    uint64_t head;
    uint64_t excess_bytes; /* that are too much, as far as the range has come */
    uint64_t upto;         /* position of its last record; 0: none */
    unsigned count;
    unsigned notices; /* of these: log.trimmed */
};

static int range_begin(struct range *range, struct log_txn *txn, const struct view *view,
                       const struct trim_wish *wish, struct error *err)
{
    struct log_state state;
    int r;

    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    *range = (struct range){
        .wish = wish,
        .txn = txn,
        .view = view,
        .head = state.head,
    };
    if (wish->bytes_max != 0 && state.record_bytes > wish->bytes_max)
        range->excess_bytes = state.record_bytes - wish->bytes_max;
    return 0;
}

/* Whether somebody still has to act on it: a command that has no outcome. */
static int is_waited_for(const struct range *range, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row;
    int r;

    if (record->kind != RECORD_COMMAND)
        return 0;
    r = view_command(range->view, record->id, &row, &arena, err);
    if (r == -ENOENT)
        return 0; /* it ended, and that was long ago */
    return r < 0 ? r : row.state == COMMAND_PENDING;
}

static int judge(const struct range *range, const struct record *record, enum verdict *ret,
                 struct error *err)
{
    int r;

    *ret = TRIM_KEEP;
    if (record->pos == range->head)
        return 0;
    if (record->time >= range->wish->before_ns && range->excess_bytes == 0)
        return 0;
    r = is_waited_for(range, record, err);
    if (r < 0)
        return r;
    *ret = r > 0 ? TRIM_HELD : TRIM_GO;
    return 0;
}

static void range_take(struct range *range, const struct log_entry *entry,
                       const struct record *record)
{
    size_t size = entry->record.size;

    range->excess_bytes -= size < range->excess_bytes ? size : range->excess_bytes;
    range->upto = entry->pos;
    range->count++;
    if (strcmp(record->type, log_trimmed_schema.name) == 0)
        range->notices++;
}

/* Look at the next record, and take it when it is to go. 0 at the end of the log. */
static int range_step(struct range *range, struct log_cursor *cursor, enum verdict *ret,
                      uint64_t *ret_pos, struct error *err)
{
    autoarena arena = { 0 };
    struct log_entry entry;
    struct record record;
    int r;

    *ret = TRIM_KEEP;
    r = log_next(cursor, &entry, err);
    if (r <= 0)
        return r;
    r = schema_decode(&record_schema, entry.record, &record, &arena, err);
    if (r < 0)
        return error_add_context(err, r, "record %llu", (unsigned long long)entry.pos);
    *ret_pos = entry.pos;
    r = judge(range, &record, ret, err);
    if (r < 0)
        return r;
    if (*ret == TRIM_GO)
        range_take(range, &entry, &record);
    return 1;
}

int trim_is_due(struct log_txn *txn, const struct view *view, const struct trim_wish *wish,
                bool *ret, uint64_t *ret_held_by, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct range range;
    enum verdict verdict;
    uint64_t pos = 0;
    int r;

    r = range_begin(&range, txn, view, wish, err);
    if (r < 0)
        return r;
    r = log_walk(txn, NULL, 0, &cursor, err);
    if (r < 0)
        return r;
    r = range_step(&range, cursor, &verdict, &pos, err);
    if (r < 0)
        return r;
    *ret = verdict == TRIM_GO;
    *ret_held_by = verdict == TRIM_HELD ? pos : 0;
    return 0;
}

static int range_collect(struct range *range, struct trimmed *trimmed, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    enum verdict verdict = TRIM_GO;
    uint64_t pos = 0;
    int r;

    r = log_walk(range->txn, NULL, 0, &cursor, err);
    while (r >= 0 && verdict == TRIM_GO && range->count < range->wish->records_max) {
        r = range_step(range, cursor, &verdict, &pos, err);
        if (r == 0)
            break;
    }
    if (r < 0)
        return r;
    trimmed->has_more = verdict == TRIM_GO && range->count == range->wish->records_max;
    trimmed->held_by = verdict == TRIM_HELD ? pos : 0;
    return 0;
}

/* What is about to go, into the base. */
static int fold_range(const struct range *range, struct error *err)
{
    autodestroy(row_cache) struct row_cache *rows = row_cache_new(0);
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry;
    const struct view *view;
    struct view base;
    int r;

    r = view_base_open(range->txn, &base, err);
    if (r < 0)
        return r;
    view = row_cache_over(rows, &base);
    r = log_walk(range->txn, NULL, 0, &cursor, err);
    for (unsigned i = 0; r >= 0 && i < range->count; i++) {
        r = log_next(cursor, &entry, err);
        if (r < 0)
            return r;
        r = view_store_fold(view, &entry, err);
    }
    if (r >= 0)
        r = row_cache_write(rows, err);
    return r < 0 ? r : view_base_moved(range->txn, range->upto, err);
}

int trim_log(struct log_txn *txn, const struct view *view, const struct trim_wish *wish,
             struct trimmed *ret, struct error *err)
{
    struct trimmed trimmed = { 0 };
    struct range range;
    int r;

    r = range_begin(&range, txn, view, wish, err);
    if (r < 0)
        return r;
    r = range_collect(&range, &trimmed, err);
    if (r < 0)
        return r;
    if (range.count == range.notices && range.count < wish->records_max) {
        *ret = (struct trimmed){ .held_by = trimmed.held_by };
        return 0;
    }
    r = fold_range(&range, err);
    if (r < 0)
        return r;
    r = log_trim(txn, range.upto, range.count, &trimmed.records, err);
    if (r < 0)
        return r;
    trimmed.floor = range.upto;
    *ret = trimmed;
    return 0;
}
