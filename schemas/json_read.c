/* A message from JSON; see codec.h. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/codec.h"
#include "schemas/pack.h"
#include "schemas/registry.h"

typedef int read_fn(json_t *json, const struct schema *of, void *member, struct arena *arena,
                    struct error *err);

static int read_message(json_t *json, const struct schema *schema, char *message,
                        struct arena *arena, struct error *err);

static int wrong(const char *wanted, struct error *err)
{
    return error_set(err, -EBADMSG, "must be %s", wanted);
}

static int read_signed(json_t *json, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
    json_int_t number = json_integer_value(json);

    if (!json_is_integer(json))
        return wrong("a whole number", err);
    if (number < min || number > max)
        return error_set(err, -EBADMSG, "is %lld, which does not fit", (long long)number);
    *ret = number;
    return 0;
}

static int read_bool(json_t *json, const struct schema *of, void *member, struct arena *arena,
                     struct error *err)
{
    (void)of;
    (void)arena;
    if (!json_is_boolean(json))
        return wrong("true or false", err);
    *(bool *)member = json_is_true(json);
    return 0;
}

static int read_u32(json_t *json, const struct schema *of, void *member, struct arena *arena,
                    struct error *err)
{
    int64_t number = 0;
    int r = read_signed(json, 0, UINT32_MAX, &number, err);

    (void)of;
    (void)arena;
    if (r < 0)
        return r;
    *(uint32_t *)member = (uint32_t)number;
    return 0;
}

static int read_u64(json_t *json, const struct schema *of, void *member, struct arena *arena,
                    struct error *err)
{
    const char *text = json_string_value(json);
    char *end = NULL;

    (void)of;
    (void)arena;
    if (text == NULL) {
        int64_t number = 0;
        int r = read_signed(json, 0, INT64_MAX, &number, err);

        if (r == 0)
            *(uint64_t *)member = (uint64_t)number;
        return r;
    }
    errno = 0;
    *(uint64_t *)member = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        return wrong("a whole number", err);
    return 0;
}

static int read_i32(json_t *json, const struct schema *of, void *member, struct arena *arena,
                    struct error *err)
{
    int64_t number = 0;
    int r = read_signed(json, INT32_MIN, INT32_MAX, &number, err);

    (void)of;
    (void)arena;
    if (r < 0)
        return r;
    *(int32_t *)member = (int32_t)number;
    return 0;
}

static int read_i64(json_t *json, const struct schema *of, void *member, struct arena *arena,
                    struct error *err)
{
    (void)of;
    (void)arena;
    return read_signed(json, INT64_MIN, INT64_MAX, member, err);
}

static int read_maybe_u32(json_t *json, const struct schema *of, void *member, struct arena *arena,
                          struct error *err)
{
    struct maybe_u32 *maybe = member;

    maybe->is_set = true;
    return read_u32(json, of, &maybe->value, arena, err);
}

static int read_maybe_i64(json_t *json, const struct schema *of, void *member, struct arena *arena,
                          struct error *err)
{
    struct maybe_i64 *maybe = member;

    maybe->is_set = true;
    return read_i64(json, of, &maybe->value, arena, err);
}

static int read_text(json_t *json, const struct schema *of, void *member, struct arena *arena,
                     struct error *err)
{
    (void)of;
    if (!json_is_string(json))
        return wrong("text", err);
    *(char **)member = arena_text(arena, json_string_value(json));
    return 0;
}

static int read_bytes(json_t *json, const struct schema *of, void *member, struct arena *arena,
                      struct error *err)
{
    size_t size = json_string_length(json) / 2;
    uint8_t *data = arena_zeroed(arena, size);

    (void)of;
    if (!json_is_string(json) || !hex_read(json_string_value(json), data, size))
        return wrong("hexadecimal text", err);
    *(struct bytes *)member = (struct bytes){ .data = data, .size = size };
    return 0;
}

static int read_id(json_t *json, const struct schema *of, void *member, struct arena *arena,
                   struct error *err)
{
    (void)of;
    (void)arena;
    if (!json_is_string(json) || !hex_read(json_string_value(json), member, COMMAND_ID_SIZE))
        return wrong("32 hexadecimal digits", err);
    return 0;
}

/* What the items of an array are read into. */
struct slot {
    read_fn *read;
    const struct schema *of;
    size_t size;
};

