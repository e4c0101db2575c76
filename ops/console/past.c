/* The fleet as it was; see the header. */
#include "ops/console/past.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/memory_view.h"
#include "common/mem.h"
#include "ops/console/watch.h"
#include "schemas/codec.h"

struct past {
    struct console *console;
    char *host; /* in the console's arena; NULL: all */
    struct memory_view *memory;
    uint64_t pos;
    uint64_t time_ns;
};

struct past *past_new(struct console *console, const char *host)
{
    struct past *past = mem_new(struct past);

    past->console = console;
    past->host = arena_text(&console->arena, host);
    past->memory = memory_view_new();
    return past;
}

void past_destroy(struct past *past)
{
    if (past == NULL)
        return;
    memory_view_destroy(past->memory);
    free(past);
}

/* A fold on its way to a moment. */
struct folding {
    struct past *past;
    const struct moment *moment; /* NULL: to the end */
};

/* 1 when the moment is reached. */
static int fold_record(void *owner, const struct record *record, struct error *err)
{
    const struct folding *folding = owner;
    struct past *past = folding->past;
    int r;

    if (folding->moment != NULL && moment_is_before(folding->moment, record))
        return 1;
    r = fleet_apply(past_view(past), record, err);
    if (r < 0 && r != -EPROTO) /* the broker's view did not follow that one either */
        return error_add_context(err, r, "fold record %llu", (unsigned long long)record->pos);
    past->pos = record->pos;
    past->time_ns = record->time;
    return 0;
}

int past_fold(struct past *past, const struct moment *moment, struct error *err)
{
    struct folding folding = { .past = past, .moment = moment };
    struct watch watch = { .cursor = past->pos,
                           .hosts = { .items = &past->host, .count = past->host != NULL } };
    uint64_t head = 0;
    int r = watch_to_end(past->console, &watch, fold_record, &folding, &head, err);

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
