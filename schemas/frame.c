/* The frame around a message on the bus; see codec.h. */
#include <errno.h>
#include <string.h>

#include "schemas/codec.h"
#include "schemas/pack.h"
#include "schemas/utf8.h"
#include "schemas/wire.h"

#define FRAME_PARTS 3

void frame_encode(const struct schema *schema, const void *message, struct buffer *ret)
{
    pack_array(ret, FRAME_PARTS);
    pack_unsigned(ret, MESSAGE_VERSION);
    pack_text(ret, bytes_of_text(schema->name));
    schema_encode(schema, message, ret);
}

static bool is_type(const struct wire_value *value)
{
    return value->kind == WIRE_TEXT && value->bytes.size > 0 &&
           memchr(value->bytes.data, '\0', value->bytes.size) == NULL &&
           utf8_valid_size(value->bytes) == value->bytes.size;
}

/* Version, type and body; what later versions append is not looked at. */
static int read_parts(struct wire *wire, struct frame *ret, struct arena *arena, struct error *err)
{
    struct wire_value array = wire_next(wire);
    struct wire_value version;
    struct wire_value type;

    if (array.kind != WIRE_ARRAY || array.count < FRAME_PARTS - 1)
        return error_set(err, -EBADMSG, "must be an array of version, type and body");
    version = wire_next(wire);
    if (version.kind != WIRE_UNSIGNED)
        return error_set(err, -EBADMSG, "version must be a number");
    if (version.number != MESSAGE_VERSION)
        return error_set(err, -EPROTO, "version %llu, only %d is spoken here",
                         (unsigned long long)version.number, MESSAGE_VERSION);
    type = wire_next(wire);
    if (!is_type(&type))
        return error_set(err, -EBADMSG, "type must be text");

    *ret = (struct frame){ .type = arena_text_n(arena, (const char *)type.bytes.data,
                                                type.bytes.size) };
    if (array.count < FRAME_PARTS || wire_skip_nil(wire))
        return 0;
    if (array.count > FRAME_PARTS)
        ret->body = wire_skip(wire);
    else /* guarded: what is left is the body and nothing else */
        ret->body = (struct bytes){ .data = wire->at, .size = wire_left(wire) };
    return 0;
}

int frame_decode(struct bytes bytes, struct frame *ret, struct arena *arena, struct error *err)
{
    struct wire wire = wire_over(bytes);
    int r = wire_guard(bytes, err);

    if (r == 0)
        r = read_parts(&wire, ret, arena, err);
    if (r < 0)
        return error_add_context(err, r, "frame");
    return 0;
}