static int read_items(json_t *json, const struct slot *slot, struct arena *arena,
                      struct message_list *ret, struct error *err)
{
    size_t count = json_array_size(json);
    char *items = arena_zeroed(arena, count * slot->size);

    if (!json_is_array(json))
        return wrong("an array", err);
    for (size_t i = 0; i < count; i++) {
        int r = slot->read(json_array_get(json, i), slot->of, items + i * slot->size, arena, err);

        if (r < 0)
            return error_add_context(err, r, "item %zu", i);
    }
    *ret = (struct message_list){ .items = items, .count = count };
    return 0;
}

static int read_texts(json_t *json, const struct schema *of, void *member, struct arena *arena,
                      struct error *err)
{
    const struct slot slot = { .read = read_text, .of = of, .size = sizeof(char *) };
    struct message_list items = { 0 };
    int r = read_items(json, &slot, arena, &items, err);

    *(struct text_list *)member = (struct text_list){ .items = items.items, .count = items.count };
    return r;
}

static int read_text_map(json_t *json, const struct schema *of, void *member, struct arena *arena,
                         struct error *err)
{
    struct text_map *map = member;
    struct text_pair *pair = arena_zeroed(arena, json_object_size(json) * sizeof(*pair));
    int r;

    if (!json_is_object(json))
        return wrong("an object", err);
    *map = (struct text_map){ .items = pair, .count = json_object_size(json) };
    for (void *at = json_object_iter(json); at != NULL;
         at = json_object_iter_next(json, at), pair++) {
        pair->key = arena_text(arena, json_object_iter_key(at));
        r = read_text(json_object_iter_value(at), of, &pair->value, arena, err);
        if (r < 0)
            return error_add_context(err, r, "key %s", pair->key);
    }
    return 0;
}

/* Whatever JSON says, as the msgpack value that says the same. */
static void pack_json(json_t *json, struct buffer *ret)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        pack_map(ret, json_object_size(json));
        for (void *at = json_object_iter(json); at != NULL; at = json_object_iter_next(json, at)) {
            pack_text(ret, bytes_of_text(json_object_iter_key(at)));
            pack_json(json_object_iter_value(at), ret);
        }
        return;
    case JSON_ARRAY:
        pack_array(ret, json_array_size(json));
        for (size_t i = 0; i < json_array_size(json); i++)
            pack_json(json_array_get(json, i), ret);
        return;
    case JSON_STRING:
        pack_text(ret, bytes_of_text(json_string_value(json)));
        return;
    case JSON_INTEGER:
        pack_signed(ret, json_integer_value(json));
        return;
    case JSON_REAL:
        pack_real(ret, json_real_value(json));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        pack_bool(ret, json_is_true(json));
        return;
    case JSON_NULL:
        break;
    }
    pack_nil(ret);
}

static int pack_message(json_t *json, const struct schema *schema, struct buffer *ret,
                        struct error *err)
{
    autoarena arena = { 0 };
    void *message = arena_zeroed(&arena, schema->size);
    int r = read_message(json, schema, message, &arena, err);

    if (r == 0)
        schema_encode(schema, message, ret);
    return r;
}

static int read_raw(json_t *json, const struct schema *of, void *member, struct arena *arena,
                    struct error *err)
{
    struct buffer wire = { 0 };
    int r = 0;

    if (of != NULL)
        r = pack_message(json, of, &wire, err);
    else
        pack_json(json, &wire);
    if (r == 0)
        r = wire_guard(buffer_bytes(&wire), err);
    if (r == 0)
        ((struct raw *)member)->bytes = (struct bytes){
            .data = (uint8_t *)arena_text_n(arena, (const char *)wire.data, wire.size),
            .size = wire.size,
        };
    buffer_done(&wire);
    return r;
}

