/*
 * Encode, decode and render any message that a table describes. The only code that knows both the
 * tables and msgpack.
 */
#ifndef GANTRY_SCHEMAS_CODEC_H
#define GANTRY_SCHEMAS_CODEC_H

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/schema.h"

#define MESSAGE_DEPTH_MAX   8
#define MESSAGE_VERSION     1
#define MESSAGE_SIZE_MAX    (1024 * 1024) /* bytes of one message on the bus */
#define MESSAGE_UNKNOWN_MAX 4096          /* bytes of a message from a peer that nobody knows yet */

/* Append the message's bytes to `ret`. The struct must hold what its schema requires. */
void schema_encode(const struct schema *schema, const void *message, struct buffer *ret);

/*
 * Fill `ret_message` (schema->size bytes) from exactly one msgpack value. What it points to lives
 * in `arena`. -EBADMSG and a sentence that names the schema and the field otherwise; the message is
 * then undefined. Declared sizes are checked before msgpack-c sees them.
 */
int schema_decode(const struct schema *schema, struct bytes wire, void *ret_message,
                  struct arena *arena, struct error *err);

/*
 * A frame of the bus: the array [MESSAGE_VERSION, type, body], with the body in the form of the
 * type's schema.
 */
struct frame {
    char *type;
    struct bytes body; /* borrowed from the bytes that were decoded */
};

void frame_encode(const struct schema *schema, const void *message, struct buffer *ret);

/* -EBADMSG for anything that is no frame, -EPROTO for another version. `type` is in the arena. */
int frame_decode(struct bytes wire, struct frame *ret, struct arena *arena, struct error *err);

/*
 * Check that `wire` is one whole msgpack value, no deeper than MESSAGE_DEPTH_MAX, in which nothing
 * claims more than is there. Everything that decodes calls this first.
 */
int wire_guard(struct bytes wire, struct error *err);

/*
 * The message as one line of JSON, on the heap. Ids and bytes are hexadecimal; absent fields are
 * left out. The body of a record is rendered by its type's schema when the registry knows it.
 */
char *schema_json(const struct schema *schema, const void *message);

#endif
