/*
 * A cursor over the bytes of msgpack values: one header at a time, nothing copied or allocated.
 *
 * Borrows the bytes. wire_read() trusts nothing; wire_next() and wire_skip() are for bytes that
 * wire_guard() has passed.
 */
#ifndef GANTRY_SCHEMAS_WIRE_H
#define GANTRY_SCHEMAS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

enum wire_kind {
    WIRE_INVALID = 0,
    WIRE_NIL,
    WIRE_BOOL,
    WIRE_UNSIGNED,  /* an integer from 0, of any width and sign on the wire */
    WIRE_NEGATIVE,  /* an integer below 0 */
    WIRE_REAL,      /* float 32 or 64 */
    WIRE_TEXT,      /* str; not checked to be UTF-8 */
    WIRE_BYTES,     /* bin */
    WIRE_EXTENSION, /* its type's byte, then its data */
    WIRE_ARRAY,
    WIRE_MAP,
    WIRE_KIND_COUNT,
};

struct wire_value {
    enum wire_kind kind;
    union {
        bool truth;
        uint64_t number;
        int64_t negative;
        double real;
        struct bytes bytes; /* of text, bytes and extension */
        uint32_t count;     /* of an array's items, of a map's pairs: their values follow */
    };
};

struct wire {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct wire wire_over(struct bytes bytes)
{
    const uint8_t *end = bytes.size > 0 ? bytes.data + bytes.size : bytes.data;

    return (struct wire){ .at = bytes.data, .end = end };
}

static inline size_t wire_left(const struct wire *wire)
{
    return (size_t)(wire->end - wire->at);
}

/* "text", for sentences. */
const char *wire_kind_name(enum wire_kind kind);

/* Read one value, of an array or a map only the header. -EBADMSG when it is cut off or no msgpack;
 * the cursor is then undefined. */
int wire_read(struct wire *wire, struct wire_value *ret);

/* How many values follow a header before its array or map is whole; 0 for all else. */
uint64_t wire_children(const struct wire_value *value);

/* Read one value of guarded bytes. */
struct wire_value wire_next(struct wire *wire);

/* Step over one whole value of guarded bytes and give its bytes. */
struct bytes wire_skip(struct wire *wire);

/* Step over a nil if one is next. */
bool wire_skip_nil(struct wire *wire);

/* wire_guard() with a limit of its own, at most MESSAGE_DEPTH_MAX. */
int wire_guard_within(struct bytes wire, unsigned depth_max, struct error *err);

#endif
