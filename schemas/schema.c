/* What the tables say of a message in memory; see the header. */
#include "schemas/schema.h"

#include <string.h>

bool field_is_absent(const struct field *field, const void *message)
{
    const void *member = (const char *)message + field->offset;

    switch (field->type) {
    case FIELD_TYPE_BOOL:
        return !*(const bool *)member;
    case FIELD_TYPE_U32:
        return *(const uint32_t *)member == 0;
    case FIELD_TYPE_U64:
        return *(const uint64_t *)member == 0;
    case FIELD_TYPE_I32:
        return *(const int32_t *)member == 0;
    case FIELD_TYPE_I64:
        return *(const int64_t *)member == 0;
    case FIELD_TYPE_MAYBE_U32:
        return !((const struct maybe_u32 *)member)->is_set;
    case FIELD_TYPE_MAYBE_I64:
        return !((const struct maybe_i64 *)member)->is_set;
    case FIELD_TYPE_TEXT:
        return *(char *const *)member == NULL;
    case FIELD_TYPE_BYTES:
        return ((const struct bytes *)member)->size == 0;
    case FIELD_TYPE_ID:
        return command_id_is_zero(*(const struct command_id *)member);
    case FIELD_TYPE_TEXTS:
        return ((const struct text_list *)member)->count == 0;
    case FIELD_TYPE_TEXT_MAP:
        return ((const struct text_map *)member)->count == 0;
    case FIELD_TYPE_RAW:
        return ((const struct raw *)member)->bytes.size == 0;
    case FIELD_TYPE_RAWS:
        return ((const struct raw_list *)member)->count == 0;
    case FIELD_TYPE_MESSAGE:
        return *(void *const *)member == NULL;
    case FIELD_TYPE_MESSAGES:
        return ((const struct message_list *)member)->count == 0;
    case FIELD_TYPE_NONE:
        break;
    }
    return true;
}

bool text_list_has(const struct text_list *list, const char *text)
{
    for (size_t i = 0; text != NULL && i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}
