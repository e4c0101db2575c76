/* Rows of the fleet's view; see the header. */
#include "ops/console/fleet_rows.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

/* A table as it comes, page by page. */
struct collection {
    const struct schema *schema; /* of a row */
    char *items;                 /* on the heap while it grows */
    size_t count;
    size_t capacity;
    uint64_t pos;
};

static int take_page(struct collection *collection, const struct rows *page, struct arena *arena,
                     struct error *err)
{
    size_t size = collection->schema->size;

    for (size_t i = 0; i < page->rows.count; i++) {
        int r;

        if (collection->count == collection->capacity) {
            collection->capacity = collection->capacity == 0 ? 64 : collection->capacity * 2;
            collection->items = mem_resized(collection->items, collection->capacity * size);
        }
        r = schema_decode(collection->schema, page->rows.items[i].bytes,
                          collection->items + collection->count * size, arena, err);
        if (r < 0)
            return r;
        collection->count++;
    }
    collection->pos = page->pos;
    return 0;
}

static int collect(struct console *console, struct query *query, struct collection *collection,
                   struct error *err)
{
    const struct client_question question = { .schema = &query_schema,
                                              .message = query,
                                              .reply = &rows_schema };
    struct client_pending *pending = NULL;
    struct arena replies[2] = { { 0 } }; /* of the page that is read, and of the next one */
    struct client *client = NULL;
    unsigned turn = 0;
    int r = console_client(console, &client, err);

    if (r == 0)
        r = client_begin(client, &question, &replies[turn], &pending, err);
    while (r == 0 && pending != NULL) {
        struct rows page = { 0 };

        r = client_take(client, pending, &page, err);
        pending = NULL;
        query->after = arena_text(&console->arena, page.next);
        turn = 1 - turn;
        /* The broker looks for the next page while this one is read. */
        if (r == 0 && query->after != NULL)
            r = client_begin(client, &question, &replies[turn], &pending, err);
        if (r == 0)
            r = take_page(collection, &page, &console->arena, err);
        arena_done(&replies[1 - turn]);
    }
    if (pending != NULL) /* nobody may answer into an arena that is gone */
        (void)client_take(client, pending, &(struct rows){ 0 }, NULL);
    arena_done(&replies[turn]);
    return r;
}

/* All rows of a query, moved into the console's arena. */
static int collect_all(struct console *console, struct query *query, struct collection *collection,
                       struct error *err)
{
    autofree char *items = NULL;
    int r = collect(console, query, collection, err);

    items = collection->items;
    collection->items =
        arena_text_n(&console->arena, items, collection->count * collection->schema->size);
    return r;
}

static char containers_table[] = "containers";
static char hosts_table[] = "hosts";
static char images_table[] = "images";
static char volumes_table[] = "volumes";

int fleet_containers(struct console *console, const char *host, struct container_rows *ret,
                     struct error *err)
{
    struct collection rows = { .schema = &container_row_schema };
    struct query query = { .table = containers_table, .host = arena_text(&console->arena, host) };
    int r = collect_all(console, &query, &rows, err);

    if (r < 0)
        return r;
    *ret = (struct container_rows){ .items = (void *)rows.items,
                                    .count = rows.count,
                                    .pos = rows.pos };
    return 0;
}

int fleet_hosts(struct console *console, struct host_rows *ret, struct error *err)
{
    struct collection rows = { .schema = &host_row_schema };
    struct query query = { .table = hosts_table };
    int r = collect_all(console, &query, &rows, err);

    if (r < 0)
        return r;
    *ret = (struct host_rows){ .items = (void *)rows.items, .count = rows.count };
    return 0;
}

int fleet_images(struct console *console, const char *host, struct image_rows *ret,
                 struct error *err)
{
    struct collection rows = { .schema = &image_row_schema };
    struct query query = { .table = images_table, .host = arena_text(&console->arena, host) };
    int r = collect_all(console, &query, &rows, err);

    if (r < 0)
        return r;
    *ret = (struct image_rows){ .items = (void *)rows.items, .count = rows.count };
    return 0;
}

int fleet_volumes(struct console *console, const char *host, struct volume_rows *ret,
                  struct error *err)
{
    struct collection rows = { .schema = &volume_row_schema };
    struct query query = { .table = volumes_table, .host = arena_text(&console->arena, host) };
    int r = collect_all(console, &query, &rows, err);

    if (r < 0)
        return r;
    *ret = (struct volume_rows){ .items = (void *)rows.items, .count = rows.count };
    return 0;
}

const char *host_state_name(uint32_t state)
{
    return state == HOST_REACHABLE     ? "reachable"
           : state == HOST_UNREACHABLE ? "unreachable"
           : state == HOST_LOST        ? "lost"
                                       : "unknown";
}

const struct host_row *host_rows_find(const struct host_rows *hosts, const char *name)
{
    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->items[i].name, name) == 0)
            return &hosts->items[i];
    }
    return NULL;
}
