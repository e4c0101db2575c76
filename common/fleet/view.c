/* Reading and writing the rows of a view; see view.h and fleet.h. */
#include "common/fleet/view.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/crc32c.h"
#include "schemas/codec.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

struct view_table_kind {
    const char *name;
    const struct schema *schema; /* NULL: the values are no messages */
    const struct schema *sealed; /* NULL: they are always read whole */
};

/* clang-format off */
static const struct view_table_kind tables[VIEW_TABLE_COUNT] = {
    [VIEW_HOSTS]        = { "hosts",        &host_row_schema,      &sealed_host_row_schema },
    [VIEW_CONTAINERS]   = { "containers",   &container_row_schema, &sealed_container_row_schema },
    [VIEW_NAMES]        = { "names",        NULL, NULL },
    [VIEW_COMMANDS]     = { "commands",     &command_row_schema, NULL },
    [VIEW_CLIENTS]      = { "clients",      &client_row_schema, NULL },
    [VIEW_FINISHED]     = { "finished",     NULL, NULL },
    [VIEW_CLIENT_HOURS] = { "client_hours", NULL, NULL },
    [VIEW_TOTALS]       = { "totals",       NULL, NULL },
    [VIEW_IMAGES]       = { "images",       &image_row_schema, NULL },
    [VIEW_VOLUMES]      = { "volumes",      &volume_row_schema, NULL },
};
/* clang-format on */

void view_write_number(uint8_t *ret, uint64_t number)
{
    for (unsigned i = 0; i < VIEW_NUMBER_SIZE; i++)
        ret[i] = (uint8_t)(number >> (56 - 8 * i));
}

uint64_t view_read_number(const uint8_t *bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < VIEW_NUMBER_SIZE; i++)
        number = number << 8 | bytes[i];
    return number;
}

static int fail_get(enum view_table table, int code, struct error *err)
{
    if (code == -EUCLEAN)
        return error_set(err, code,
                         "a row of the view's table %s is damaged on the disk: stop the broker and "
                         "run gantry-broker --rebuild",
                         tables[table].name);
    return error_set(err, code, code == -ENOENT ? "no such row of %s" : "read a row of %s",
                     tables[table].name);
}

static int get(const struct view *view, enum view_table table, struct bytes key, struct bytes *ret,
               struct error *err)
{
    int r = -ENOENT;

    if (key.size > 0 && key.size <= VIEW_KEY_MAX)
        r = view->functions->get(view->store, table, key, ret);
    return r < 0 ? fail_get(table, r, err) : 0;
}

static int decode(enum view_table table, const struct schema *schema, struct bytes value, void *ret,
                  struct arena *arena, struct error *err)
{
    if (schema_decode(schema, value, ret, arena, err) < 0)
        return error_add_context(err, -EIO, "stored row of %s", tables[table].name);
    return 0;
}

const struct schema *view_lean_schema(enum view_table table)
{
    return tables[table].sealed != NULL ? tables[table].sealed : tables[table].schema;
}

int view_get_lean(const struct view *view, enum view_table table, struct bytes key, void *ret,
                  struct arena *arena, struct error *err)
{
    struct bytes value = { 0 };
    int r = -ENOENT;

    if (view->functions->get_row == NULL) {
        r = get(view, table, key, &value, err);
        return r < 0 ? r : decode(table, view_lean_schema(table), value, ret, arena, err);
    }
    if (key.size > 0 && key.size <= VIEW_KEY_MAX)
        r = view->functions->get_row(view->store, table, key, ret, err);
    return r == -ENOENT ? fail_get(table, r, err) : r;
}

int view_get_row(const struct view *view, enum view_table table, struct bytes key, void *ret,
                 struct arena *arena, struct error *err)
{
    struct bytes value = { 0 };
    int r;

    if (tables[table].sealed == NULL)
        return view_get_lean(view, table, key, ret, arena, err);
    r = get(view, table, key, &value, err);
    return r < 0 ? r : decode(table, tables[table].schema, value, ret, arena, err);
}

int view_get_sealed(const struct view *view, enum view_table table, struct bytes key, void *ret,
                    struct arena *arena, struct error *err)
{
    assert(tables[table].sealed != NULL);
    return view_get_lean(view, table, key, ret, arena, err);
}

int view_put_bytes(const struct view *view, enum view_table table, struct bytes key,
                   struct bytes value, struct error *err)
{
    assert(key.size > 0 && key.size <= VIEW_KEY_MAX);
    return view->functions->put(view->store, table, key, value, err);
}

