/* From bytes to a struct; see codec.h. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/codec.h"
#include "schemas/record.h"
#include "schemas/utf8.h"
#include "schemas/wire.h"

struct reader {
    struct wire wire; /* guarded */
    struct arena *arena;
};

typedef int decode_fn(struct reader *reader, const struct field *field, void *member,
                      struct error *err);

static int decode_message(struct reader *reader, const struct schema *schema, char *message,
                          struct error *err);

static int read_kind(struct reader *reader, enum wire_kind wanted, struct wire_value *ret,
                     struct error *err)
{
    *ret = wire_next(&reader->wire);
    if (ret->kind == wanted)
        return 0;
    return error_set(err, -EBADMSG, "must be %s, is %s", wire_kind_name(wanted),
                     wire_kind_name(ret->kind));
}

static int read_unsigned(struct reader *reader, uint64_t max, uint64_t *ret, struct error *err)
{
    struct wire_value value;
    int r = read_kind(reader, WIRE_UNSIGNED, &value, err);

    if (r < 0)
        return r;
    if (value.number > max)
        return error_set(err, -EBADMSG, "is %llu, at most %llu", (unsigned long long)value.number,
                         (unsigned long long)max);
    *ret = value.number;
    return 0;
}

static int read_signed(struct reader *reader, int64_t min, int64_t max, int64_t *ret,
                       struct error *err)
{
    struct wire_value value = wire_next(&reader->wire);

    if (value.kind != WIRE_UNSIGNED && value.kind != WIRE_NEGATIVE)
        return error_set(err, -EBADMSG, "must be a number, is %s", wire_kind_name(value.kind));
    if (value.kind == WIRE_UNSIGNED && value.number > (uint64_t)max)
        return error_set(err, -EBADMSG, "is %llu, at most %lld", (unsigned long long)value.number,
                         (long long)max);
    if (value.kind == WIRE_NEGATIVE && value.negative < min)
        return error_set(err, -EBADMSG, "is %lld, at least %lld", (long long)value.negative,
                         (long long)min);
    *ret = value.kind == WIRE_NEGATIVE ? value.negative : (int64_t)value.number;
    return 0;
}

static int read_text(struct reader *reader, char **ret, struct error *err)
{
    struct wire_value value;
    int r = read_kind(reader, WIRE_TEXT, &value, err);

    if (r < 0)
        return r;
    if (memchr(value.bytes.data, '\0', value.bytes.size) != NULL)
        return error_set(err, -EBADMSG, "has a NUL inside");
    if (utf8_valid_size(value.bytes) != value.bytes.size)
        return error_set(err, -EBADMSG, "is not valid UTF-8");
    *ret = arena_text_n(reader->arena, (const char *)value.bytes.data, value.bytes.size);
    return 0;
}

static struct bytes copied(struct arena *arena, struct bytes bytes)
{
    return (struct bytes){
        .data = (const uint8_t *)arena_text_n(arena, (const char *)bytes.data, bytes.size),
        .size = bytes.size,
    };
}

static int decode_bool(struct reader *reader, const struct field *field, void *member,
                       struct error *err)
{
    struct wire_value value;
    int r = read_kind(reader, WIRE_BOOL, &value, err);

    (void)field;
    if (r < 0)
        return r;
    *(bool *)member = value.truth;
    return 0;
}

static int decode_u32(struct reader *reader, const struct field *field, void *member,
                      struct error *err)
{
    uint64_t number = 0;
    int r = read_unsigned(reader, UINT32_MAX, &number, err);

    (void)field;
    if (r < 0)
        return r;
    *(uint32_t *)member = (uint32_t)number;
    return 0;
}

static int decode_u64(struct reader *reader, const struct field *field, void *member,
                      struct error *err)
{
    (void)field;
    return read_unsigned(reader, UINT64_MAX, member, err);
}

static int decode_i32(struct reader *reader, const struct field *field, void *member,
                      struct error *err)
{
    int64_t number = 0;
    int r = read_signed(reader, INT32_MIN, INT32_MAX, &number, err);

