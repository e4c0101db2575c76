/*
 * Rows as messages in front of a view; see the header. What is kept of a table lives in one arena:
 * texts that were replaced stay in it until all is forgotten, so a row that was got is never pulled
 * away.
 */
#include "common/fleet/row_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/crc32c.h"
#include "common/fleet/view.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define HASH_FUNCTION(key, size, hash) ((hash) = crc32c(0, key, size))
#include <uthash.h>

/* Short chains: each step along one is a row that is not in the processor's cache. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 2U

struct kept {
    UT_hash_handle hh;
    STAILQ_ENTRY(kept) link; /* of those that have changed */
    enum view_table table;
    bool is_changed; /* since it was read or written */
    bool is_there;   /* else it is known that there is no such row */
    size_t value_size;
    void *value; /* the table's message in its leanest form, or the bytes of a total */
    size_t key_size;
    uint8_t key[];
};

struct table {
    struct kept *rows;  /* by key */
    struct kept *last;  /* that was found: what is read is often written next. NULL: none */
    struct arena arena; /* of all of them */
};

struct row_cache {
    struct view view;
    struct view beneath;
    size_t bytes_max;
    struct table tables[VIEW_TABLE_COUNT];
    STAILQ_HEAD(, kept) changed;
    struct buffer scratch; /* a row on its way beneath */
};

static bool is_full(const struct row_cache *cache, const struct table *table)
{
    return table->arena.used > cache->bytes_max;
}

static bool keeps_messages(enum view_table table)
{
    return table == VIEW_HOSTS || table == VIEW_CONTAINERS || table == VIEW_COMMANDS ||
           table == VIEW_CLIENTS;
}

static bool keeps_bytes(enum view_table table)
{
    return table == VIEW_TOTALS;
}

static bool is_of_key(const struct kept *kept, struct bytes key)
{
    return kept != NULL && kept->key_size == key.size && memcmp(kept->key, key.data, key.size) == 0;
}

static struct kept *find(struct row_cache *cache, enum view_table table, struct bytes key)
{
    struct table *rows = &cache->tables[table];
    struct kept *kept = NULL;

    if (is_of_key(rows->last, key))
        return rows->last;
    HASH_FIND(hh, rows->rows, key.data, key.size, kept);
    if (kept != NULL)
        rows->last = kept;
    return kept;
}

static struct arena *arena_of(struct row_cache *cache, enum view_table table)
{
    return &cache->tables[table].arena;
}

static struct kept *keep(struct row_cache *cache, enum view_table table, struct bytes key)
{
    struct kept *kept = arena_zeroed(arena_of(cache, table), sizeof(*kept) + key.size);

    kept->table = table;
    kept->key_size = key.size;
    memcpy(kept->key, key.data, key.size);
    HASH_ADD_KEYPTR(hh, cache->tables[table].rows, kept->key, key.size, kept);
    cache->tables[table].last = kept;
    return kept;
}

static void note_change(struct row_cache *cache, struct kept *kept, bool is_there)
{
    kept->is_there = is_there;
    if (!kept->is_changed)
        STAILQ_INSERT_TAIL(&cache->changed, kept, link);
    kept->is_changed = true;
}

static struct bytes bytes_of(const struct kept *kept)
{
    return (struct bytes){ .data = kept->value, .size = kept->value_size };
}

static void set_bytes(struct row_cache *cache, struct kept *kept, struct bytes value)
{
    if (kept->value_size < value.size)
        kept->value = arena_zeroed(arena_of(cache, kept->table), value.size);
    memcpy(kept->value, value.data, value.size);
    kept->value_size = value.size;
}

static int write_kept(struct row_cache *cache, const struct kept *kept, struct error *err)
{
    const struct schema *schema = view_lean_schema(kept->table);
    struct bytes key = { .data = kept->key, .size = kept->key_size };
    struct bytes value = bytes_of(kept);

    if (!kept->is_there)
        return view_remove(&cache->beneath, kept->table, key, err);
    if (schema != NULL) {
        cache->scratch.size = 0;
        schema_encode(schema, kept->value, &cache->scratch);
        value = buffer_bytes(&cache->scratch);
    }
    return view_put_bytes(&cache->beneath, kept->table, key, value, err);
}

