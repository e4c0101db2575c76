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

#define MESSAGE_DEPTH_MAX   12 /* arrays and maps inside one another, the frame included */
#define RECORD_DEPTH_MAX    8  /* of a record alone: in a page in a frame it must fit as well */
#define MESSAGE_VERSION     1
#define MESSAGE_SIZE_MAX    (1024 * 1024) /* bytes of one message on the bus */
#define MESSAGE_UNKNOWN_MAX 4096          /* bytes of a message from a peer that nobody knows yet */

/* Append the message's bytes to `ret`: always the same ones for the same message. The struct must
 * hold what its schema requires, and each raw part must be one whole msgpack value. Text that is
 * not UTF-8 is repaired with U+FFFD. */
void schema_encode(const struct schema *schema, const void *message, struct buffer *ret);

/*
 * Fill `ret_message` (schema->size bytes) from exactly one msgpack value; no bytes at all are an
 * empty map. What it points to lives in `arena` (at most some 30 times the size of `wire`), raw
 * parts as the very bytes that came. -EBADMSG and a sentence that names the schema and the field
 * otherwise; the message is then undefined.
 */
int schema_decode(const struct schema *schema, struct bytes wire, void *ret_message,
                  struct arena *arena, struct error *err);

/* The same, for the body of a frame that frame_decode() has taken apart: the guard has passed it.
 */
int schema_decode_guarded(const struct schema *schema, struct bytes wire, void *ret_message,
                          struct arena *arena, struct error *err);

/*
 * Make `ret` the same message, with what it points to in `arena`. `ret` is zero, or a copy that was
 * made so with the same arena: what it holds already stays where it is.
 */
void schema_copy(const struct schema *schema, const void *message, void *ret, struct arena *arena);

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
 * The message as one line of JSON, on the heap; keys in the order of the table, absent fields left
 * out. Ids and bytes are lower-case hexadecimal text, numbers above 2^63 - 1 decimal text. Raw
 * parts are rendered by the schema that they are known to have (a record's body by its type),
 * others as the msgpack value that they are.
 */
char *schema_json(const struct schema *schema, const void *message);

/*
 * The way back: fill `ret_message` (schema->size bytes, parts in `arena`) from such a line.
 * -EBADMSG for what is no JSON, for unknown, repeated, missing and mistyped keys. In raw parts
 * without a schema hexadecimal text stays text.
 */
int schema_from_json(const struct schema *schema, const char *json, void *ret_message,
                     struct arena *arena, struct error *err);

#endif
