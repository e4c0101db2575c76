/*
 * From a struct to its bytes; see codec.h.
 *
 * The bytes are canonical: fields in the order of the table, shortest forms, absent fields left
 * out of a map and nil (numbers 0, truth false) in an array.
 */
#include <assert.h>

#include "schemas/codec.h"
#include "schemas/pack.h"

typedef void encode_fn(const struct field *field, const void *member, struct buffer *ret);

static void encode_bool(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_bool(ret, *(const bool *)member);
}

static void encode_u32(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_unsigned(ret, *(const uint32_t *)member);
}

static void encode_u64(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_unsigned(ret, *(const uint64_t *)member);
}

static void encode_i32(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_signed(ret, *(const int32_t *)member);
}

static void encode_i64(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_signed(ret, *(const int64_t *)member);
}

static void encode_maybe_u32(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_unsigned(ret, ((const struct maybe_u32 *)member)->value);
}

static void encode_maybe_i64(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_signed(ret, ((const struct maybe_i64 *)member)->value);
}

static void encode_text(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_text(ret, bytes_of_text(*(char *const *)member));
}

static void encode_bytes(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_bytes(ret, *(const struct bytes *)member);
}

static void encode_id(const struct field *field, const void *member, struct buffer *ret)
{
    (void)field;
    pack_bytes(ret, (struct bytes){ .data = member, .size = COMMAND_ID_SIZE });
}

static void encode_texts(const struct field *field, const void *member, struct buffer *ret)
{
    const struct text_list *list = member;

    (void)field;
    pack_array(ret, list->count);
    for (size_t i = 0; i < list->count; i++)
        pack_text(ret, bytes_of_text(list->items[i]));
}

static void encode_text_map(const struct field *field, const void *member, struct buffer *ret)
{
    const struct text_map *map = member;

    (void)field;
    pack_map(ret, map->count);
    for (size_t i = 0; i < map->count; i++) {
        pack_text(ret, bytes_of_text(map->items[i].key));
        pack_text(ret, bytes_of_text(map->items[i].value));
    }
}

static void encode_raw(const struct field *field, const void *member, struct buffer *ret)
{
    struct bytes bytes = ((const struct raw *)member)->bytes;

    (void)field;
    assert(bytes.size > 0);
    buffer_append(ret, bytes.data, bytes.size);
}

static void encode_raws(const struct field *field, const void *member, struct buffer *ret)
{
    const struct raw_list *list = member;

    pack_array(ret, list->count);
    for (size_t i = 0; i < list->count; i++)
        encode_raw(field, &list->items[i], ret);
}

static void encode_message(const struct field *field, const void *member, struct buffer *ret)
{
    schema_encode(field->of, *(void *const *)member, ret);
}

static void encode_messages(const struct field *field, const void *member, struct buffer *ret)
{
    const struct message_list *list = member;
    const char *items = list->items;

    pack_array(ret, list->count);
    for (size_t i = 0; i < list->count; i++)
        schema_encode(field->of, items + i * field->of->size, ret);
}

static encode_fn *const encoders[] = {
    [FIELD_TYPE_BOOL] = encode_bool,
    [FIELD_TYPE_U32] = encode_u32,
    [FIELD_TYPE_U64] = encode_u64,
    [FIELD_TYPE_I32] = encode_i32,
    [FIELD_TYPE_I64] = encode_i64,
    [FIELD_TYPE_MAYBE_U32] = encode_maybe_u32,
    [FIELD_TYPE_MAYBE_I64] = encode_maybe_i64,
    [FIELD_TYPE_TEXT] = encode_text,
    [FIELD_TYPE_BYTES] = encode_bytes,
    [FIELD_TYPE_ID] = encode_id,
    [FIELD_TYPE_TEXTS] = encode_texts,
    [FIELD_TYPE_TEXT_MAP] = encode_text_map,
    [FIELD_TYPE_RAW] = encode_raw,
    [FIELD_TYPE_RAWS] = encode_raws,
    [FIELD_TYPE_MESSAGE] = encode_message,
    [FIELD_TYPE_MESSAGES] = encode_messages,
};

/* What is said by a null pointer or by no bytes has no value that could be written. */
static bool needs_value(enum field_type type)
{
    return type == FIELD_TYPE_TEXT || type == FIELD_TYPE_RAW || type == FIELD_TYPE_MESSAGE ||
           type == FIELD_TYPE_MAYBE_U32 || type == FIELD_TYPE_MAYBE_I64;
}

static void encode_field(const struct field *field, const void *message, struct buffer *ret)
{
    assert(!needs_value(field->type) || !field_is_absent(field, message));
    encoders[field->type](field, (const char *)message + field->offset, ret);
}

static bool is_nil_in_array(const struct field *field, const void *message)
{
    bool may_be_nil = needs_value(field->type) || field->type == FIELD_TYPE_ID;

    return !field->is_required && may_be_nil && field_is_absent(field, message);
}

static void encode_array(const struct schema *schema, const void *message, struct buffer *ret)
{
    pack_array(ret, schema->field_count);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];

        if (is_nil_in_array(field, message))
            pack_nil(ret);
        else
            encode_field(field, message, ret);
    }
}

static void encode_map(const struct schema *schema, const void *message, struct buffer *ret)
{
    bool is_left_out[SCHEMA_FIELDS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];

        is_left_out[i] = !field->is_required && field_is_absent(field, message);
        count += is_left_out[i] ? 0 : 1;
    }

    pack_map(ret, count);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];

        if (is_left_out[i])
            continue;
        pack_key(ret, (struct bytes){ (const uint8_t *)field->key, field->key_size });
        encode_field(field, message, ret);
    }
}

void schema_encode(const struct schema *schema, const void *message, struct buffer *ret)
{
    assert(schema->field_count <= SCHEMA_FIELDS_MAX);
    if (schema->form == SCHEMA_ARRAY)
        encode_array(schema, message, ret);
    else
        encode_map(schema, message, ret);
}