int row_cache_write(struct row_cache *cache, struct error *err)
{
    struct kept *kept;

    while ((kept = STAILQ_FIRST(&cache->changed)) != NULL) {
        int r = write_kept(cache, kept, err);

        if (r < 0)
            return r;
        STAILQ_REMOVE_HEAD(&cache->changed, link);
        kept->is_changed = false;
    }
    return 0;
}

/* Somebody changes this row beneath. */
static void let_go(struct row_cache *cache, enum view_table table, struct bytes key)
{
    struct kept *kept = find(cache, table, key);

    if (kept == NULL)
        return;
    if (kept->is_changed)
        STAILQ_REMOVE(&cache->changed, kept, kept, link);
    HASH_DEL(cache->tables[table].rows, kept);
    cache->tables[table].last = NULL;
}

/* Somebody looks at this row beneath. */
static int write_one(struct row_cache *cache, enum view_table table, struct bytes key)
{
    struct kept *kept = find(cache, table, key);
    int r;

    if (kept == NULL || !kept->is_changed)
        return 0;
    r = write_kept(cache, kept, NULL);
    if (r < 0)
        return r;
    STAILQ_REMOVE(&cache->changed, kept, kept, link);
    kept->is_changed = false;
    return 0;
}

static int read_bytes(struct row_cache *cache, enum view_table table, struct bytes key,
                      struct kept **ret)
{
    struct kept *kept;
    struct bytes value = { 0 };
    int r = cache->beneath.functions->get(cache->beneath.store, table, key, &value);

    if (r < 0 && r != -ENOENT)
        return r;
    kept = keep(cache, table, key);
    kept->is_there = r == 0;
    if (r == 0)
        set_bytes(cache, kept, value);
    *ret = kept;
    return 0;
}

static int cache_get(void *store, enum view_table table, struct bytes key, struct bytes *ret)
{
    struct row_cache *cache = store;
    struct kept *kept;
    int r = 0;

    if (!keeps_bytes(table)) {
        r = write_one(cache, table, key);
        return r < 0 ? r : cache->beneath.functions->get(cache->beneath.store, table, key, ret);
    }
    kept = find(cache, table, key);
    if (kept == NULL)
        r = read_bytes(cache, table, key, &kept);
    if (r < 0)
        return r;
    *ret = bytes_of(kept);
    return kept->is_there ? 0 : -ENOENT;
}

static int cache_put(void *store, enum view_table table, struct bytes key, struct bytes value,
                     struct error *err)
{
    struct row_cache *cache = store;
    struct kept *kept;

    if (!keeps_bytes(table)) {
        let_go(cache, table, key);
        return view_put_bytes(&cache->beneath, table, key, value, err);
    }
    kept = find(cache, table, key);
    if (kept == NULL)
        kept = keep(cache, table, key);
    set_bytes(cache, kept, value);
    note_change(cache, kept, true);
    return 0;
}

static int cache_remove(void *store, enum view_table table, struct bytes key, struct error *err)
{
    struct row_cache *cache = store;
    struct bytes value;
    struct kept *kept;
    int r;

    if (keeps_bytes(table)) {
        r = cache_get(cache, table, key, &value);
        if (r == 0)
            note_change(cache, find(cache, table, key), false);
        return r;
    }
    kept = find(cache, table, key);
    r = cache->beneath.functions->remove(cache->beneath.store, table, key, err);
    if (r == -ENOENT && kept != NULL && kept->is_there)
        r = 0; /* it was never written */
    let_go(cache, table, key);
    return r;
}

static int cache_walk(void *store, enum view_table table, struct bytes from,
                      int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                      struct error *err)
{
    struct row_cache *cache = store;
    int r = 0;

    if (keeps_messages(table) || keeps_bytes(table))
        r = row_cache_write(cache, err);
    return r < 0 ? r
                 : cache->beneath.functions->walk(cache->beneath.store, table, from, visit, owner,
                                                  err);
}

