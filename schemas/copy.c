/* From a struct to another one of its own; see codec.h. */
#include <string.h>

#include "schemas/codec.h"

/* Of the same content: what is there already is as good. */
static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void copy_text(char *from, char **ret, struct arena *arena)
{
    if (!is_same_text(from, *ret))
        *ret = arena_text(arena, from);
}

static void copy_bytes(struct bytes from, struct bytes *ret, struct arena *arena)
{
    if (from.data == ret->data && from.size == ret->size)
        return;
    if (bytes_equal(from, *ret))
        return;
    ret->data = (const uint8_t *)arena_text_n(arena, (const char *)from.data, from.size);
    ret->size = from.size;
}

static void copy_texts(const struct text_list *from, struct text_list *ret, struct arena *arena)
{
    if (from->items == ret->items && from->count == ret->count)
        return;
    *ret = (struct text_list){ .count = from->count };
    ret->items = arena_zeroed(arena, from->count * sizeof(*ret->items));
    for (size_t i = 0; i < from->count; i++)
        ret->items[i] = arena_text(arena, from->items[i]);
}

static void copy_text_map(const struct text_map *from, struct text_map *ret, struct arena *arena)
{
    if (from->items == ret->items && from->count == ret->count)
        return;
    *ret = (struct text_map){ .count = from->count };
    ret->items = arena_zeroed(arena, from->count * sizeof(*ret->items));
    for (size_t i = 0; i < from->count; i++) {
        ret->items[i].key = arena_text(arena, from->items[i].key);
        ret->items[i].value = arena_text(arena, from->items[i].value);
    }
}

static void copy_raws(const struct raw_list *from, struct raw_list *ret, struct arena *arena)
{
    if (from->items == ret->items && from->count == ret->count)
        return;
    *ret = (struct raw_list){ .count = from->count };
    ret->items = arena_zeroed(arena, from->count * sizeof(*ret->items));
    for (size_t i = 0; i < from->count; i++)
        copy_bytes(from->items[i].bytes, &ret->items[i].bytes, arena);
}

static void copy_nested(const struct schema *schema, void *from, void **ret, struct arena *arena)
{
    if (from == *ret)
        return;
    *ret = NULL;
    if (from == NULL)
        return;
    *ret = arena_zeroed(arena, schema->size);
    schema_copy(schema, from, *ret, arena);
}

static void copy_messages(const struct schema *schema, const struct message_list *from,
                          struct message_list *ret, struct arena *arena)
{
    const char *items = from->items;

    if (from->items == ret->items && from->count == ret->count)
        return;
    *ret = (struct message_list){ .count = from->count };
    ret->items = arena_zeroed(arena, from->count * schema->size);
    for (size_t i = 0; i < from->count; i++)
        schema_copy(schema, items + i * schema->size, (char *)ret->items + i * schema->size, arena);
}

static void copy_field(const struct field *field, const void *from, void *ret, struct arena *arena)
{
    switch (field->type) {
    case FIELD_TYPE_BOOL:
        *(bool *)ret = *(const bool *)from;
        return;
    case FIELD_TYPE_U32:
    case FIELD_TYPE_I32:
        memcpy(ret, from, sizeof(uint32_t));
        return;
    case FIELD_TYPE_U64:
    case FIELD_TYPE_I64:
        memcpy(ret, from, sizeof(uint64_t));
        return;
    case FIELD_TYPE_MAYBE_U32:
        *(struct maybe_u32 *)ret = *(const struct maybe_u32 *)from;
        return;
    case FIELD_TYPE_MAYBE_I64:
        *(struct maybe_i64 *)ret = *(const struct maybe_i64 *)from;
        return;
    case FIELD_TYPE_ID:
        *(struct command_id *)ret = *(const struct command_id *)from;
        return;
    case FIELD_TYPE_TEXT:
        copy_text(*(char *const *)from, ret, arena);
        return;
    case FIELD_TYPE_BYTES:
        copy_bytes(*(const struct bytes *)from, ret, arena);
        return;
    case FIELD_TYPE_RAW:
        copy_bytes(((const struct raw *)from)->bytes, &((struct raw *)ret)->bytes, arena);
        return;
    case FIELD_TYPE_TEXTS:
        copy_texts(from, ret, arena);
        return;
    case FIELD_TYPE_TEXT_MAP:
        copy_text_map(from, ret, arena);
        return;
    case FIELD_TYPE_RAWS:
        copy_raws(from, ret, arena);
        return;
    case FIELD_TYPE_MESSAGE:
        copy_nested(field->of, *(void *const *)from, ret, arena);
        return;
    case FIELD_TYPE_MESSAGES:
        copy_messages(field->of, from, ret, arena);
        return;
    case FIELD_TYPE_NONE:
        break;
    }
}

void schema_copy(const struct schema *schema, const void *message, void *ret, struct arena *arena)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];

        copy_field(field, (const char *)message + field->offset, (char *)ret + field->offset,
                   arena);
    }
}
