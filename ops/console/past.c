/* The fleet as it was; see the header. */
#include "ops/console/past.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/memory_view.h"
#include "common/fleet/row_cache.h"
#include "common/mem.h"
#include "ops/console/watch.h"
#include "schemas/codec.h"
#include "schemas/past.h"

/* Of rows as messages while the log is folded. */
#define ROWS_BYTES_MAX (4UL * 1024 * 1024)

struct past {
    struct console *console;
    char *host;      /* in the console's arena; NULL: all */
    char *container; /* likewise: only this one, if a snapshot has it; NULL: all */
    struct memory_view *memory;
    uint64_t pos;
    uint64_t time_ns;
    uint64_t snapshot; /* position of the one that the fold began with; 0: none */
    uint64_t first;    /* position of the broker's oldest; 0: it has none */
};

struct past *past_new(struct console *console, const char *host)
{
    struct past *past = mem_new(struct past);

    past->console = console;
    past->host = arena_text(&console->arena, host);
    past->memory = memory_view_new();
    return past;
}

struct past *past_new_of(struct console *console, const char *container)
{
    struct past *past = past_new(console, NULL);

    past->container = arena_text(&console->arena, container);
    return past;
}

void past_destroy(struct past *past)
{
    if (past == NULL)
        return;
    memory_view_destroy(past->memory);
    free(past);
}

/* --- beginning with a snapshot */

static void forget(struct past *past)
{
    memory_view_destroy(past->memory);
    past->memory = memory_view_new();
    past->pos = 0;
    past->time_ns = 0;
    past->snapshot = 0;
}

static int put_rows(struct past *past, const struct past_is *page, struct error *err)
{
    const struct view *view = past_view(past);
    const struct past_row *rows = page->rows.items;
    int r = 0;

    for (size_t i = 0; r == 0 && i < page->rows.count; i++) {
        if (rows[i].table >= VIEW_TABLE_COUNT || rows[i].key.size == 0 ||
            rows[i].key.size > VIEW_KEY_MAX)
            return error_set(err, -EBADMSG, "a snapshot of the broker has a row of no table");
        r = view->functions->put(view->store, (enum view_table)rows[i].table, rows[i].key,
                                 rows[i].value, err);
    }
    return r;
}

static int ask_page(struct past *past, const struct past_ask *asked, struct arena *arena,
                    struct past_is *ret, struct error *err)
{
    const struct client_question question = { .schema = &past_ask_schema,
                                              .message = asked,
                                              .reply = &past_is_schema };
    struct client *client = NULL;
    int r = console_client(past->console, &client, err);

    return r < 0 ? r : client_ask(client, &question, ret, arena, err);
}

/* A page, if it gets on; 1 when there are more. */
static int load_page(struct past *past, struct past_ask *asked, struct error *err)
{
    autoarena arena = { 0 };
    struct past_is page = { 0 };
    int r = ask_page(past, asked, &arena, &page, err);

    if (r < 0)
        return r;
    past->first = page.first;
    if (page.version != VIEW_VERSION || page.snapshot <= past->pos)
        return 0; /* none that would help */
    if (asked->snapshot == 0)
        forget(past);
    r = put_rows(past, &page, err);
    if (r < 0)
        return r;
    asked->snapshot = page.snapshot;
    asked->chunk = page.next;
    if (page.next != 0)
        return 1;
    past->pos = page.snapshot;
    past->snapshot = page.snapshot;
    past->time_ns = page.time;
    return 0;
}

/* The newest snapshot that is not beyond the moment, when that is further than the fold has come.
 * A broker that has none is no failure: all can be folded. */
static int load_snapshot(struct past *past, const struct moment *moment, struct error *err)
{
    struct past_ask asked = { .host = past->host, .container = past->container };
    struct error why = { 0 };
    int r;

    if (moment != NULL && moment->is_position)
        asked.pos = moment->pos;
    else if (moment != NULL)
        asked.time = moment->time_ns;
    if (moment != NULL && asked.pos == 0 && asked.time == 0)
        return 0; /* the beginning */
    while ((r = load_page(past, &asked, &why)) > 0)
        continue;
    if (asked.snapshot != 0 && past->snapshot != asked.snapshot)
        forget(past);                     /* a part of it only */
    if (r == -EREMOTEIO || r == -ENODATA) /* an older broker; it has just been trimmed */
        return 0;
    return r < 0 ? error_set(err, r, "%s", why.text) : 0;
}

/* Of one container its host's records are enough, when a snapshot knows the host; else it is looked
 * for among all. */
static int find_host(struct past *past, struct error *err)
{
    struct container_row row;
    int r = view_container(past_view(past), past->container, &row, &past->console->arena, err);

    if (r < 0 && r != -ENOENT)
        return r;
    past->host = r == 0 ? row.host : NULL;
    past->container = NULL;
    if (r == -ENOENT)
        forget(past);
    return 0;
}

static int begin(struct past *past, const struct moment *moment, struct error *err)
{
    int r = load_snapshot(past, moment, err);

    if (r < 0 || past->container == NULL)
        return r;
    r = find_host(past, err);
    return r == 0 && past->host == NULL ? load_snapshot(past, moment, err) : r;
}

/* --- folding from there */

