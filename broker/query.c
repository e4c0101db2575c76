/*
 * query: rows of the view, in pages by the order of their keys.
 *
 * A filter that skips many rows must not keep the loop: a page ends after QUERY_SCAN_MAX rows
 * looked at, and may then be empty; `next` says where to go on.
 */
#include <errno.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/reply.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

#define QUERY_SCAN_MAX 4096

struct table {
    const char *name;
    enum view_table view;
    const struct schema *schema;
    const char *(*host_of)(const void *row);
    bool has_id_keys; /* 16 bytes, written in hexadecimal; else the key is a text */
};

static const char *host_of_container(const void *row)
{
    return ((const struct container_row *)row)->host;
}

static const char *host_of_host(const void *row)
{
    return ((const struct host_row *)row)->name;
}

static const char *host_of_image(const void *row)
{
    return ((const struct image_row *)row)->host;
}

static const char *host_of_volume(const void *row)
{
    return ((const struct volume_row *)row)->host;
}

static const char *host_of_command(const void *row)
{
    return ((const struct command_row *)row)->host;
}

/* clang-format off */
static const struct table tables[] = {
    { "containers", VIEW_CONTAINERS, &container_row_schema, host_of_container, false },
    { "hosts",      VIEW_HOSTS,      &host_row_schema,      host_of_host,      false },
    { "commands",   VIEW_COMMANDS,   &command_row_schema,   host_of_command,   true },
    { "images",     VIEW_IMAGES,     &image_row_schema,     host_of_image,     false },
    { "volumes",    VIEW_VOLUMES,    &volume_row_schema,    host_of_volume,    false },
};
/* clang-format on */

union row {
    struct container_row container;
    struct host_row host;
    struct command_row command;
    struct image_row image;
    struct volume_row volume;
};

/* A query while it is answered. */
struct search {
    const struct table *table;
    const char *host;    /* NULL: all */
    struct arena *arena; /* of what is found */
    struct raw rows[PAGE_RECORDS_MAX];
    size_t count;
    size_t bytes;
    size_t looked_at;
    char *next; /* key of the last row looked at, when the page is full */
};

static const struct table *find_table(const char *name)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
    }
    return NULL;
}

/* -EINVAL for a text that is no key of the table. */
static int parse_key(const struct table *table, const char *text, struct arena *arena,
                     struct bytes *ret, struct error *err)
{
    uint8_t *id;

    if (!table->has_id_keys) {
        if (strlen(text) > VIEW_KEY_MAX)
            return error_set(err, -EINVAL, "no key of %s is so long", table->name);
        *ret = bytes_of_text(text);
        return 0;
    }
    id = arena_zeroed(arena, COMMAND_ID_SIZE);
    if (!hex_read(text, id, COMMAND_ID_SIZE))
        return error_set(err, -EINVAL, "%.64s is no id of a command: it has 32 hexadecimal digits",
                         text);
    *ret = (struct bytes){ id, COMMAND_ID_SIZE };
    return 0;
}

static char *print_key(const struct table *table, struct bytes key, struct arena *arena)
{
    char *text;

    if (!table->has_id_keys)
        return arena_text_n(arena, (const char *)key.data, key.size);
    text = arena_zeroed(arena, 2 * key.size + 1);
    hex_write(key.data, key.size, text);
    return text;
}

static int is_of_host(const struct search *search, struct bytes value)
{
    autoarena arena = { 0 };
    union row row;
    const char *host;
    int r;

    if (search->host == NULL)
        return 1;
    r = schema_decode(search->table->schema, value, &row, &arena, NULL);
    if (r < 0)
        return r;
    host = search->table->host_of(&row);
    return host != NULL && strcmp(host, search->host) == 0;
}

static void add_row(struct search *search, struct bytes value)
{
    uint8_t *copy = arena_zeroed(search->arena, value.size);

    memcpy(copy, value.data, value.size);
    search->rows[search->count++] = (struct raw){ .bytes = { copy, value.size } };
    search->bytes += value.size;
}

static int visit_row(void *owner, struct bytes key, struct bytes value)
{
    struct search *search = owner;
    int r = is_of_host(search, value);

    if (r < 0)
        return r;
    search->looked_at++;
    if (r > 0)
        add_row(search, value);
    if (search->count < PAGE_RECORDS_MAX && search->bytes < PAGE_BYTES_MAX &&
        search->looked_at < QUERY_SCAN_MAX)
        return 0;
    search->next = print_key(search->table, key, search->arena);
    return 1;
}

static int find_one(struct search *search, const struct view *view, struct bytes key)
{
    struct bytes value;
    int r = view->functions->get(view->store, search->table->view, key, &value);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = is_of_host(search, value);
    if (r > 0)
        add_row(search, value);
    return r < 0 ? r : 0;
}

static int find_all(struct search *search, const struct view *view, struct bytes after,
                    struct error *err)
{
    uint8_t *from = arena_zeroed(search->arena, after.size + 1);

    /* The smallest key beyond `after` is that one and a zero byte. */
    if (after.size > 0)
        memcpy(from, after.data, after.size);
    return view->functions->walk(view->store, search->table->view,
                                 (struct bytes){ from, after.size > 0 ? after.size + 1 : 0 },
                                 visit_row, search, err);
}

static int search_view(struct broker *broker, const struct query *asked, struct search *search,
                       uint64_t *ret_pos, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    const char *text = asked->key != NULL ? asked->key : asked->after;
    struct bytes key = { 0 };
    struct log_state state;
    struct view view;
    int r = 0;

    if (text != NULL)
        r = parse_key(search->table, text, search->arena, &key, err);
    if (r < 0)
        return r;
    r = log_begin(broker->log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    view = view_store_in(txn);
    r = asked->key != NULL ? find_one(search, &view, key) : find_all(search, &view, key, err);
    if (r < 0)
        return error_set(err, r, "read the table %s of the view", search->table->name);
    *ret_pos = state.head;
    return 0;
}

void handle_query(struct broker *broker, struct request *request)
{
    const struct query *asked = request->message;
    struct search search = {
        .table = find_table(asked->table),
        .host = asked->host,
        .arena = request->arena,
    };
    struct rows rows = { 0 };
    struct error err = { 0 };
    int r;

    if (search.table == NULL) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT,
                      "the view has no table %.64s, but containers, hosts and commands",
                      asked->table);
        return;
    }
    r = search_view(broker, asked, &search, &rows.pos, &err);
    if (r == -EINVAL) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "%s", err.text);
        return;
    }
    if (r < 0) {
        log_failure("query.unreadable", &err);
        reply_error(request->sp, &err);
        return;
    }
    rows.rows = (struct raw_list){ .items = search.rows, .count = search.count };
    rows.next = search.next;
    reply_message(request->sp, &rows_schema, &rows);
}
