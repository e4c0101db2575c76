/* Bytes of a peer: greeting, heads, messages, ids. The first byte picks framing and maximum. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "common/io/sp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_ids(struct bytes message)
{
    size_t size;

    if (sp_wire_ids_size(message, &size, NULL) < 0)
        return;
    assert(size >= 4 && size <= SP_IDS_MAX * 4 && size <= message.size);
    assert((message.data[size - 4] & 0x80) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = { .data = data, .size = size };
    struct sp_wire wire = { .expected = SP_REQ };
    enum sp_wire_step step;

    if (size == 0)
        return 0;
    wire.framing = (data[0] & 1) == 0 ? SP_FRAMING_STREAM : SP_FRAMING_IPC;
    wire.message_max = data[0];
    rest.data++;
    rest.size--;
    while (sp_wire_need(&wire) <= rest.size) {
        struct bytes piece = { .data = rest.data, .size = sp_wire_need(&wire) };

        assert(piece.size <= SP_HEAD_SIZE_MAX || piece.size <= wire.message_max);
        if (sp_wire_take(&wire, piece, &step, NULL) < 0)
            break;
        assert(wire.has_greeted);
        if (step == SP_WIRE_MESSAGE)
            read_ids(piece);
        rest.data += piece.size;
        rest.size -= piece.size;
    }
    return 0;
}