/* A fold on its way to a moment. */
struct folding {
    struct past *past;
    struct row_cache *rows;
    const struct moment *moment; /* NULL: to the end */
    bool must_restart;
};

/* What a host tells again may be of commands that had ended before the snapshot, which has them no
 * longer: only a fold of all of it knows. */
static bool is_beyond_snapshot(const struct past *past, const struct record *record)
{
    return past->snapshot != 0 && strcmp(record->type, command_recovered_schema.name) == 0;
}

/* 1 when the moment is reached. */
static int fold_record(void *owner, const struct record *record, struct error *err)
{
    struct folding *folding = owner;
    struct past *past = folding->past;
    int r;

    if (folding->moment != NULL && moment_is_before(folding->moment, record))
        return 1;
    if (is_beyond_snapshot(past, record)) {
        folding->must_restart = true;
        return 1;
    }
    r = row_cache_fold(folding->rows, record, err);
    if (r < 0)
        return error_add_context(err, r, "fold record %llu", (unsigned long long)record->pos);
    past->pos = record->pos;
    past->time_ns = record->time;
    return 0;
}

static int fold_on(struct past *past, struct folding *folding, uint64_t *ret_head,
                   struct error *err)
{
    autodestroy(row_cache) struct row_cache *rows = row_cache_new(ROWS_BYTES_MAX);
    struct watch watch = { .cursor = past->pos,
                           .hosts = { .items = &past->host, .count = past->host != NULL } };
    int r;

    folding->rows = rows;
    (void)row_cache_over(rows, past_view(past));
    r = watch_to_end(past->console, &watch, fold_record, folding, ret_head, err);
    return r < 0 ? r : row_cache_write(rows, err);
}

int past_fold(struct past *past, const struct moment *moment, struct error *err)
{
    struct folding folding = { .past = past, .moment = moment };
    uint64_t head = 0;
    int r = begin(past, moment, err);

    if (r == 0)
        r = fold_on(past, &folding, &head, err);
    if (r >= 0 && folding.must_restart) {
        forget(past);
        r = fold_on(past, &folding, &head, err);
        folding.must_restart = r < 0;
    }
    if (r == -ENODATA && folding.must_restart)
        return error_set(err, r,
                         "a host told its commands anew before that moment, and what they are can "
                         "only be known from the whole log, whose beginning is no longer kept: "
                         "give another moment");
    if (r == -ENODATA && past->first != 0)
        return error_set(err, r,
                         "the log begins later, and what the fleet was can be told from position "
                         "%llu on: give pos:%llu or a later moment",
                         (unsigned long long)past->first, (unsigned long long)past->first);
    if (r < 0)
        return r;
    if (moment != NULL && moment->is_position && moment->pos > head)
        return error_set(err, -ERANGE, "the log ends at position %llu: there is no %llu yet",
                         (unsigned long long)head, (unsigned long long)moment->pos);
    return 0;
}

uint64_t past_pos(const struct past *past)
{
    return past->pos;
}

uint64_t past_time_ns(const struct past *past)
{
    return past->time_ns;
}

const struct view *past_view(const struct past *past)
{
    return memory_view_view(past->memory);
}

/* A table of the view while it is read. */
struct reading {
    const struct schema *schema; /* of a row */
    struct arena *arena;
    char *items; /* on the heap while it grows */
    size_t count;
    size_t capacity;
    struct error *err;
    int result;
};

static int read_row(void *owner, struct bytes key, struct bytes value)
{
    struct reading *reading = owner;
    size_t size = reading->schema->size;

    (void)key;
    if (reading->count == reading->capacity) {
        reading->capacity = reading->capacity == 0 ? 64 : reading->capacity * 2;
        reading->items = mem_resized(reading->items, reading->capacity * size);
    }
    reading->result = schema_decode(reading->schema, value, reading->items + reading->count * size,
                                    reading->arena, reading->err);
    reading->count++;
    return reading->result;
}

static int read_table(const struct past *past, enum view_table table, const struct schema *schema,
                      struct reading *ret, struct error *err)
{
    const struct view *view = past_view(past);
    struct reading reading = { .schema = schema, .arena = &past->console->arena, .err = err };
    autofree char *items = NULL;
    int r = view->functions->walk(view->store, table, (struct bytes){ 0 }, read_row, &reading, err);

    items = reading.items;
    if (r < 0 || reading.result < 0)
        return r < 0 ? r : reading.result;
    reading.items = arena_zeroed(reading.arena, reading.count * schema->size);
    if (reading.count > 0)
        memcpy(reading.items, items, reading.count * schema->size);
    *ret = reading;
    return 0;
}

int past_containers(const struct past *past, struct container_rows *ret, struct error *err)
{
    struct reading rows;
    int r = read_table(past, VIEW_CONTAINERS, &container_row_schema, &rows, err);

    if (r < 0)
        return r;
    *ret = (struct container_rows){ .items = (void *)rows.items,
                                    .count = rows.count,
                                    .pos = past->pos };
    return 0;
}

int past_hosts(const struct past *past, struct host_rows *ret, struct error *err)
{
    struct reading rows;
    int r = read_table(past, VIEW_HOSTS, &host_row_schema, &rows, err);

    if (r < 0)
        return r;
    *ret = (struct host_rows){ .items = (void *)rows.items, .count = rows.count };
    return 0;
}
