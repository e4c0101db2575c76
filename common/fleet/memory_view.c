/*
 * A view in memory; see the header. Each table is a skip list: sorted, quick to change, and a walk
 * can begin anywhere, which neither the C library's trees nor a hash table offer. A row's height
 * comes from its key's checksum, so the same rows always make the same list.
 */
#include "common/fleet/memory_view.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/mem.h"

#define HEIGHT_MAX 12 /* a quarter of the rows at each height go on to the next: 16 million */

struct row {
    struct bytes key; /* after `next`, in the same memory */
    uint8_t *value;   /* owned */
    size_t value_size;
    size_t room; /* for a value, at `value` */
    unsigned height;
    struct row *next[]; /* `height` of them */
};

struct table {
    struct row *first[HEIGHT_MAX];
    struct row *last; /* looked for: what is read is often written next. NULL: none */
};

struct memory_view {
    struct view view;
    struct table tables[VIEW_TABLE_COUNT];
};

/* The links, one of each height, that lead past a key. */
struct path {
    struct row **links[HEIGHT_MAX];
};

static int compare(struct bytes a, struct bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

/* The first row at or after `key`. */
static struct row *find(struct table *table, struct bytes key, struct path *ret_path)
{
    struct row **links = table->first;

    for (unsigned height = HEIGHT_MAX; height-- > 0;) {
        while (links[height] != NULL && compare(links[height]->key, key) < 0)
            links = links[height]->next;
        ret_path->links[height] = &links[height];
    }
    return *ret_path->links[0];
}

static unsigned height_of(struct bytes key)
{
    uint32_t dice = crc32c(0, key.data, key.size);
    unsigned height = 1;

    for (; height < HEIGHT_MAX && (dice & 3) == 0; dice >>= 2)
        height++;
    return height;
}

static struct row *row_new(struct bytes key)
{
    unsigned height = height_of(key);
    size_t links_size = height * sizeof(struct row *);
    struct row *row = mem_zeroed(sizeof(*row) + links_size + key.size);
    uint8_t *own_key = (uint8_t *)row + sizeof(*row) + links_size;

    row->height = height;
    memcpy(own_key, key.data, key.size);
    row->key = (struct bytes){ .data = own_key, .size = key.size };
    return row;
}

/* Most values are as large as the one before; a little more room takes those that grow. */
static void row_set_value(struct row *row, struct bytes value)
{
    if (value.size > row->room) {
        uint8_t *before = row->value; /* `value` may be in it */

        row->room = value.size + value.size / 8;
        row->value = mem_resized(NULL, row->room);
        memcpy(row->value, value.data, value.size);
        free(before);
    } else if (value.size > 0) {
        memmove(row->value, value.data, value.size);
    }
    row->value_size = value.size;
}

static struct bytes row_value(const struct row *row)
{
    return (struct bytes){ .data = row->value, .size = row->value_size };
}

static void row_destroy(struct row *row)
{
    free(row->value);
    free(row);
}

static bool is_row_of(const struct row *row, struct bytes key)
{
    return row != NULL && compare(row->key, key) == 0;
}

/* The row with this key; NULL when there is none. */
static struct row *look_up(struct table *table, struct bytes key)
{
    struct path path;
    struct row *row = table->last;

    if (is_row_of(row, key))
        return row;
    row = find(table, key, &path);
    if (!is_row_of(row, key))
        return NULL;
    table->last = row;
    return row;
}

static int memory_get(void *store, enum view_table table, struct bytes key, struct bytes *ret)
{
    struct memory_view *memory = store;
    const struct row *row = look_up(&memory->tables[table], key);

    if (row == NULL)
        return -ENOENT;
    *ret = row_value(row);
    return 0;
}

static int memory_put(void *store, enum view_table table, struct bytes key, struct bytes value,
                      struct error *err)
{
    struct memory_view *memory = store;
    struct row *row = look_up(&memory->tables[table], key);

    (void)err;
    assert(key.size > 0 && key.size <= VIEW_KEY_MAX);
    if (row == NULL) {
        struct path path;

        (void)find(&memory->tables[table], key, &path);
        row = row_new(key);
        for (unsigned height = 0; height < row->height; height++) {
            row->next[height] = *path.links[height];
            *path.links[height] = row;
        }
    }
    row_set_value(row, value);
    return 0;
}

static int memory_remove(void *store, enum view_table table, struct bytes key, struct error *err)
{
    struct memory_view *memory = store;
    struct path path;
    struct row *row = find(&memory->tables[table], key, &path);

    (void)err;
    if (!is_row_of(row, key))
        return -ENOENT;
    for (unsigned height = 0; height < row->height; height++)
        *path.links[height] = row->next[height];
    if (memory->tables[table].last == row)
        memory->tables[table].last = NULL;
    row_destroy(row);
    return 0;
}

static int memory_walk(void *store, enum view_table table, struct bytes from,
                       int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                       struct error *err)
{
    struct memory_view *memory = store;
    struct path path;
    struct row *row = find(&memory->tables[table], from, &path);

    (void)err;
    for (; row != NULL; row = row->next[0]) {
        if (visit(owner, row->key, row_value(row)) != 0)
            return 0;
    }
    return 0;
}

static const struct view_functions memory_functions = {
    .get = memory_get,
    .put = memory_put,
    .remove = memory_remove,
    .walk = memory_walk,
};

struct memory_view *memory_view_new(void)
{
    struct memory_view *memory = mem_new(struct memory_view);

    memory->view = (struct view){ .functions = &memory_functions, .store = memory };
    return memory;
}

void memory_view_destroy(struct memory_view *memory)
{
    if (memory == NULL)
        return;
    for (unsigned table = 0; table < VIEW_TABLE_COUNT; table++) {
        struct row *row = memory->tables[table].first[0];

        while (row != NULL) {
            struct row *next = row->next[0];

            row_destroy(row);
            row = next;
        }
    }
    free(memory);
}

const struct view *memory_view_view(struct memory_view *memory)
{
    return &memory->view;
}
