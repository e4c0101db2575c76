/* MQTT 3.1.1, PUBLISH with QoS 1 (PUBACK ends it) or QoS 2 (PUBREC, PUBREL, PUBCOMP). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/bench/protocols/protocol.h"

#define CONNACK 0x20
#define PUBACK  0x40
#define PUBREC  0x50
#define PUBREL  0x62
#define PUBCOMP 0x70

#define REPLY_SIZE 4 /* of all that is awaited here: head, length, a number of two bytes */

static void append_u16(struct buffer *buffer, size_t value)
{
    const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

    buffer_append(buffer, bytes, sizeof(bytes));
}

static void append_text(struct buffer *buffer, const char *text)
{
    append_u16(buffer, strlen(text));
    buffer_append(buffer, text, strlen(text));
}

static void append_packet(struct buffer *buffer, uint8_t head, const struct buffer *body)
{
    size_t left = body->size;

    buffer_append(buffer, &head, 1);
    do {
        uint8_t digit = (uint8_t)(left % 128 + (left >= 128 ? 128 : 0));

        buffer_append(buffer, &digit, 1);
        left /= 128;
    } while (left > 0);
    buffer_append(buffer, body->data, body->size);
}

/* A session that is kept: what is under way is the server's to remember. */
static void connect_mqtt(struct exchange *exchange)
{
    static const uint8_t level_and_flags[] = { 4, 0 };
    autofree char *name = mem_text("producer%u", exchange->number);
    struct buffer body = { 0 }, packet = { 0 };
    uint8_t answer[REPLY_SIZE];

    append_text(&body, "MQTT");
    buffer_append(&body, level_and_flags, sizeof(level_and_flags));
    append_u16(&body, 0);
    append_text(&body, name);
    append_packet(&packet, 0x10, &body);
    protocol_send(exchange->fd, buffer_bytes(&packet));
    protocol_receive(exchange->fd, answer, sizeof(answer));
    if (answer[0] != CONNACK || answer[3] != 0)
        protocol_give_up("connect", "the server refuses");
    buffer_done(&body);
    buffer_done(&packet);
}

static void begin(struct exchange *exchange, unsigned quality)
{
    autofree char *topic = mem_text("events/%u", exchange->number);
    autofree uint8_t *record = mem_zeroed(exchange->record_size);

    connect_mqtt(exchange);
    for (unsigned i = 0; i < exchange->record_count; i++) {
        struct buffer body = { 0 };

        append_text(&body, topic);
        append_u16(&body, i + 1);
        buffer_append(&body, record, exchange->record_size);
        append_packet(&exchange->batch, (uint8_t)(0x30 | quality << 1), &body);
        buffer_done(&body);
    }
}

static void begin_once(struct exchange *exchange)
{
    begin(exchange, 1);
}

static void begin_twice(struct exchange *exchange)
{
    begin(exchange, 2);
}

static void turn(struct exchange *exchange)
{
    exchange->awaited_count = exchange->record_count;
}

static size_t take(struct exchange *exchange, struct bytes bytes)
{
    if (bytes.size < REPLY_SIZE)
        return 0;
    if (bytes.data[0] == PUBREC) {
        const uint8_t release[] = { PUBREL, 2, bytes.data[2], bytes.data[3] };

        protocol_send(exchange->fd, bytes_at(release, sizeof(release)));
    } else if (bytes.data[0] == PUBACK || bytes.data[0] == PUBCOMP) {
        exchange->awaited_count--;
    } else {
        protocol_give_up("reply", "of another kind");
    }
    return REPLY_SIZE;
}

const struct protocol mqtt_protocol = { "mqtt", begin_once, turn, take };
const struct protocol mqtt_twice_protocol = { "mqtt-twice", begin_twice, turn, take };