    (void)field;
    if (r < 0)
        return r;
    *(int32_t *)member = (int32_t)number;
    return 0;
}

static int decode_i64(struct reader *reader, const struct field *field, void *member,
                      struct error *err)
{
    (void)field;
    return read_signed(reader, INT64_MIN, INT64_MAX, member, err);
}

static int decode_maybe_u32(struct reader *reader, const struct field *field, void *member,
                            struct error *err)
{
    struct maybe_u32 *maybe = member;

    maybe->is_set = true;
    return decode_u32(reader, field, &maybe->value, err);
}

static int decode_maybe_i64(struct reader *reader, const struct field *field, void *member,
                            struct error *err)
{
    struct maybe_i64 *maybe = member;

    maybe->is_set = true;
    return decode_i64(reader, field, &maybe->value, err);
}

static int decode_text(struct reader *reader, const struct field *field, void *member,
                       struct error *err)
{
    (void)field;
    return read_text(reader, member, err);
}

static int decode_bytes(struct reader *reader, const struct field *field, void *member,
                        struct error *err)
{
    struct wire_value value;
    int r = read_kind(reader, WIRE_BYTES, &value, err);

    (void)field;
    if (r < 0)
        return r;
    *(struct bytes *)member = copied(reader->arena, value.bytes);
    return 0;
}

static int decode_id(struct reader *reader, const struct field *field, void *member,
                     struct error *err)
{
    struct wire_value value;
    int r = read_kind(reader, WIRE_BYTES, &value, err);

    (void)field;
    if (r < 0)
        return r;
    if (value.bytes.size != COMMAND_ID_SIZE)
        return error_set(err, -EBADMSG, "has %zu bytes, an id has %d", value.bytes.size,
                         COMMAND_ID_SIZE);
    memcpy(((struct command_id *)member)->bytes, value.bytes.data, COMMAND_ID_SIZE);
    return 0;
}

static int decode_texts(struct reader *reader, const struct field *field, void *member,
                        struct error *err)
{
    struct text_list *list = member;
    struct wire_value value;
    int r = read_kind(reader, WIRE_ARRAY, &value, err);

    (void)field;
    if (r < 0)
        return r;
    list->count = value.count;
    list->items = arena_zeroed(reader->arena, list->count * sizeof(*list->items));
    for (size_t i = 0; i < list->count; i++) {
        r = read_text(reader, &list->items[i], err);
        if (r < 0)
            return error_add_context(err, r, "item %zu", i);
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct text_pair *left = a;
    const struct text_pair *right = b;

    return strcmp(left->key, right->key);
}

/* Sorted, because a peer may send as many as it likes. */
static int check_keys_differ(struct arena *arena, const struct text_map *map, struct error *err)
{
    struct text_pair *sorted;

    if (map->count < 2)
        return 0;
    sorted = arena_zeroed(arena, map->count * sizeof(struct text_pair));
    memcpy(sorted, map->items, map->count * sizeof(struct text_pair));
    qsort(sorted, map->count, sizeof(struct text_pair), compare_keys);
    for (size_t i = 1; i < map->count; i++) {
        if (strcmp(sorted[i - 1].key, sorted[i].key) == 0)
            return error_set(err, -EBADMSG, "has the key %.64s twice", sorted[i].key);
    }
    return 0;
}

static int decode_text_map(struct reader *reader, const struct field *field, void *member,
                           struct error *err)
{
    struct text_map *map = member;
    struct wire_value value;
    int r = read_kind(reader, WIRE_MAP, &value, err);

    (void)field;
    if (r < 0)
        return r;
    map->count = value.count;
    map->items = arena_zeroed(reader->arena, map->count * sizeof(*map->items));
    for (size_t i = 0; i < map->count; i++) {
        r = read_text(reader, &map->items[i].key, err);
        if (r == 0)
            r = read_text(reader, &map->items[i].value, err);
        if (r < 0)
            return error_add_context(err, r, "pair %zu", i);
    }
    return check_keys_differ(reader->arena, map, err);
}

static int decode_raw(struct reader *reader, const struct field *field, void *member,
                      struct error *err)
{
    (void)field;
    (void)err;
    ((struct raw *)member)->bytes = copied(reader->arena, wire_skip(&reader->wire));
    return 0;
}

/* One copy of them all, which the items share. */
static int decode_raws(struct reader *reader, const struct field *field, void *member,
                       struct error *err)
{
    struct raw_list *list = member;
    struct bytes all = { 0 };
    struct wire_value value;
    int r = read_kind(reader, WIRE_ARRAY, &value, err);

