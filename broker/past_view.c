/* Which rows of the view a snapshot holds; see the header. */
#include "broker/past_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fleet/view.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define CAPACITY_MIN 64

void past_pending_clear(struct past_pending *pending)
{
    free(pending->ids);
    *pending = (struct past_pending){ 0 };
}

void past_pending_add(struct past_pending *pending, struct command_id id)
{
    if (pending->count == pending->capacity) {
        pending->capacity = pending->capacity == 0 ? CAPACITY_MIN : pending->capacity * 2;
        pending->ids = mem_resized(pending->ids, pending->capacity * sizeof(*pending->ids));
    }
    pending->ids[pending->count++] = id;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct command_id));
}

/* In order, each once. */
static void sort(struct past_pending *pending)
{
    size_t kept = 0;

    if (pending->count > 1)
        qsort(pending->ids, pending->count, sizeof(*pending->ids), compare_ids);
    for (size_t i = 0; i < pending->count; i++) {
        if (kept == 0 || !command_id_equal(pending->ids[kept - 1], pending->ids[i]))
            pending->ids[kept++] = pending->ids[i];
    }
    pending->count = kept;
}

static int is_pending(struct bytes value, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row;
    int r = schema_decode(&command_row_schema, value, &row, &arena, err);

    return r < 0 ? error_add_context(err, -EUCLEAN, "a row of a command")
                 : row.state == COMMAND_PENDING;
}

/* Commands on their way into a list. */
struct scan {
    struct past_pending *pending;
    struct error *err;
    int result;
};

static int scan_row(void *owner, struct bytes key, struct bytes value)
{
    struct scan *scan = owner;
    struct command_id id;

    scan->result = is_pending(value, scan->err);
    if (scan->result > 0 && key.size == sizeof(id)) {
        memcpy(&id, key.data, sizeof(id));
        past_pending_add(scan->pending, id);
    }
    return scan->result < 0 ? scan->result : 0;
}

int past_pending_scan(struct past_pending *pending, const struct view *view, struct error *err)
{
    struct scan scan = { .pending = pending, .err = err };
    int r = view->functions->walk(view->store, VIEW_COMMANDS, (struct bytes){ 0 }, scan_row, &scan,
                                  err);

    return r < 0 ? r : scan.result < 0 ? scan.result : 0;
}

/* Rows on their way into a snapshot. */
struct writing {
    struct past_writer *writer;
    enum view_table table;
    struct error *err;
    int result;
};

static int write_row(void *owner, struct bytes key, struct bytes value)
{
    struct writing *writing = owner;
    const struct past_row row = { .table = (uint32_t)writing->table, .key = key, .value = value };

    writing->result = past_writer_row(writing->writer, &row, writing->err);
    return writing->result;
}

/* Of the totals those of a host's commands that have no outcome. */
static int write_total(void *owner, struct bytes key, struct bytes value)
{
    if (!bytes_begin_with(key, bytes_of_text(VIEW_PENDING_PREFIX)))
        return 1;
    return write_row(owner, key, value);
}

static int write_pending(const struct view *view, struct past_pending *pending,
                         struct writing *writing)
{
    size_t kept = 0;

    writing->table = VIEW_COMMANDS;
    sort(pending);
    for (size_t i = 0; i < pending->count; i++) {
        struct command_id id = pending->ids[i];
        struct bytes key = bytes_at(id.bytes, sizeof(id.bytes));
        struct bytes value;
        int r = view->functions->get(view->store, VIEW_COMMANDS, key, &value);

        if (r == -ENOENT)
            continue;
        if (r < 0)
            return error_set(writing->err, r, "read a command of the view");
        r = is_pending(value, writing->err);
        if (r > 0) {
            pending->ids[kept++] = id;
            r = write_row(writing, key, value);
        }
        if (r < 0)
            return r;
    }
    pending->count = kept;
    return 0;
}

int past_view_write(const struct view *view, struct past_pending *pending,
                    struct past_writer *writer, struct error *err)
{
    static const enum view_table whole[] = { VIEW_HOSTS, VIEW_CONTAINERS, VIEW_NAMES };
    struct writing writing = { .writer = writer, .err = err };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(whole) / sizeof(*whole); i++) {
        writing.table = whole[i];
        r = view->functions->walk(view->store, whole[i], (struct bytes){ 0 }, write_row, &writing,
                                  err);
        r = r == 0 ? writing.result : r;
    }
    if (r == 0)
        r = write_pending(view, pending, &writing);
    writing.table = VIEW_TOTALS;
    if (r == 0)
        r = view->functions->walk(view->store, VIEW_TOTALS, bytes_of_text(VIEW_PENDING_PREFIX),
                                  write_total, &writing, err);
    return r < 0 ? r : writing.result;
}

typedef int visit_fn(void *owner, const struct past_row *row, struct error *err);

static int visit_rows(struct past_store *store, const struct past_snapshot *snapshot,
                      visit_fn *visit, void *owner, struct error *err)
{
    int r = 0;

    for (uint32_t chunk = 1; r == 0 && chunk <= snapshot->chunks; chunk++) {
        autoarena arena = { 0 };
        struct past_rows rows;
        const struct past_row *items;

        r = past_store_rows(store, snapshot->pos, chunk, &rows, &arena, err);
        if (r == -ENOENT)
            r = error_set(err, -EUCLEAN, "chunk %u of the snapshot at %llu is missing", chunk,
                          (unsigned long long)snapshot->pos);
        items = rows.rows.items;
        for (size_t i = 0; r == 0 && i < rows.rows.count; i++)
            r = visit(owner, &items[i], err);
    }
    return r;
}

static int take_pending(void *owner, const struct past_row *row, struct error *err)
{
    struct command_id id;

    (void)err;
    if (row->table != VIEW_COMMANDS || row->key.size != sizeof(id))
        return 0;
    memcpy(&id, row->key.data, sizeof(id));
    past_pending_add(owner, id);
    return 0;
}

int past_pending_load(struct past_pending *pending, struct past_store *store,
                      const struct past_snapshot *snapshot, struct error *err)
{
    return visit_rows(store, snapshot, take_pending, pending, err);
}

static int put_row(void *owner, const struct past_row *row, struct error *err)
{
    const struct view *view = owner;

    if (row->table >= VIEW_TABLE_COUNT || row->key.size == 0 || row->key.size > VIEW_KEY_MAX)
        return error_set(err, -EUCLEAN, "a snapshot has a row of no table");
    return view->functions->put(view->store, (enum view_table)row->table, row->key, row->value,
                                err);
}

int past_view_load(struct past_store *store, const struct past_snapshot *snapshot,
                   const struct view *view, struct error *err)
{
    struct view into = *view;

    return visit_rows(store, snapshot, put_row, &into, err);
}
