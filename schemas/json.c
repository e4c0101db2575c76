/* A message as JSON, for people and their tools; see codec.h. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "common/auto.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/record.h"
#include "schemas/registry.h"
#include "schemas/utf8.h"
#include "schemas/wire.h"

typedef json_t *render_fn(const struct schema *of, const void *member);

static json_t *render_message(const struct schema *schema, const void *message);
static json_t *render_value(struct wire *wire);

/* Takes the value. */
static void put(json_t *object, const char *key, json_t *value)
{
    int r = json_object_set_new_nocheck(object, key, value);

    assert(r == 0);
    (void)r;
}

static void add(json_t *array, json_t *value)
{
    int r = json_array_append_new(array, value);

    assert(r == 0);
    (void)r;
}

static json_t *render_number(uint64_t number)
{
    autofree char *text = NULL;

    if (number <= INT64_MAX)
        return json_integer((json_int_t)number);
    text = mem_text("%llu", (unsigned long long)number);
    return json_string(text);
}

static json_t *render_hex(struct bytes bytes)
{
    autofree char *text = mem_zeroed(2 * bytes.size + 1);

    hex_write(bytes.data, bytes.size, text);
    return json_string(text);
}

static json_t *render_str(struct bytes text)
{
    struct buffer repaired = { 0 };
    json_t *json;

    utf8_repair(text, &repaired);
    buffer_append(&repaired, "", 1);
    json = json_stringn_nocheck((const char *)repaired.data, repaired.size - 1);
    buffer_done(&repaired);
    return json;
}

/* A key of a map that no schema describes. */
static char *key_text(struct wire *wire)
{
    struct bytes bytes = wire_skip(wire);
    struct wire again = wire_over(bytes);
    struct wire_value value = wire_next(&again);
    autofree char *hex = mem_zeroed(2 * bytes.size + 1);
    struct buffer repaired = { 0 };
    char *text;

    if (value.kind == WIRE_UNSIGNED)
        return mem_text("%llu", (unsigned long long)value.number);
    if (value.kind == WIRE_NEGATIVE)
        return mem_text("%lld", (long long)value.negative);
    if (value.kind != WIRE_TEXT) {
        hex_write(bytes.data, bytes.size, hex);
        return steal_ptr(hex);
    }
    utf8_repair(value.bytes, &repaired);
    text = mem_text("%.*s", (int)repaired.size, (const char *)repaired.data);
    buffer_done(&repaired);
    return text;
}

static json_t *render_items(struct wire *wire, uint32_t count)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < count; i++)
        add(array, render_value(wire));
    return array;
}

static json_t *render_pairs(struct wire *wire, uint32_t count)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < count; i++) {
        autofree char *key = key_text(wire);

        put(object, key, render_value(wire));
    }
    return object;
}

/* Any guarded value; no deeper than the guard allows. */
static json_t *render_value(struct wire *wire)
{
    struct wire_value value = wire_next(wire);
    json_t *real;

    switch (value.kind) {
    case WIRE_BOOL:
        return json_boolean(value.truth);
    case WIRE_UNSIGNED:
        return render_number(value.number);
    case WIRE_NEGATIVE:
        return json_integer(value.negative);
    case WIRE_REAL:
        real = json_real(value.real);
        return real != NULL ? real : json_null(); /* JSON knows no infinity */
    case WIRE_TEXT:
        return render_str(value.bytes);
    case WIRE_BYTES:
    case WIRE_EXTENSION:
        return render_hex(value.bytes);
    case WIRE_ARRAY:
        return render_items(wire, value.count);
    case WIRE_MAP:
        return render_pairs(wire, value.count);
    case WIRE_NIL:
    case WIRE_INVALID:
    case WIRE_KIND_COUNT:
        break;
    }
    return json_null();
}

static json_t *render_bool(const struct schema *of, const void *member)
{
    (void)of;
    return json_boolean(*(const bool *)member);
}

static json_t *render_u32(const struct schema *of, const void *member)
{
    (void)of;
    return json_integer(*(const uint32_t *)member);
}

static json_t *render_u64(const struct schema *of, const void *member)
{
    (void)of;
    return render_number(*(const uint64_t *)member);
}

