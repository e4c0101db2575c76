/* The events of a worker's journal; see the header. */
#include "worker/io/journal_events.h"

#include <errno.h>

#include "common/io/store.h"
#include "schemas/codec.h"
#include "schemas/record.h"
#include "worker/io/sealed.h"

#define TABLE_EVENTS  JOURNAL_EVENTS_TABLE
#define TOTAL_SIZE    8
#define DROPS_AT_ONCE 2000

int journal_events_put(struct store_txn *txn, uint64_t seq, uint64_t total, struct bytes event,
                       struct error *err)
{
    struct buffer value = { 0 };
    struct buffer sealed = { 0 };
    uint8_t key[8];
    uint8_t before[TOTAL_SIZE];
    int r;

    store_key_u64(seq, key);
    store_key_u64(total, before);
    buffer_append(&value, before, sizeof(before));
    buffer_append(&value, event.data, event.size);
    sealed_wrap(buffer_bytes(&value), &sealed);
    r = store_append(txn, TABLE_EVENTS, (struct bytes){ .data = key, .size = sizeof(key) },
                     buffer_bytes(&sealed), err);
    buffer_done(&value);
    buffer_done(&sealed);
    return r;
}

void journal_events_total(struct store_txn *txn, uint64_t seq, uint64_t *ret)
{
    uint8_t key[8];
    struct bytes value = { 0 };

    store_key_u64(seq, key);
    if (sealed_get(txn, TABLE_EVENTS, (struct bytes){ .data = key, .size = sizeof(key) }, &value,
                   NULL) == 0 &&
        value.size >= TOTAL_SIZE)
        *ret = store_key_read_u64(value);
}

void journal_events_look(struct store_txn *txn, struct journal_kept *kept)
{
    uint8_t key[8];
    autoarena arena = { 0 };
    struct bytes value = { 0 };
    struct record record;

    kept->first_total = 0;
    kept->first_happened = 0;
    store_key_u64(kept->first_seq, key);
    if (sealed_get(txn, TABLE_EVENTS, (struct bytes){ .data = key, .size = sizeof(key) }, &value,
                   NULL) < 0 ||
        value.size < TOTAL_SIZE)
        return;
    kept->first_total = store_key_read_u64(value);
    value = (struct bytes){ .data = value.data + TOTAL_SIZE, .size = value.size - TOTAL_SIZE };
    if (schema_decode(&record_schema, value, &record, &arena, NULL) == 0)
        kept->first_happened = record.happened;
}

static int drop_first(struct store_txn *txn, struct journal_kept *kept, struct error *err)
{
    uint8_t key[8];
    int r;

    store_key_u64(kept->first_seq, key);
    r = store_delete(txn, TABLE_EVENTS, (struct bytes){ .data = key, .size = sizeof(key) }, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (kept->lost_until < kept->first_happened)
        kept->lost_until = kept->first_happened;
    kept->first_seq++;
    journal_events_look(txn, kept);
    return 0;
}

int journal_events_drop(struct store_txn *txn, const struct journal_limits *limits,
                        const struct journal_told *told, struct journal_kept *kept,
                        struct error *err)
{
    int r = 0;

    for (unsigned n = 0; r == 0 && n < DROPS_AT_ONCE && journal_limits_let_go(limits, kept, told);
         n++)
        r = drop_first(txn, kept, err);
    return r;
}

static int take_event(struct bytes key, struct bytes sealed, struct raw *ret, struct arena *arena,
                      struct error *err)
{
    struct bytes value;
    int r = sealed_unwrap(sealed, &value, err);

    if (r == 0 && value.size < TOTAL_SIZE)
        r = error_set(err, -EUCLEAN, "the journal is damaged: it is too short");
    if (r < 0)
        return error_add_context(err, r, "event %llu", (unsigned long long)store_key_read_u64(key));
    ret->bytes.size = value.size - TOTAL_SIZE;
    ret->bytes.data = (const uint8_t *)arena_text_n(arena, (const char *)value.data + TOTAL_SIZE,
                                                    ret->bytes.size);
    return 0;
}

static int read_events(struct store_cursor *cursor, const struct journal_range *range,
                       struct raw_list *list, struct arena *arena, struct error *err)
{
    struct bytes key;
    struct bytes sealed;
    size_t bytes = 0;
    int r = 0;

    while (list->count < range->count_max && (r = store_next(cursor, &key, &sealed, err)) > 0) {
        if (list->count > 0 && bytes + sealed.size > range->bytes_max)
            return 0;
        r = take_event(key, sealed, &list->items[list->count], arena, err);
        if (r < 0)
            return r;
        list->count++;
        bytes += sealed.size;
    }
    return r < 0 ? r : 0;
}

int journal_events_read(struct store_txn *txn, const struct journal_range *range,
                        struct raw_list *ret, struct arena *arena, struct error *err)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    struct raw_list list = { .items = arena_zeroed(arena, range->count_max * sizeof(struct raw)) };
    uint8_t from[8];
    int r;

    store_key_u64(range->after + 1, from);
    r = store_walk(txn, TABLE_EVENTS, (struct bytes){ .data = from, .size = sizeof(from) }, &cursor,
                   err);
    if (r == 0)
        r = read_events(cursor, range, &list, arena, err);
    if (r == 0)
        *ret = list;
    return r;
}