    (void)field;
    if (r < 0)
        return r;
    list->count = value.count;
    list->items = arena_zeroed(reader->arena, list->count * sizeof(*list->items));
    all.data = reader->wire.at;
    for (size_t i = 0; i < list->count; i++) {
        list->items[i].bytes = wire_skip(&reader->wire);
        all.size += list->items[i].bytes.size;
    }
    all = copied(reader->arena, all);
    for (size_t i = 0; i < list->count; i++) {
        list->items[i].bytes.data = all.data;
        all.data += list->items[i].bytes.size;
    }
    return 0;
}

static int decode_nested(struct reader *reader, const struct field *field, void *member,
                         struct error *err)
{
    void *message = arena_zeroed(reader->arena, field->of->size);
    int r = decode_message(reader, field->of, message, err);

    if (r < 0)
        return r;
    *(void **)member = message;
    return 0;
}

/* What a message of this schema takes on the wire at least. */
static size_t smallest_size(const struct schema *schema)
{
    size_t size = 1;

    for (size_t i = 0; i < schema->field_count; i++) {
        if (schema->fields[i].is_required)
            size += (schema->form == SCHEMA_MAP ? 1 + schema->fields[i].key_size : 0) + 1;
    }
    return size;
}

static int decode_messages(struct reader *reader, const struct field *field, void *member,
                           struct error *err)
{
    struct message_list *list = member;
    struct wire_value value;
    char *items;
    int r = read_kind(reader, WIRE_ARRAY, &value, err);

    if (r < 0)
        return r;
    /* A list of empty maps must not make us reserve a struct for each of them. */
    if (value.count > wire_left(&reader->wire) / smallest_size(field->of))
        return error_set(err, -EBADMSG, "claims %u messages in %zu bytes", value.count,
                         wire_left(&reader->wire));
    items = arena_zeroed(reader->arena, value.count * field->of->size);
    *list = (struct message_list){ .items = items, .count = value.count };
    for (size_t i = 0; i < list->count; i++) {
        r = decode_message(reader, field->of, items + i * field->of->size, err);
        if (r < 0)
            return error_add_context(err, r, "item %zu", i);
    }
    return 0;
}

static decode_fn *const decoders[] = {
    [FIELD_TYPE_BOOL] = decode_bool,
    [FIELD_TYPE_U32] = decode_u32,
    [FIELD_TYPE_U64] = decode_u64,
    [FIELD_TYPE_I32] = decode_i32,
    [FIELD_TYPE_I64] = decode_i64,
    [FIELD_TYPE_MAYBE_U32] = decode_maybe_u32,
    [FIELD_TYPE_MAYBE_I64] = decode_maybe_i64,
    [FIELD_TYPE_TEXT] = decode_text,
    [FIELD_TYPE_BYTES] = decode_bytes,
    [FIELD_TYPE_ID] = decode_id,
    [FIELD_TYPE_TEXTS] = decode_texts,
    [FIELD_TYPE_TEXT_MAP] = decode_text_map,
    [FIELD_TYPE_RAW] = decode_raw,
    [FIELD_TYPE_RAWS] = decode_raws,
    [FIELD_TYPE_MESSAGE] = decode_nested,
    [FIELD_TYPE_MESSAGES] = decode_messages,
};

/* nil says the same as nothing: `ret_present` tells. */
static int decode_field(struct reader *reader, const struct field *field, char *message,
                        bool *ret_present, struct error *err)
{
    int r;

    *ret_present = !wire_skip_nil(&reader->wire);
    if (!*ret_present)
        return 0;
    r = decoders[field->type](reader, field, message + field->offset, err);
    if (r < 0)
        return error_add_context(err, r, "field %s", field->key);
    return 0;
}

static bool is_key(const struct field *field, struct bytes key)
{
    return field->key_size == key.size && memcmp(field->key, key.data, key.size) == 0;
}

/* Peers write fields in the table's order: the one after the last found is the first guess. */
static size_t find_field(const struct schema *schema, size_t guess, struct bytes key)
{
    if (guess < schema->field_count && is_key(&schema->fields[guess], key))
        return guess;
    for (size_t i = 0; i < schema->field_count; i++) {
        if (is_key(&schema->fields[i], key))
            return i;
    }
    return schema->field_count;
}

static int check_required(const struct schema *schema, uint64_t present, struct error *err)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (schema->fields[i].is_required && (present & 1ULL << i) == 0)
            return error_set(err, -EBADMSG, "field %s is missing", schema->fields[i].key);
    }
    return 0;
}

