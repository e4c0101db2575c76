/*
 * The bytes of nng's wire (SP), and nothing else: greeting, message heads, request ids. Pure.
 *
 * Each side says 00 'S' 'P' 00 <protocol u16> 00 00, then sends messages behind a head: a 64-bit
 * big-endian length, after one byte 01 on a unix socket (nng's ipc). A request begins with 32-bit
 * ids: one for each device it came through, and last, with the high bit set, the asker's own.
 */
#ifndef GANTRY_COMMON_IO_SP_WIRE_H
#define GANTRY_COMMON_IO_SP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

#define SP_GREETING_SIZE 8
#define SP_HEAD_SIZE_MAX 9
#define SP_IDS_MAX       8 /* 32-bit ids before the body of a request */

enum sp_protocol { SP_PUB = 0x20, SP_SUB = 0x21, SP_REQ = 0x30, SP_REP = 0x31 };
enum sp_framing { SP_FRAMING_STREAM, SP_FRAMING_IPC };

/* How far the peer's side of a connection has been read. Set the first three, zero the rest. */
struct sp_wire {
    enum sp_framing framing;
    enum sp_protocol expected; /* what the peer's greeting must say */
    size_t message_max;        /* bytes; may change between messages */
    bool has_greeted;
    bool has_head; /* of the message that comes next */
    size_t body_size;
};

enum sp_wire_step { SP_WIRE_MORE, SP_WIRE_GREETED, SP_WIRE_MESSAGE };

/* How many bytes sp_wire_take wants next: at most max(SP_HEAD_SIZE_MAX, message_max); may be 0. */
size_t sp_wire_need(const struct sp_wire *wire);

/* Take exactly that many. With SP_WIRE_MESSAGE the bytes are a message. -EPROTO for what is not
 * this wire, -EMSGSIZE for a length beyond the maximum: the connection is of no more use. */
int sp_wire_take(struct sp_wire *wire, struct bytes piece, enum sp_wire_step *ret,
                 struct error *err);

void sp_wire_greeting(enum sp_protocol protocol, uint8_t ret[static SP_GREETING_SIZE]);

/* The head of a message of `size` bytes; returns how long it is itself. */
size_t sp_wire_head(enum sp_framing framing, size_t size, uint8_t ret[static SP_HEAD_SIZE_MAX]);

/* How many bytes of ids a request begins with. -EPROTO when they do not end within SP_IDS_MAX. */
int sp_wire_ids_size(struct bytes request, size_t *ret, struct error *err);

#endif
