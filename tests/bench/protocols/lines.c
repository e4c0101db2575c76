/* Redis (XADD) and NATS (PUB to a stream of JetStream): replies are lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/bench/protocols/protocol.h"

#define LINES_A_REPLY 2 /* of both: a head with a size, and what it is the size of */

static void append_text(struct buffer *buffer, char *text)
{
    buffer_append(buffer, text, strlen(text));
    free(text);
}

static char *filled_text(unsigned size)
{
    char *text = mem_zeroed(size + 1);

    memset(text, 'x', size);
    return text;
}

static void begin_redis(struct exchange *exchange)
{
    autofree char *text = filled_text(exchange->record_size);

    for (unsigned i = 0; i < exchange->record_count; i++)
        append_text(&exchange->batch,
                    mem_text("*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n$%u\r\n%s"
                             "\r\n",
                             exchange->record_size, text));
}

static void begin_nats(struct exchange *exchange)
{
    autofree char *text = filled_text(exchange->record_size);
    struct buffer hello = { 0 };

    append_text(&hello,
                mem_text("CONNECT {\"verbose\":false}\r\nSUB inbox.%u 1\r\n", exchange->number));
    protocol_send(exchange->fd, buffer_bytes(&hello));
    buffer_done(&hello);
    for (unsigned i = 0; i < exchange->record_count; i++)
        append_text(&exchange->batch,
                    mem_text("PUB events.%u inbox.%u %u\r\n%s\r\n", exchange->number,
                             exchange->number, exchange->record_size, text));
}

static void turn(struct exchange *exchange)
{
    exchange->awaited_count = exchange->record_count * LINES_A_REPLY;
}

static bool begins_with(struct bytes line, const char *word)
{
    return line.size >= strlen(word) && memcmp(line.data, word, strlen(word)) == 0;
}

static size_t take(struct exchange *exchange, struct bytes bytes)
{
    const uint8_t *end = memchr(bytes.data, '\n', bytes.size);

    if (end == NULL)
        return 0;
    if (begins_with(bytes, "-"))
        protocol_give_up("refused", "by the server");
    if (begins_with(bytes, "PING"))
        protocol_send(exchange->fd, bytes_of_text("PONG\r\n"));
    else if (!begins_with(bytes, "INFO"))
        exchange->awaited_count--;
    return (size_t)(end - bytes.data) + 1;
}

const struct protocol redis_protocol = { "redis", begin_redis, turn, take };
const struct protocol nats_protocol = { "nats", begin_nats, turn, take };