static int read_raws(json_t *json, const struct schema *of, void *member, struct arena *arena,
                     struct error *err)
{
    const struct slot slot = { .read = read_raw, .of = of, .size = sizeof(struct raw) };
    struct message_list items = { 0 };
    int r = read_items(json, &slot, arena, &items, err);

    *(struct raw_list *)member = (struct raw_list){ .items = items.items, .count = items.count };
    return r;
}

static int read_inline(json_t *json, const struct schema *of, void *member, struct arena *arena,
                       struct error *err)
{
    return read_message(json, of, member, arena, err);
}

static int read_nested(json_t *json, const struct schema *of, void *member, struct arena *arena,
                       struct error *err)
{
    void *message = arena_zeroed(arena, of->size);

    *(void **)member = message;
    return read_message(json, of, message, arena, err);
}

static int read_messages(json_t *json, const struct schema *of, void *member, struct arena *arena,
                         struct error *err)
{
    const struct slot slot = { .read = read_inline, .of = of, .size = of->size };

    return read_items(json, &slot, arena, member, err);
}

static read_fn *const readers[] = {
    [FIELD_TYPE_BOOL] = read_bool,
    [FIELD_TYPE_U32] = read_u32,
    [FIELD_TYPE_U64] = read_u64,
    [FIELD_TYPE_I32] = read_i32,
    [FIELD_TYPE_I64] = read_i64,
    [FIELD_TYPE_MAYBE_U32] = read_maybe_u32,
    [FIELD_TYPE_MAYBE_I64] = read_maybe_i64,
    [FIELD_TYPE_TEXT] = read_text,
    [FIELD_TYPE_BYTES] = read_bytes,
    [FIELD_TYPE_ID] = read_id,
    [FIELD_TYPE_TEXTS] = read_texts,
    [FIELD_TYPE_TEXT_MAP] = read_text_map,
    [FIELD_TYPE_RAW] = read_raw,
    [FIELD_TYPE_RAWS] = read_raws,
    [FIELD_TYPE_MESSAGE] = read_nested,
    [FIELD_TYPE_MESSAGES] = read_messages,
};

static int check_keys(json_t *json, const struct schema *schema, struct error *err)
{
    for (void *at = json_object_iter(json); at != NULL; at = json_object_iter_next(json, at)) {
        const char *key = json_object_iter_key(at);
        size_t i = 0;

        while (i < schema->field_count && strcmp(schema->fields[i].key, key) != 0)
            i++;
        if (i == schema->field_count)
            return error_set(err, -EBADMSG, "%s has no field %s", schema->name, key);
    }
    return 0;
}

/* In the order of the table: a record's type is read before its body. */
static int read_message(json_t *json, const struct schema *schema, char *message,
                        struct arena *arena, struct error *err)
{
    int r = json_is_object(json) ? check_keys(json, schema, err) : wrong("an object", err);

    for (size_t i = 0; r == 0 && i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        json_t *value = json_object_get(json, field->key);
        const struct schema *of = registry_part(schema, field, message);

        if (value != NULL && !json_is_null(value))
            r = readers[field->type](value, of, message + field->offset, arena, err);
        else if (field->is_required)
            r = error_set(err, -EBADMSG, "is missing");
        if (r < 0)
            return error_add_context(err, r, "field %s", field->key);
    }
    return r;
}

int schema_from_json(const struct schema *schema, const char *json, void *ret_message,
                     struct arena *arena, struct error *err)
{
    json_error_t why;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &why);
    int r;

    if (root == NULL)
        return error_set(err, -EBADMSG, "%s: line %d: %s", schema->name, why.line, why.text);
    memset(ret_message, 0, schema->size);
    r = read_message(root, schema, ret_message, arena, err);
    json_decref(root);
    return r < 0 ? error_add_context(err, r, "%s", schema->name) : 0;
}
