/* A cursor over msgpack; see the header. */
#include "schemas/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* What a leading byte from 0xc0 to 0xdf says. */
struct lead {
    enum wire_kind kind;
    uint8_t argument_size; /* bytes of the number or length behind it */
    uint8_t fixed_length;  /* when there is no such length */
    bool is_signed;
};

/* clang-format off */
static const struct lead leads[] = {
    [0x00] = { .kind = WIRE_NIL },
    [0x02] = { .kind = WIRE_BOOL },
    [0x03] = { .kind = WIRE_BOOL },
    [0x04] = { .kind = WIRE_BYTES,     .argument_size = 1 },
    [0x05] = { .kind = WIRE_BYTES,     .argument_size = 2 },
    [0x06] = { .kind = WIRE_BYTES,     .argument_size = 4 },
    [0x07] = { .kind = WIRE_EXTENSION, .argument_size = 1 },
    [0x08] = { .kind = WIRE_EXTENSION, .argument_size = 2 },
    [0x09] = { .kind = WIRE_EXTENSION, .argument_size = 4 },
    [0x0a] = { .kind = WIRE_REAL,      .argument_size = 4 },
    [0x0b] = { .kind = WIRE_REAL,      .argument_size = 8 },
    [0x0c] = { .kind = WIRE_UNSIGNED,  .argument_size = 1 },
    [0x0d] = { .kind = WIRE_UNSIGNED,  .argument_size = 2 },
    [0x0e] = { .kind = WIRE_UNSIGNED,  .argument_size = 4 },
    [0x0f] = { .kind = WIRE_UNSIGNED,  .argument_size = 8 },
    [0x10] = { .kind = WIRE_UNSIGNED,  .argument_size = 1, .is_signed = true },
    [0x11] = { .kind = WIRE_UNSIGNED,  .argument_size = 2, .is_signed = true },
    [0x12] = { .kind = WIRE_UNSIGNED,  .argument_size = 4, .is_signed = true },
    [0x13] = { .kind = WIRE_UNSIGNED,  .argument_size = 8, .is_signed = true },
    [0x14] = { .kind = WIRE_EXTENSION, .fixed_length = 1 },
    [0x15] = { .kind = WIRE_EXTENSION, .fixed_length = 2 },
    [0x16] = { .kind = WIRE_EXTENSION, .fixed_length = 4 },
    [0x17] = { .kind = WIRE_EXTENSION, .fixed_length = 8 },
    [0x18] = { .kind = WIRE_EXTENSION, .fixed_length = 16 },
    [0x19] = { .kind = WIRE_TEXT,      .argument_size = 1 },
    [0x1a] = { .kind = WIRE_TEXT,      .argument_size = 2 },
    [0x1b] = { .kind = WIRE_TEXT,      .argument_size = 4 },
    [0x1c] = { .kind = WIRE_ARRAY,     .argument_size = 2 },
    [0x1d] = { .kind = WIRE_ARRAY,     .argument_size = 4 },
    [0x1e] = { .kind = WIRE_MAP,       .argument_size = 2 },
    [0x1f] = { .kind = WIRE_MAP,       .argument_size = 4 },
};

static const char *const kind_names[WIRE_KIND_COUNT] = {
    [WIRE_INVALID] = "nothing",
    [WIRE_NIL] = "nil",
    [WIRE_BOOL] = "a truth value",
    [WIRE_UNSIGNED] = "a number",
    [WIRE_NEGATIVE] = "a negative number",
    [WIRE_REAL] = "a fraction",
    [WIRE_TEXT] = "text",
    [WIRE_BYTES] = "bytes",
    [WIRE_EXTENSION] = "an extension",
    [WIRE_ARRAY] = "an array",
    [WIRE_MAP] = "a map",
};
/* clang-format on */

const char *wire_kind_name(enum wire_kind kind)
{
    return kind_names[kind];
}

static uint64_t big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

static struct wire_value signed_value(uint64_t bits, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    int64_t number;

    assert(size >= 1 && size <= 8);
    number = (int64_t)(bits << shift) >> shift; /* extends the sign */
    if (number >= 0)
        return (struct wire_value){ .kind = WIRE_UNSIGNED, .number = (uint64_t)number };
    return (struct wire_value){ .kind = WIRE_NEGATIVE, .negative = number };
}

