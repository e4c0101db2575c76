/* What a record says; see the header. */
#include "common/fleet/body.h"

#include <errno.h>

#include "schemas/codec.h"

static const uint8_t no_fields[] = { 0x80 }; /* an empty map of msgpack */

int body_decode(const struct schema *schema, const struct record *record, void *ret,
                struct arena *arena, struct error *err)
{
    struct bytes wire = record->body.bytes;

    if (wire.size == 0)
        wire = (struct bytes){ .data = no_fields, .size = sizeof(no_fields) };
    if (schema_decode(schema, wire, ret, arena, err) < 0)
        return error_add_context(err, -EPROTO, "body of %s", record->type);
    return 0;
}
