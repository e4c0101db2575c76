/*
 * Append msgpack values to a buffer, each in its shortest form. The one door to msgpack-c.
 */
#ifndef GANTRY_SCHEMAS_PACK_H
#define GANTRY_SCHEMAS_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

void pack_nil(struct buffer *ret);
void pack_bool(struct buffer *ret, bool truth);
void pack_unsigned(struct buffer *ret, uint64_t number);
void pack_signed(struct buffer *ret, int64_t number);
void pack_real(struct buffer *ret, double real);
void pack_bytes(struct buffer *ret, struct bytes bytes);

/* What is not UTF-8 (a sentence that was cut, a file's name) becomes U+FFFD: a reader takes only
 * valid text, and a message of ours must always be readable. */
void pack_text(struct buffer *ret, struct bytes text);

/* Text that is known to be UTF-8: a key of a table. */
void pack_key(struct buffer *ret, struct bytes text);

/* Headers: `count` values follow, of a map 2 * `count`. */
void pack_array(struct buffer *ret, size_t count);
void pack_map(struct buffer *ret, size_t count);

#endif