static int decode_map(struct reader *reader, const struct schema *schema, char *message,
                      struct error *err)
{
    struct wire_value map;
    struct wire_value key;
    uint64_t seen = 0;
    uint64_t present = 0;
    size_t guess = 0;
    int r = read_kind(reader, WIRE_MAP, &map, err);

    for (uint32_t i = 0; r == 0 && i < map.count; i++) {
        bool is_present = false;
        size_t index;

        r = read_kind(reader, WIRE_TEXT, &key, err);
        if (r < 0)
            return error_add_context(err, r, "key");
        index = find_field(schema, guess, key.bytes);
        if (index == schema->field_count) {
            (void)wire_skip(&reader->wire);
            continue;
        }
        if ((seen & 1ULL << index) != 0)
            return error_set(err, -EBADMSG, "field %s given twice", schema->fields[index].key);
        r = decode_field(reader, &schema->fields[index], message, &is_present, err);
        seen |= 1ULL << index;
        present |= (uint64_t)is_present << index;
        guess = index + 1;
    }
    return r < 0 ? r : check_required(schema, present, err);
}

static int decode_array(struct reader *reader, const struct schema *schema, char *message,
                        struct error *err)
{
    struct wire_value array;
    uint64_t present = 0;
    int r = read_kind(reader, WIRE_ARRAY, &array, err);

    for (uint32_t i = 0; r == 0 && i < array.count; i++) {
        bool is_present = false;

        if (i >= schema->field_count) {
            (void)wire_skip(&reader->wire);
            continue;
        }
        r = decode_field(reader, &schema->fields[i], message, &is_present, err);
        present |= (uint64_t)is_present << i;
    }
    return r < 0 ? r : check_required(schema, present, err);
}

static int decode_message(struct reader *reader, const struct schema *schema, char *message,
                          struct error *err)
{
    assert(schema->field_count <= SCHEMA_FIELDS_MAX);
    if (schema->form == SCHEMA_ARRAY)
        return decode_array(reader, schema, message, err);
    return decode_map(reader, schema, message, err);
}

int schema_decode_guarded(const struct schema *schema, struct bytes wire, void *ret_message,
                          struct arena *arena, struct error *err)
{
    static const uint8_t empty_map[] = { 0x80 };
    struct reader reader = { .arena = arena };
    int r;

    if (wire.size == 0)
        wire = (struct bytes){ .data = empty_map, .size = sizeof(empty_map) };
    memset(ret_message, 0, schema->size);
    reader.wire = wire_over(wire);
    r = decode_message(&reader, schema, ret_message, err);
    if (r < 0)
        return error_add_context(err, r, "%s", schema->name);
    return 0;
}

int schema_decode(const struct schema *schema, struct bytes wire, void *ret_message,
                  struct arena *arena, struct error *err)
{
    unsigned depth_max = schema == &record_schema ? RECORD_DEPTH_MAX : MESSAGE_DEPTH_MAX;
    int r = wire.size == 0 ? 0 : wire_guard_within(wire, depth_max, err);

    if (r < 0)
        return error_add_context(err, r, "%s", schema->name);
    return schema_decode_guarded(schema, wire, ret_message, arena, err);
}
