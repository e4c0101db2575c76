/*
 * A message of the feed with its head, one copy for the send buffers of all followers.
 *
 * Owner: whoever made it, and each buffer that still has to send it. Thread: the loop's.
 */
#ifndef GANTRY_COMMON_IO_SP_BLOCK_H
#define GANTRY_COMMON_IO_SP_BLOCK_H

#include "common/bytes.h"
#include "common/io/sp_conn.h"
#include "common/io/sp_wire.h"

struct sp_block;

/* The message is copied, once. */
struct sp_block *sp_block_new(struct bytes message);
void sp_block_send(struct sp_block *block, struct sp_conn *conn, enum sp_framing framing);
/* The maker's share; buffers give back theirs by themselves. */
void sp_block_release(struct sp_block *block);

#endif