static json_t *render_i32(const struct schema *of, const void *member)
{
    (void)of;
    return json_integer(*(const int32_t *)member);
}

static json_t *render_i64(const struct schema *of, const void *member)
{
    (void)of;
    return json_integer(*(const int64_t *)member);
}

static json_t *render_maybe_u32(const struct schema *of, const void *member)
{
    (void)of;
    return json_integer(((const struct maybe_u32 *)member)->value);
}

static json_t *render_maybe_i64(const struct schema *of, const void *member)
{
    (void)of;
    return json_integer(((const struct maybe_i64 *)member)->value);
}

static json_t *render_text(const struct schema *of, const void *member)
{
    const char *text = *(char *const *)member;

    (void)of;
    return text != NULL ? render_str(bytes_of_text(text)) : json_null();
}

static json_t *render_bytes(const struct schema *of, const void *member)
{
    (void)of;
    return render_hex(*(const struct bytes *)member);
}

static json_t *render_id(const struct schema *of, const void *member)
{
    (void)of;
    return render_hex((struct bytes){ .data = member, .size = COMMAND_ID_SIZE });
}

static json_t *render_texts(const struct schema *of, const void *member)
{
    const struct text_list *list = member;
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        add(array, render_text(of, &list->items[i]));
    return array;
}

static json_t *render_text_map(const struct schema *of, const void *member)
{
    const struct text_map *map = member;
    json_t *object = json_object();

    for (size_t i = 0; i < map->count; i++)
        put(object, map->items[i].key, render_text(of, &map->items[i].value));
    return object;
}

/* By its schema, else as it is, else (it is no msgpack at all) in hexadecimal digits. */
static json_t *render_raw(const struct schema *of, const void *member)
{
    struct bytes bytes = ((const struct raw *)member)->bytes;
    struct wire wire = wire_over(bytes);
    autoarena arena = { 0 };
    void *message = arena_zeroed(&arena, of != NULL ? of->size : 0);

    if (of != NULL && schema_decode(of, bytes, message, &arena, NULL) == 0)
        return render_message(of, message);
    if (wire_guard(bytes, NULL) == 0)
        return render_value(&wire);
    return render_hex(bytes);
}

static json_t *render_raws(const struct schema *of, const void *member)
{
    const struct raw_list *list = member;
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        add(array, render_raw(of, &list->items[i]));
    return array;
}

static json_t *render_nested(const struct schema *of, const void *member)
{
    const void *message = *(void *const *)member;

    return message != NULL ? render_message(of, message) : json_null();
}

static json_t *render_messages(const struct schema *of, const void *member)
{
    const struct message_list *list = member;
    const char *items = list->items;
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        add(array, render_message(of, items + i * of->size));
    return array;
}

static render_fn *const renderers[] = {
    [FIELD_TYPE_BOOL] = render_bool,
    [FIELD_TYPE_U32] = render_u32,
    [FIELD_TYPE_U64] = render_u64,
    [FIELD_TYPE_I32] = render_i32,
    [FIELD_TYPE_I64] = render_i64,
    [FIELD_TYPE_MAYBE_U32] = render_maybe_u32,
    [FIELD_TYPE_MAYBE_I64] = render_maybe_i64,
    [FIELD_TYPE_TEXT] = render_text,
    [FIELD_TYPE_BYTES] = render_bytes,
    [FIELD_TYPE_ID] = render_id,
    [FIELD_TYPE_TEXTS] = render_texts,
    [FIELD_TYPE_TEXT_MAP] = render_text_map,
    [FIELD_TYPE_RAW] = render_raw,
    [FIELD_TYPE_RAWS] = render_raws,
    [FIELD_TYPE_MESSAGE] = render_nested,
    [FIELD_TYPE_MESSAGES] = render_messages,
};

static json_t *render_message(const struct schema *schema, const void *message)
{
    json_t *object = json_object();

    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        const void *member = (const char *)message + field->offset;
        const struct schema *of = registry_part(schema, field, message);

        if (field->is_required || !field_is_absent(field, message))
            put(object, field->key, renderers[field->type](of, member));
    }
    return object;
}

char *schema_json(const struct schema *schema, const void *message)
{
    json_t *object = render_message(schema, message);
    char *line = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    assert(line != NULL);
    return line;
}