static int put_message(const struct view *view, enum view_table table, struct bytes key,
                       const struct schema *schema, const void *row, struct error *err)
{
    struct buffer value = { 0 };
    int r;

    schema_encode(schema, row, &value);
    r = view_put_bytes(view, table, key, buffer_bytes(&value), err);
    buffer_done(&value);
    return r;
}

int view_put_lean(const struct view *view, enum view_table table, struct bytes key, const void *row,
                  struct error *err)
{
    if (view->functions->put_row == NULL)
        return put_message(view, table, key, view_lean_schema(table), row, err);
    assert(key.size > 0 && key.size <= VIEW_KEY_MAX);
    return view->functions->put_row(view->store, table, key, row, err);
}

int view_put_row(const struct view *view, enum view_table table, struct bytes key, const void *row,
                 struct error *err)
{
    if (tables[table].sealed == NULL)
        return view_put_lean(view, table, key, row, err);
    return put_message(view, table, key, tables[table].schema, row, err);
}

int view_put_sealed(const struct view *view, enum view_table table, struct bytes key,
                    const void *row, struct error *err)
{
    assert(tables[table].sealed != NULL);
    return view_put_lean(view, table, key, row, err);
}

int view_remove(const struct view *view, enum view_table table, struct bytes key, struct error *err)
{
    int r = view->functions->remove(view->store, table, key, err);

    return r == -ENOENT ? 0 : r;
}

struct bytes view_name_key(const char *host, const char *name, struct arena *arena)
{
    return bytes_of_text(arena_printf(arena, "%s/%s", host, name));
}

const char *view_pending_key(const char *host, struct arena *arena)
{
    return arena_printf(arena, VIEW_PENDING_PREFIX "%s", host);
}

int view_total(const struct view *view, const char *key, uint64_t *ret, struct error *err)
{
    struct bytes value;
    int r;

    r = get(view, VIEW_TOTALS, bytes_of_text(key), &value, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0 && value.size != VIEW_NUMBER_SIZE)
        return error_set(err, -EIO, "total %s is no number", key);
    *ret = r == 0 ? view_read_number(value.data) : 0;
    return 0;
}

int view_set_total(const struct view *view, const char *key, uint64_t total, struct error *err)
{
    uint8_t value[VIEW_NUMBER_SIZE];

    if (total == 0)
        return view_remove(view, VIEW_TOTALS, bytes_of_text(key), err);
    view_write_number(value, total);
    return view_put_bytes(view, VIEW_TOTALS, bytes_of_text(key),
                          (struct bytes){ .data = value, .size = sizeof(value) }, err);
}

int view_add_to_total(const struct view *view, const char *key, int step, uint64_t *ret,
                      struct error *err)
{
    uint64_t total;
    int r;

    r = view_total(view, key, &total, err);
    if (r < 0)
        return r;
    total += (uint64_t)step;
    r = view_set_total(view, key, total, err);
    if (r < 0)
        return r;
    *ret = total;
    return 0;
}

struct collection {
    struct bytes prefix;
    struct arena *arena;
    struct view_copy *first;
};

static struct bytes copy_bytes(struct bytes bytes, struct arena *arena)
{
    return (struct bytes){
        .data = (const uint8_t *)arena_text_n(arena, (const char *)bytes.data, bytes.size),
        .size = bytes.size,
    };
}

static int collect(void *owner, struct bytes key, struct bytes value)
{
    struct collection *collection = owner;
    struct view_copy *copy;

    if (!bytes_begin_with(key, collection->prefix))
        return 1;
    copy = arena_zeroed(collection->arena, sizeof(*copy));
    *copy = (struct view_copy){
        .key = copy_bytes(key, collection->arena),
        .value = copy_bytes(value, collection->arena),
        .next = collection->first,
    };
    collection->first = copy;
    return 0;
}

int view_collect(const struct view *view, enum view_table table, struct bytes prefix,
                 struct arena *arena, struct view_copy **ret, struct error *err)
{
    struct collection collection = { .prefix = prefix, .arena = arena };
    int r = view->functions->walk(view->store, table, prefix, collect, &collection, err);

    *ret = collection.first;
    return r;
}

struct first {
    struct view_entry entry;
    int r;
};

static int take_first(void *owner, struct bytes key, struct bytes value)
{
    struct first *first = owner;

    first->r = -EIO;
    if (key.size > sizeof(first->entry.key) || value.size > sizeof(first->entry.value))
        return 1;
    memcpy(first->entry.key, key.data, key.size);
    memcpy(first->entry.value, value.data, value.size);
    first->r = 0;
    return 1;
}

