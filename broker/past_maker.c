/* Who makes the snapshots of the view; see the header. */
#include "broker/past_maker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/past_view.h"
#include "broker/view_base.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/crc32c.h"
#include "common/fleet/memory_view.h"
#include "common/fleet/row_cache.h"
#include "common/io/clock.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/events.h"

/* Records that are so many times as many as should lie between two snapshots are folded; fewer stay
 * together: their snapshot is the view as it is now. */
#define LIVE_GAPS_MAX 3

/* Of rows as messages while a log is folded. */
#define ROWS_BYTES_MAX (2UL * 1024 * 1024)

#define RECORD_BYTES_MIN 64
#define CLOCK_RECORDS    64 /* between two looks at the clock */

struct past_maker {
    struct log *log;
    struct past_store *store;
    struct past_snapshot newest; /* pos 0: there is none */
    struct past_pending pending; /* commands that may be without an outcome, where we are */
    struct past_snapshot here;   /* the last record that was looked at, as a snapshot has it */

    bool has_all_pending; /* false: the view has to be asked for all of them */
    uint64_t mark;        /* the next snapshot is to be so far beyond this */

    struct memory_view *memory; /* while an old log is folded, up to `here`; NULL: none is */
    struct row_cache *rows;     /* in front of it */
    bool knows_commands;        /* also those that had ended where the fold began */
};

static int begin(struct past_maker *maker, struct log_txn **ret_txn, struct log_state *ret,
                 struct error *err)
{
    int r = log_begin(maker->log, LOG_READ, ret_txn, err);

    return r < 0 ? r : log_state(*ret_txn, ret, err);
}

/* --- what is there already */

/* Whether the log has the record that the snapshot was made behind. */
static int is_borne_out(struct log_txn *txn, const struct past_snapshot *snapshot, bool *ret,
                        struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry = { 0 };
    int r = log_walk(txn, NULL, snapshot->pos - 1, &cursor, err);

    if (r == 0)
        r = log_next(cursor, &entry, err);
    if (r < 0)
        return r;
    *ret = r > 0 && entry.pos == snapshot->pos &&
           crc32c(0, entry.record.data, entry.record.size) == snapshot->record_crc32;
    return 0;
}

/* When that cannot be done, all of them. */
static int drop(struct past_maker *maker, uint64_t pos, struct error *err)
{
    int r = past_store_drop(maker->store, pos, NULL);

    return r == 0 || r == -ENOENT ? 0 : past_store_clear(maker->store, err);
}

/* The newest one; what cannot be read is dropped with all others. */
static int find_newest(struct past_maker *maker, struct past_snapshot *ret, struct error *err)
{
    static const struct past_bound any = { .pos = UINT64_MAX, .time = UINT64_MAX };
    int r = past_store_find(maker->store, &any, ret, err);

    if (r == -EUCLEAN)
        r = past_store_clear(maker->store, err) < 0 ? -EUCLEAN : -ENOENT;
    if (r == -ENOENT)
        *ret = (struct past_snapshot){ 0 };
    return r == -ENOENT ? 0 : r;
}

/* It can be read, and is of this log: its pending commands are taken. */
static int is_sound(struct past_maker *maker, struct log_txn *txn,
                    const struct past_snapshot *snapshot, bool *ret, struct error *err)
{
    bool is_good = false;
    int r = is_borne_out(txn, snapshot, &is_good, err);

    past_pending_clear(&maker->pending);
    if (r == 0 && is_good)
        r = past_pending_load(&maker->pending, maker->store, snapshot, NULL);
    *ret = r == 0 && is_good;
    return r == -EUCLEAN ? 0 : r;
}

/* Go by what is in the store, and drop what is not sound of it. */
static int begin_at_newest(struct past_maker *maker, struct log_txn *txn, uint64_t floor,
                           struct error *err)
{
    struct past_snapshot newest;
    bool is_good = false;
    int r = find_newest(maker, &newest, err);

    while (r == 0 && newest.pos > floor && !is_good) {
        r = is_sound(maker, txn, &newest, &is_good, err);
        if (r == 0 && !is_good)
            r = drop(maker, newest.pos, err);
        if (r == 0 && !is_good)
            r = find_newest(maker, &newest, err);
    }
    if (!is_good)
        past_pending_clear(&maker->pending);
    maker->newest = is_good ? newest : (struct past_snapshot){ 0 };
    maker->here = maker->newest;
    if (!is_good)
        maker->here.pos = floor;
    maker->mark = maker->here.pos;
    maker->has_all_pending = is_good || floor == 0;
    return r;
}

static void end_fold(struct past_maker *maker)
{
    row_cache_destroy(maker->rows);
    memory_view_destroy(maker->memory);
    maker->rows = NULL;
    maker->memory = NULL;
}

int past_maker_new(struct log *log, struct past_store *store, struct past_maker **ret,
                   struct error *err)
{
    autodestroy(past_maker) struct past_maker *maker = mem_new(struct past_maker);
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct past_source source = { .version = VIEW_VERSION };
    struct log_state state;
    int r;