static struct wire_value real_value(uint64_t bits, unsigned size)
{
    struct wire_value value = { .kind = WIRE_REAL };

    if (size == sizeof(float)) {
        uint32_t half = (uint32_t)bits;
        float single;

        memcpy(&single, &half, sizeof(single));
        value.real = (double)single;
    } else {
        memcpy(&value.real, &bits, sizeof(value.real));
    }
    return value;
}

static int read_bytes(struct wire *wire, enum wire_kind kind, uint64_t size, struct wire_value *ret)
{
    if (size > wire_left(wire))
        return -EBADMSG;
    *ret = (struct wire_value){ .kind = kind, .bytes = { .data = wire->at, .size = size } };
    wire->at += size;
    return 0;
}

/* A value whose leading byte is from 0xc0 to 0xdf. */
static int read_long(struct wire *wire, uint8_t first, struct wire_value *ret)
{
    const struct lead *lead = &leads[first - 0xc0];
    uint64_t argument;

    if (lead->kind == WIRE_INVALID || lead->argument_size > wire_left(wire))
        return -EBADMSG;
    argument = big_endian(wire->at, lead->argument_size);
    wire->at += lead->argument_size;

    switch (lead->kind) {
    case WIRE_BOOL:
        *ret = (struct wire_value){ .kind = WIRE_BOOL, .truth = first == 0xc3 };
        return 0;
    case WIRE_UNSIGNED:
        *ret = lead->is_signed ? signed_value(argument, lead->argument_size)
                               : (struct wire_value){ .kind = WIRE_UNSIGNED, .number = argument };
        return 0;
    case WIRE_REAL:
        *ret = real_value(argument, lead->argument_size);
        return 0;
    case WIRE_TEXT:
    case WIRE_BYTES:
        return read_bytes(wire, lead->kind, argument, ret);
    case WIRE_EXTENSION:
        return read_bytes(wire, lead->kind, 1 + argument + lead->fixed_length, ret);
    case WIRE_ARRAY:
    case WIRE_MAP:
        *ret = (struct wire_value){ .kind = lead->kind, .count = (uint32_t)argument };
        return 0;
    case WIRE_NIL:
    case WIRE_INVALID:
    case WIRE_NEGATIVE:
    case WIRE_KIND_COUNT:
        break;
    }
    *ret = (struct wire_value){ .kind = lead->kind };
    return 0;
}

int wire_read(struct wire *wire, struct wire_value *ret)
{
    uint8_t first;

    if (wire->at == wire->end)
        return -EBADMSG;
    first = *wire->at++;

    if (first < 0x80) {
        *ret = (struct wire_value){ .kind = WIRE_UNSIGNED, .number = first };
        return 0;
    }
    if (first < 0x90) {
        *ret = (struct wire_value){ .kind = WIRE_MAP, .count = first & 0x0f };
        return 0;
    }
    if (first < 0xa0) {
        *ret = (struct wire_value){ .kind = WIRE_ARRAY, .count = first & 0x0f };
        return 0;
    }
    if (first < 0xc0)
        return read_bytes(wire, WIRE_TEXT, first & 0x1f, ret);
    if (first < 0xe0)
        return read_long(wire, first, ret);
    *ret = (struct wire_value){ .kind = WIRE_NEGATIVE, .negative = (int8_t)first };
    return 0;
}

uint64_t wire_children(const struct wire_value *value)
{
    if (value->kind == WIRE_MAP)
        return 2 * (uint64_t)value->count;
    return value->kind == WIRE_ARRAY ? value->count : 0;
}

struct wire_value wire_next(struct wire *wire)
{
    struct wire_value value = { .kind = WIRE_INVALID };
    int r = wire_read(wire, &value);

    assert(r == 0);
    (void)r;
    return value;
}

struct bytes wire_skip(struct wire *wire)
{
    const uint8_t *begin = wire->at;

    for (uint64_t pending = 1; pending > 0; pending--) {
        struct wire_value value = wire_next(wire);

        pending += wire_children(&value);
    }
    return (struct bytes){ .data = begin, .size = (size_t)(wire->at - begin) };
}

bool wire_skip_nil(struct wire *wire)
{
    if (wire->at == wire->end || *wire->at != 0xc0)
        return false;
    wire->at++;
    return true;
}