/* Pass on the row as it lies beneath, and keep it. */
static int read_message(struct row_cache *cache, enum view_table table, struct bytes key,
                        struct kept **ret, struct error *err)
{
    size_t size = view_lean_schema(table)->size;
    struct arena *arena = arena_of(cache, table);
    void *value = arena_zeroed(arena, size);
    int r = view_get_lean(&cache->beneath, table, key, value, arena, err);
    struct kept *kept;

    if (r < 0 && r != -ENOENT)
        return r;
    if (r < 0)
        memset(value, 0, size);
    kept = keep(cache, table, key);
    kept->is_there = r == 0;
    kept->value = value;
    kept->value_size = size;
    *ret = kept;
    return 0;
}

static int cache_get_row(void *store, enum view_table table, struct bytes key, void *ret,
                         struct error *err)
{
    struct row_cache *cache = store;
    struct kept *kept;
    int r = 0;

    if (!keeps_messages(table))
        return view_get_lean(&cache->beneath, table, key, ret, arena_of(cache, table), err);
    kept = find(cache, table, key);
    if (kept == NULL)
        r = read_message(cache, table, key, &kept, err);
    if (r < 0)
        return r;
    if (!kept->is_there)
        return -ENOENT;
    memcpy(ret, kept->value, kept->value_size);
    return 0;
}

static int cache_put_row(void *store, enum view_table table, struct bytes key, const void *row,
                         struct error *err)
{
    const struct schema *schema = view_lean_schema(table);
    struct row_cache *cache = store;
    struct kept *kept;

    if (!keeps_messages(table))
        return view_put_lean(&cache->beneath, table, key, row, err);
    kept = find(cache, table, key);
    if (kept == NULL) {
        kept = keep(cache, table, key);
        kept->value_size = schema->size;
        kept->value = arena_zeroed(arena_of(cache, table), schema->size);
    }
    schema_copy(schema, row, kept->value, arena_of(cache, table));
    note_change(cache, kept, true);
    return 0;
}

static const struct view_functions cache_functions = {
    .get = cache_get,
    .put = cache_put,
    .remove = cache_remove,
    .walk = cache_walk,
    .get_row = cache_get_row,
    .put_row = cache_put_row,
};

struct row_cache *row_cache_new(size_t bytes_max)
{
    struct row_cache *cache = mem_new(struct row_cache);

    cache->view = (struct view){ .functions = &cache_functions, .store = cache };
    cache->bytes_max = bytes_max;
    STAILQ_INIT(&cache->changed);
    return cache;
}

static void forget_table(struct table *table)
{
    HASH_CLEAR(hh, table->rows);
    table->last = NULL;
    arena_done(&table->arena);
}

void row_cache_forget(struct row_cache *cache)
{
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++)
        forget_table(&cache->tables[i]);
    STAILQ_INIT(&cache->changed);
}

void row_cache_trim(struct row_cache *cache)
{
    assert(STAILQ_EMPTY(&cache->changed));
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++) {
        if (is_full(cache, &cache->tables[i]))
            forget_table(&cache->tables[i]);
    }
}

void row_cache_destroy(struct row_cache *cache)
{
    if (cache == NULL)
        return;
    row_cache_forget(cache);
    buffer_done(&cache->scratch);
    free(cache);
}

const struct view *row_cache_over(struct row_cache *cache, const struct view *beneath)
{
    assert(STAILQ_EMPTY(&cache->changed));
    cache->beneath = *beneath;
    return &cache->view;
}

bool row_cache_is_full(const struct row_cache *cache)
{
    for (unsigned i = 0; i < VIEW_TABLE_COUNT; i++) {
        if (is_full(cache, &cache->tables[i]))
            return true;
    }
    return false;
}

int row_cache_fold(struct row_cache *cache, const struct record *record, struct error *err)
{
    int r = fleet_apply(&cache->view, record, err);

    if (r == -EPROTO)
        r = 0; /* the view could not follow it the first time either */
    if (r < 0 || !row_cache_is_full(cache))
        return r;
    r = row_cache_write(cache, err);
    if (r == 0)
        row_cache_trim(cache);
    return r;
}
