/* The bytes of nng's wire; see the header. */
#include "common/io/sp_wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define IPC_MESSAGE 0x01
#define ID_SIZE     4
#define LAST_ID     0x80

void sp_wire_greeting(enum sp_protocol protocol, uint8_t ret[static SP_GREETING_SIZE])
{
    const uint8_t greeting[SP_GREETING_SIZE] = { 0, 'S', 'P', 0, 0, (uint8_t)protocol, 0, 0 };

    memcpy(ret, greeting, sizeof(greeting));
}

static size_t head_size(enum sp_framing framing)
{
    return framing == SP_FRAMING_IPC ? 9 : 8;
}

size_t sp_wire_head(enum sp_framing framing, size_t size, uint8_t ret[static SP_HEAD_SIZE_MAX])
{
    size_t length = head_size(framing);

    ret[0] = IPC_MESSAGE;
    for (size_t i = 1; i <= 8; i++) {
        ret[length - i] = (uint8_t)size;
        size >>= 8;
    }
    return length;
}

size_t sp_wire_need(const struct sp_wire *wire)
{
    if (!wire->has_greeted)
        return SP_GREETING_SIZE;
    return wire->has_head ? wire->body_size : head_size(wire->framing);
}

static int take_greeting(struct sp_wire *wire, struct bytes piece, struct error *err)
{
    uint8_t wanted[SP_GREETING_SIZE];

    sp_wire_greeting(wire->expected, wanted);
    if (memcmp(piece.data, wanted, 4) != 0)
        return error_set(err, -EPROTO, "greeting: not of this wire");
    if (memcmp(piece.data, wanted, sizeof(wanted)) != 0)
        return error_set(err, -EPROTO, "greeting: protocol 0x%02x%02x instead of 0x%04x",
                         piece.data[4], piece.data[5], (unsigned)wire->expected);
    wire->has_greeted = true;
    return 0;
}

static int take_head(struct sp_wire *wire, struct bytes piece, struct error *err)
{
    uint64_t size = 0;

    if (wire->framing == SP_FRAMING_IPC && piece.data[0] != IPC_MESSAGE)
        return error_set(err, -EPROTO, "message of kind %u", piece.data[0]);
    for (size_t i = piece.size - 8; i < piece.size; i++)
        size = size << 8 | piece.data[i];
    if (size > wire->message_max)
        return error_set(err, -EMSGSIZE, "message of %llu bytes, at most %zu",
                         (unsigned long long)size, wire->message_max);
    wire->body_size = (size_t)size;
    wire->has_head = true;
    return 0;
}

int sp_wire_take(struct sp_wire *wire, struct bytes piece, enum sp_wire_step *ret,
                 struct error *err)
{
    int r;

    assert(piece.size == sp_wire_need(wire));
    if (wire->has_head) {
        wire->has_head = false;
        *ret = SP_WIRE_MESSAGE;
        return 0;
    }
    if (wire->has_greeted) {
        r = take_head(wire, piece, err);
        if (r == 0)
            *ret = SP_WIRE_MORE;
        return r;
    }
    r = take_greeting(wire, piece, err);
    if (r == 0)
        *ret = SP_WIRE_GREETED;
    return r;
}

int sp_wire_ids_size(struct bytes request, size_t *ret, struct error *err)
{
    for (size_t i = 0; i < SP_IDS_MAX && (i + 1) * ID_SIZE <= request.size; i++) {
        if ((request.data[i * ID_SIZE] & LAST_ID) == 0)
            continue;
        *ret = (i + 1) * ID_SIZE;
        return 0;
    }
    return error_set(err, -EPROTO, "request of %zu bytes without an id", request.size);
}
