/*
 * etcd: each turn is one call of etcdserverpb.KV over gRPC: a Txn that puts the batch.
 *
 * As much of HTTP/2 as that takes: one stream open at a time, headers that are never indexed, a
 * window that no run of ours fills.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/bench/protocols/protocol.h"

#define FRAME_HEAD    9
#define STREAM_AT     5 /* in a frame's head */
#define DATA          0
#define HEADERS       1
#define RST_STREAM    3
#define SETTINGS      4
#define PING          6
#define GOAWAY        7
#define WINDOW_UPDATE 8
#define END_STREAM    0x1
#define ACK           0x1
#define END_HEADERS   0x4
#define WINDOW_BYTES  0x7FFF0000 /* that the server may send; the protocol's largest is 2^31 - 1 */

static void append_byte(struct buffer *buffer, unsigned value)
{
    const uint8_t byte = (uint8_t)value;

    buffer_append(buffer, &byte, 1);
}

static void append_u32(struct buffer *buffer, size_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        append_byte(buffer, (unsigned)(value >> shift));
}

static void append_frame(struct buffer *buffer, unsigned type, unsigned flags, uint32_t stream,
                         struct bytes body)
{
    append_byte(buffer, (unsigned)(body.size >> 16));
    append_byte(buffer, (unsigned)(body.size >> 8));
    append_byte(buffer, (unsigned)body.size);
    append_byte(buffer, type);
    append_byte(buffer, flags);
    append_u32(buffer, stream);
    buffer_append(buffer, body.data, body.size);
}

static void append_string(struct buffer *buffer, const char *text)
{
    append_byte(buffer, (unsigned)strlen(text));
    buffer_append(buffer, text, strlen(text));
}

/* The static table has ":method: POST" as 3, ":scheme: http" as 6, and names by number. */
static void append_headers(struct buffer *buffer)
{
    append_byte(buffer, 0x83);
    append_byte(buffer, 0x86);
    append_byte(buffer, 0x04); /* :path */
    append_string(buffer, "/etcdserverpb.KV/Txn");
    append_byte(buffer, 0x01); /* :authority */
    append_string(buffer, "localhost");
    append_byte(buffer, 0x0F); /* content-type: 31 */
    append_byte(buffer, 0x10);
    append_string(buffer, "application/grpc");
    append_byte(buffer, 0x00);
    append_string(buffer, "te");
    append_string(buffer, "trailers");
}

/* A field of protobuf that has bytes. */
static void append_field(struct buffer *buffer, unsigned number, struct bytes bytes)
{
    size_t left = bytes.size;

    append_byte(buffer, number << 3 | 2);
    for (; left >= 128; left /= 128)
        append_byte(buffer, (unsigned)(left % 128 + 128));
    append_byte(buffer, (unsigned)left);
    buffer_append(buffer, bytes.data, bytes.size);
}

/* TxnRequest.success[].request_put = { key, value } */
static void append_put(struct buffer *txn, const struct exchange *exchange, unsigned record)
{
    autofree char *key = mem_text("events/%u/%u", exchange->number, record);
    autofree uint8_t *value = mem_zeroed(exchange->record_size);
    struct buffer put = { 0 }, operation = { 0 };

    append_field(&put, 1, bytes_of_text(key));
    append_field(&put, 2, bytes_at(value, exchange->record_size));
    append_field(&operation, 2, buffer_bytes(&put));
    append_field(txn, 2, buffer_bytes(&operation));
    buffer_done(&put);
    buffer_done(&operation);
}

static void begin(struct exchange *exchange)
{
    static const uint8_t settings[] = { 0, 4, 0x7F, 0xFF, 0, 0 }; /* the window of each stream */
    struct buffer headers = { 0 }, txn = { 0 }, message = { 0 }, hello = { 0 }, window = { 0 };

    buffer_append(&hello, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    append_frame(&hello, SETTINGS, 0, 0, bytes_at(settings, sizeof(settings)));
    append_u32(&window, WINDOW_BYTES);
    append_frame(&hello, WINDOW_UPDATE, 0, 0, buffer_bytes(&window));
    protocol_send(exchange->fd, buffer_bytes(&hello));
    append_headers(&headers);
    for (unsigned i = 0; i < exchange->record_count; i++)
        append_put(&txn, exchange, i);
    append_byte(&message, 0); /* not compressed */
    append_u32(&message, txn.size);
    buffer_append(&message, txn.data, txn.size);
    append_frame(&exchange->batch, HEADERS, END_HEADERS, 0, buffer_bytes(&headers));
    for (size_t at = 0; at < message.size; at += 16384) {
        size_t size = message.size - at < 16384 ? message.size - at : 16384;

        append_frame(&exchange->batch, DATA, at + size == message.size ? END_STREAM : 0, 0,
                     bytes_at(message.data + at, size));
    }
    buffer_done(&headers);
    buffer_done(&txn);
    buffer_done(&message);
    buffer_done(&hello);
    buffer_done(&window);
}

static size_t frame_size(const uint8_t *head)
{
    return FRAME_HEAD + ((size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]);
}

/* The next stream, in each frame of the batch. */
static void turn(struct exchange *exchange)
{
    exchange->awaited_count = 1;
    exchange->stream += exchange->stream == 0 ? 1 : 2;
    for (size_t at = 0; at < exchange->batch.size; at += frame_size(exchange->batch.data + at)) {
        uint8_t *stream = exchange->batch.data + at + STREAM_AT;

        stream[0] = (uint8_t)(exchange->stream >> 24);
        stream[1] = (uint8_t)(exchange->stream >> 16);
        stream[2] = (uint8_t)(exchange->stream >> 8);
        stream[3] = (uint8_t)exchange->stream;
    }
}

static void answer(struct exchange *exchange, unsigned type, struct bytes body)
{
    struct buffer frame = { 0 };

    append_frame(&frame, type, ACK, 0, body);
    protocol_send(exchange->fd, buffer_bytes(&frame));
    buffer_done(&frame);
}

/* A refusal has headers and no data: a call that succeeds ends after its data. */
static size_t take(struct exchange *exchange, struct bytes bytes)
{
    const uint8_t *head = bytes.data;

    if (bytes.size < FRAME_HEAD || bytes.size < frame_size(head))
        return 0;
    if (head[3] == RST_STREAM || head[3] == GOAWAY)
        protocol_give_up("reply", "the server ends the call");
    if (head[3] == SETTINGS && (head[4] & ACK) == 0)
        answer(exchange, SETTINGS, (struct bytes){ 0 });
    if (head[3] == PING && (head[4] & ACK) == 0)
        answer(exchange, PING, bytes_at(head + FRAME_HEAD, 8));
    if (head[3] == DATA)
        exchange->awaited_count = 2; /* the trailer is to come */
    if (head[3] == HEADERS && (head[4] & END_STREAM) != 0) {
        if (exchange->awaited_count != 2)
            protocol_give_up("reply", "the call was refused");
        exchange->awaited_count = 0;
    }
    return frame_size(head);
}

const struct protocol etcd_protocol = { "etcd", begin, turn, take };
