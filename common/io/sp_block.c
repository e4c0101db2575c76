/* A message of the feed; see the header. */
#include "common/io/sp_block.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct sp_block {
    unsigned holders;
    size_t size;
    uint8_t bytes[]; /* framed for ipc: without the first byte they are framed for a stream */
};

struct sp_block *sp_block_new(struct bytes message)
{
    struct sp_block *block = mem_zeroed(sizeof(*block) + SP_HEAD_SIZE_MAX + message.size);
    size_t head_size = sp_wire_head(SP_FRAMING_IPC, message.size, block->bytes);

    block->holders = 1;
    block->size = head_size + message.size;
    if (message.size > 0)
        memcpy(block->bytes + head_size, message.data, message.size);
    return block;
}

void sp_block_release(struct sp_block *block)
{
    if (--block->holders == 0)
        free(block);
}

static void on_sent(const void *data, size_t size, void *arg)
{
    (void)data;
    (void)size;
    sp_block_release(arg);
}

void sp_block_send(struct sp_block *block, struct sp_conn *conn, enum sp_framing framing)
{
    size_t skipped = framing == SP_FRAMING_IPC ? 0 : 1;
    struct bytes framed = { .data = block->bytes + skipped, .size = block->size - skipped };

    block->holders++;
    sp_conn_send_framed(conn, framed, on_sent, block);
}