    maker->log = log;
    maker->store = store;
    r = begin(maker, &txn, &state, err);
    if (r < 0)
        return r;
    source.log = state.id;
    source.epoch = state.epoch;
    r = past_store_claim(store, &source, err);
    if (r == 0)
        r = begin_at_newest(maker, txn, state.floor, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(maker);
    return 0;
}

void past_maker_destroy(struct past_maker *maker)
{
    if (maker == NULL)
        return;
    end_fold(maker);
    past_pending_clear(&maker->pending);
    free(maker);
}

static int begin_again(struct past_maker *maker, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    int r;

    end_fold(maker);
    r = begin(maker, &txn, &state, err);
    return r == 0 ? begin_at_newest(maker, txn, state.floor, err) : r;
}

int past_maker_drop(struct past_maker *maker, uint64_t pos, struct error *err)
{
    int r = drop(maker, pos, err);

    return r < 0 ? r : begin_again(maker, err);
}

/* --- how far apart they are */

static uint64_t interval(const struct past_snapshot *snapshot, const struct log_state *state)
{
    uint64_t records = state->head - state->floor;
    uint64_t record_bytes = records > 0 ? state->record_bytes / records : 0;
    uint64_t distance;

    if (record_bytes < RECORD_BYTES_MIN)
        record_bytes = RECORD_BYTES_MIN;
    distance = PAST_SHARE * snapshot->bytes / record_bytes;
    return distance > PAST_RECORDS_MIN ? distance : PAST_RECORDS_MIN;
}

/* --- looking at records, writing what they have come to */

static int look_at(struct past_maker *maker, const struct log_entry *entry, struct record *ret,
                   struct arena *arena, struct error *err)
{
    struct past_snapshot *here = &maker->here;
    /* Its checksum says that it is what schema_encode() made. */
    int r = schema_decode_guarded(&record_schema, entry->record, ret, arena, err);

    if (r < 0)
        return error_add_context(err, r, "record %llu", (unsigned long long)entry->pos);
    here->pos = entry->pos;
    here->time = ret->time;
    here->latest = ret->time > here->latest ? ret->time : here->latest;
    here->record_crc32 = 0; /* when it is wanted */
    if (ret->kind == RECORD_COMMAND)
        past_pending_add(&maker->pending, ret->id);
    else if (strcmp(ret->type, command_recovered_schema.name) == 0)
        past_pending_add(&maker->pending, ret->cause);
    return 0;
}

/* Write `view`, which is that of the record of `entry`, the last one that was looked at. */
static int write_here(struct past_maker *maker, struct past_writer *writer, const struct view *view,
                      const struct log_entry *entry, struct error *err)
{
    struct past_snapshot *here = &maker->here;
    int r;

    past_writer_begin(writer, here->pos);
    here->record_crc32 = crc32c(0, entry->record.data, entry->record.size);
    r = past_view_write(view, &maker->pending, writer, err);
    return r == 0 ? past_writer_end(writer, here, err) : r;
}

/* --- near the end: from the view that is kept */

static int look_at_all(struct past_maker *maker, struct log_cursor *cursor,
                       struct log_entry *ret_last, struct error *err)
{
    autoarena arena = { 0 };
    struct log_entry entry;
    struct record record;
    int r;

    while ((r = log_next(cursor, &entry, err)) > 0) {
        arena_empty(&arena);
        r = look_at(maker, &entry, &record, &arena, err);
        if (r < 0)
            return r;
        *ret_last = entry;
    }
    return r;
}

static int take_live(struct past_maker *maker, struct log_txn *txn, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    autodestroy(past_writer) struct past_writer *writer = NULL;
    const struct view view = view_store_in(txn);
    struct log_entry last = { 0 };
    int r = log_walk(txn, NULL, maker->here.pos, &cursor, err);

    if (r == 0)
        r = look_at_all(maker, cursor, &last, err);
    if (r == 0 && !maker->has_all_pending)
        r = past_pending_scan(&maker->pending, &view, err);
    if (r < 0 || last.pos == 0)
        return r;
    maker->has_all_pending = true;
    r = past_writer_new(maker->store, &writer, err);
    if (r == 0)
        r = write_here(maker, writer, &view, &last, err);
    if (r == 0)
        r = past_writer_commit(steal_ptr(writer), err);
    if (r < 0)
        return r;
    maker->newest = maker->here;
    maker->mark = maker->here.pos;
    return 0;
}

/* --- far from it: folded in memory */

static int begin_at_floor(struct past_maker *maker, struct log_txn *txn, uint64_t floor,
                          struct error *err)
{
    const struct view *view = memory_view_view(maker->memory);
    int r = floor > 0 ? view_base_copy(txn, view, err) : 0;

    past_pending_clear(&maker->pending);
    maker->here = (struct past_snapshot){ .pos = floor };
    maker->mark = floor;
    maker->has_all_pending = true;
    return r == 0 ? past_pending_scan(&maker->pending, view, err) : r;
}

/* From the newest snapshot, or when `is_whole` or there is none from the log's floor. */
static int begin_fold(struct past_maker *maker, struct log_txn *txn, uint64_t floor, bool is_whole,
                      struct error *err)
{
    int r = begin_at_newest(maker, txn, floor, err);