int view_first(const struct view *view, enum view_table table, struct view_entry *ret,
               struct error *err)
{
    struct first first = { .r = -ENOENT };
    int r;

    r = view->functions->walk(view->store, table, (struct bytes){ 0 }, take_first, &first, err);
    if (r < 0)
        return r;
    if (first.r < 0)
        return error_set(err, first.r, "first row of %s", tables[table].name);
    *ret = first.entry;
    return 0;
}

const char *view_table_name(enum view_table table)
{
    assert(table < VIEW_TABLE_COUNT);
    return tables[table].name;
}

int view_host(const struct view *view, const char *name, struct host_row *ret, struct arena *arena,
              struct error *err)
{
    return view_get_row(view, VIEW_HOSTS, bytes_of_text(name), ret, arena, err);
}

int view_container(const struct view *view, const char *id, struct container_row *ret,
                   struct arena *arena, struct error *err)
{
    return view_get_row(view, VIEW_CONTAINERS, bytes_of_text(id), ret, arena, err);
}

int view_host_sealed(const struct view *view, const char *name, struct host_row *ret,
                     struct arena *arena, struct error *err)
{
    return view_get_sealed(view, VIEW_HOSTS, bytes_of_text(name), ret, arena, err);
}

int view_container_sealed(const struct view *view, const char *id, struct container_row *ret,
                          struct arena *arena, struct error *err)
{
    return view_get_sealed(view, VIEW_CONTAINERS, bytes_of_text(id), ret, arena, err);
}

int view_command(const struct view *view, struct command_id id, struct command_row *ret,
                 struct arena *arena, struct error *err)
{
    return view_get_row(view, VIEW_COMMANDS,
                        (struct bytes){ .data = id.bytes, .size = sizeof(id.bytes) }, ret, arena,
                        err);
}

int view_client(const struct view *view, uint64_t client, struct client_row *ret, struct error *err)
{
    autoarena arena = { 0 };
    uint8_t key[VIEW_NUMBER_SIZE];

    view_write_number(key, client);
    return view_get_row(view, VIEW_CLIENTS, (struct bytes){ .data = key, .size = sizeof(key) }, ret,
                        &arena, err);
}

int view_name(const struct view *view, const char *host, const char *name,
              char ret_id[CONTAINER_ID_SIZE + 1], struct error *err)
{
    autoarena arena = { 0 };
    struct bytes value;
    int r;

    r = get(view, VIEW_NAMES, view_name_key(host, name, &arena), &value, err);
    if (r < 0)
        return r;
    if (value.size != CONTAINER_ID_SIZE)
        return error_set(err, -EIO, "name %s of host %s has no id", name, host);
    memcpy(ret_id, value.data, CONTAINER_ID_SIZE);
    ret_id[CONTAINER_ID_SIZE] = '\0';
    return 0;
}

int view_pending(const struct view *view, const char *host, uint64_t *ret, struct error *err)
{
    autoarena arena = { 0 };

    return view_total(view, view_pending_key(host, &arena), ret, err);
}

int view_forgotten(const struct view *view, uint64_t *ret, struct error *err)
{
    return view_total(view, "forgotten", ret, err);
}

struct fingerprint {
    uint32_t rows;
    uint32_t crc;
};

static void add_bytes(struct fingerprint *print, struct bytes bytes)
{
    uint8_t size[VIEW_NUMBER_SIZE];

    view_write_number(size, bytes.size); /* "ab","c" is not "a","bc" */
    print->crc = crc32c(print->crc, size, sizeof(size));
    if (bytes.size > 0)
        print->crc = crc32c(print->crc, bytes.data, bytes.size);
}

static int add_row(void *owner, struct bytes key, struct bytes value)
{
    struct fingerprint *print = owner;

    add_bytes(print, key);
    add_bytes(print, value);
    print->rows++;
    return 0;
}

int view_hash(const struct view *view, uint64_t *ret, struct error *err)
{
    struct fingerprint print = { 0 };
    int r;

    for (unsigned table = 0; table < VIEW_TABLE_COUNT; table++) {
        add_bytes(&print, bytes_of_text(tables[table].name));
        r = view->functions->walk(view->store, (enum view_table)table, (struct bytes){ 0 }, add_row,
                                  &print, err);
        if (r < 0)
            return r;
    }
    *ret = (uint64_t)print.rows << 32 | print.crc;
    return 0;
}
