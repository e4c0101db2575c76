/* Where each stream ends; see the header. */
#include "broker/io/stream_heads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "broker/io/index_key.h"
#include "broker/io/log_tables.h"

#define HEAD_SIZE (POSITION_SIZE + 1)

struct changed_head {
    UT_hash_handle hh;
    const char *stream;
    struct stream_head head;
};

static struct changed_head *find(struct stream_heads *heads, const char *stream)
{
    struct changed_head *changed = NULL;

    HASH_FIND_STR(heads->changed, stream, changed);
    return changed;
}

/* A log of the format before this one says only where: each of its records is in the index. */
static int load(struct store_txn *store, const char *stream, struct stream_head *ret,
                struct error *err)
{
    struct bytes value;
    int r = store_get(store, LOG_TABLE_HEADS, bytes_of_text(stream), &value);

    *ret = (struct stream_head){ 0 };
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_set(err, r, "read the head of %s", stream);
    if (value.size != HEAD_SIZE && value.size != POSITION_SIZE)
        return error_set(err, -EUCLEAN, "the head of %s is damaged on the disk", stream);
    ret->pos = store_key_read_u64(value);
    ret->unmarked = value.size == HEAD_SIZE ? value.data[POSITION_SIZE] : 0;
    return 0;
}

int stream_heads_get(struct stream_heads *heads, const char *stream, struct stream_head *ret,
                     struct error *err)
{
    const struct changed_head *changed = find(heads, stream);

    if (changed == NULL)
        return load(heads->store, stream, ret, err);
    *ret = changed->head;
    return 0;
}

int stream_heads_change(struct stream_heads *heads, const char *stream, struct stream_head **ret,
                        struct error *err)
{
    struct changed_head *changed = find(heads, stream);
    struct stream_head head;
    int r;

    if (changed == NULL) {
        r = load(heads->store, stream, &head, err);
        if (r < 0)
            return r;
        changed = arena_zeroed(&heads->arena, sizeof(*changed));
        changed->stream = arena_text(&heads->arena, stream);
        changed->head = head;
        HASH_ADD_KEYPTR(hh, heads->changed, changed->stream, strlen(stream), changed);
    }
    *ret = &changed->head;
    return 0;
}

int stream_heads_write(struct stream_heads *heads, struct error *err)
{
    for (const struct changed_head *changed = heads->changed; changed != NULL;
         changed = changed->hh.next) {
        uint8_t value[HEAD_SIZE];
        int r;

        store_key_u64(changed->head.pos, value);
        value[POSITION_SIZE] = (uint8_t)changed->head.unmarked;
        r = store_put(heads->store, LOG_TABLE_HEADS, bytes_of_text(changed->stream),
                      (struct bytes){ value, sizeof(value) }, err);
        if (r < 0)
            return r;
    }
    return 0;
}

void stream_heads_done(struct stream_heads *heads)
{
    HASH_CLEAR(hh, heads->changed);
    arena_done(&heads->arena);
}