    if (r < 0)
        return r;
    end_fold(maker);
    maker->memory = memory_view_new();
    maker->rows = row_cache_new(ROWS_BYTES_MAX);
    (void)row_cache_over(maker->rows, memory_view_view(maker->memory));
    maker->knows_commands = is_whole || maker->newest.pos == 0;
    if (maker->knows_commands)
        r = begin_at_floor(maker, txn, floor, err);
    else
        r = past_view_load(maker->store, &maker->newest, memory_view_view(maker->memory), err);
    if (r == -EUCLEAN && !maker->knows_commands)
        return past_maker_drop(maker, maker->newest.pos, err);
    if (r < 0)
        end_fold(maker);
    return r;
}

/* A fold up to some time, or to the end. */
struct slice {
    struct log_txn *txn;
    const struct log_state *state;
    struct past_writer *writer; /* NULL: nothing to write yet */
    uint64_t end_ms;
    bool is_at_end;
};

static int write_mark(struct past_maker *maker, struct slice *slice, const struct log_entry *entry,
                      struct error *err)
{
    int r = 0;

    maker->mark = entry->pos;
    if (entry->pos <= maker->newest.pos)
        return 0; /* it is there */
    r = row_cache_write(maker->rows, err);
    if (r == 0 && slice->writer == NULL)
        r = past_writer_new(maker->store, &slice->writer, err);
    if (r == 0)
        r = write_here(maker, slice->writer, memory_view_view(maker->memory), entry, err);
    if (r == 0)
        maker->newest = maker->here;
    return r;
}

/* -ERESTART: what it says cannot be folded from where this fold began. */
static int fold_one(struct past_maker *maker, struct slice *slice, const struct log_entry *entry,
                    struct error *err)
{
    autoarena arena = { 0 };
    struct record record;
    int r = look_at(maker, entry, &record, &arena, err);

    if (r < 0)
        return r;
    if (!maker->knows_commands && strcmp(record.type, command_recovered_schema.name) == 0)
        return -ERESTART;
    r = row_cache_fold(maker->rows, &record, err);
    if (r < 0)
        return r;
    if (entry->pos - maker->mark < interval(&maker->newest, slice->state))
        return 0;
    return write_mark(maker, slice, entry, err);
}

static int fold_some(struct past_maker *maker, struct slice *slice, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry;
    unsigned count = 0;
    int r = log_walk(slice->txn, NULL, maker->here.pos, &cursor, err);

    if (r < 0)
        return r;
    do {
        r = log_next(cursor, &entry, err);
        slice->is_at_end = r == 0;
        if (r > 0)
            r = fold_one(maker, slice, &entry, err);
        else if (r == 0)
            return 0;
    } while (r == 0 && (++count % CLOCK_RECORDS != 0 || clock_steady_ms() < slice->end_ms));
    return r;
}

static int fold_on(struct past_maker *maker, struct log_txn *txn, const struct log_state *state,
                   struct past_progress *progress, struct error *err)
{
    struct slice slice = { .txn = txn, .state = state, .end_ms = clock_steady_ms() + PAST_STEP_MS };
    int r = fold_some(maker, &slice, err);
    bool must_restart = r == -ERESTART;

    if (must_restart)
        r = 0;
    if (r == 0 && slice.writer != NULL)
        r = past_writer_commit(steal_ptr(slice.writer), err);
    past_writer_destroy(slice.writer);
    if (r < 0) {
        (void)begin_again(maker, NULL);
        return r;
    }
    if (must_restart)
        return begin_fold(maker, txn, state->floor, true, err);
    if (slice.is_at_end) {
        end_fold(maker);
        progress->built = state->head;
    }
    return 0;
}

/* --- a step */

static int drop_trimmed(struct past_maker *maker, struct log_txn *txn, uint64_t floor,
                        struct error *err)
{
    int r = floor > 0 ? past_store_drop_below(maker->store, floor, err) : 0;

    if (r < 0 || maker->here.pos >= floor)
        return r;
    end_fold(maker);
    return begin_at_newest(maker, txn, floor, err);
}

static int step(struct past_maker *maker, struct past_progress *progress, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    uint64_t wanted;
    uint64_t gap;
    int r = begin(maker, &txn, &state, err);

    if (r == 0)
        r = drop_trimmed(maker, txn, state.floor, err);
    if (r < 0)
        return r;
    wanted = interval(&maker->newest, &state);
    gap = state.head - maker->mark;
    if (maker->memory == NULL && gap < wanted) {
        progress->wait_records = wanted - gap;
        return 0;
    }
    if (maker->memory == NULL && gap <= wanted * LIVE_GAPS_MAX)
        return take_live(maker, txn, err);
    if (maker->memory == NULL)
        r = begin_fold(maker, txn, state.floor, false, err);
    return r == 0 && maker->memory != NULL ? fold_on(maker, txn, &state, progress, err) : r;
}

int past_maker_step(struct past_maker *maker, struct past_progress *ret, struct error *err)
{
    struct past_progress progress = { 0 };
    int r = step(maker, &progress, err);

    *ret = progress;
    return r;
}
