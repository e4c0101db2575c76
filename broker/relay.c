/* Streams between consoles and workers; see the header. The requests are in stream_requests.c. */
#include "broker/relay.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <event2/event.h>

#include "broker/broker.h"
#include "broker/hosts.h"
#include "broker/reply.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/codec.h"

static void start_patience(struct stream *stream, unsigned ms)
{
    struct timeval distance = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

    (void)evtimer_add(stream->patience, &distance);
}

void stream_await_reader(struct stream *stream)
{
    if (!stream->is_upload)
        start_patience(stream, STREAM_SILENCE_MS);
}

void stream_has_reader(struct stream *stream)
{
    if (!stream->is_offered && !stream->is_upload)
        (void)evtimer_del(stream->patience);
}

/* Of an upload: either the console has to push, or the worker to write. */
static void await_turn(struct stream *stream)
{
    if (stream->is_upload && !stream->is_offered)
        start_patience(stream, stream->chunk.size > 0 ? STREAM_WRITE_MS : STREAM_SILENCE_MS);
}

void stream_has_pusher(struct stream *stream)
{
    if (stream->chunk.size == 0)
        await_turn(stream);
}

static void forget_chunk(struct stream *stream)
{
    stream->relay->bytes -= stream->chunk.size;
    buffer_done(&stream->chunk);
    stream->chunk = (struct buffer){ 0 };
}

static void answer_push(struct stream *stream, bool is_closed)
{
    const struct stream_credit credit = { .is_closed = is_closed, .failure = stream->failure };

    reply_message(held_end(&stream->push), &stream_credit_schema, &credit);
}

static void withdraw_offer(struct stream *stream)
{
    if (stream->is_offered)
        TAILQ_REMOVE(&stream->host->offers, stream, offer_link);
    stream->is_offered = false;
}

void stream_deal_with(struct stream *stream)
{
    forget_chunk(stream);
    if (stream->is_last)
        stream->is_ended = true;
    answer_push(stream, false);
    await_turn(stream);
}

/* The failure is a last chunk of its own, without content, and can be asked for again. */
static void serve_failure(struct stream *stream)
{
    const struct stream_chunks end = {
        .sequence = stream->sequence + 1,
        .is_end = true,
        .failure = stream->failure,
    };

    reply_message(held_end(&stream->read), &stream_chunks_schema, &end);
}

void stream_serve(struct stream *stream)
{
    if (!held_is_waiting(&stream->read))
        return;
    if (stream->chunk.size > 0)
        sp_reply(held_end(&stream->read), buffer_bytes(&stream->chunk));
    else if (stream->failure != NULL)
        serve_failure(stream);
    else
        return;
    stream_await_reader(stream);
}

int stream_put(struct stream *stream, const struct stream_push *push, struct error *err)
{
    const struct stream_chunks chunks = {
        .sequence = push->sequence,
        .chunks = push->chunks,
        .is_end = push->is_end,
        .failure = push->failure,
    };

    if (push->sequence != stream->sequence + 1 || stream->chunk.size > 0)
        return error_set(err, -EPROTO, "chunk %llu was pushed, chunk %llu is the one to come %s",
                         (unsigned long long)push->sequence,
                         (unsigned long long)stream->sequence + 1,
                         stream->chunk.size > 0 ? "when its reader wants it" : "now");
    if (stream->relay->bytes >= STREAM_BYTES_MAX)
        return error_set(err, -EAGAIN, "too much waits to be read from streams: try again later");
    frame_encode(&stream_chunks_schema, &chunks, &stream->chunk);
    stream->relay->bytes += stream->chunk.size;
    stream->sequence = push->sequence;
    stream->is_last = push->is_end;
    stream->is_ended = push->is_end && !stream->is_upload;
    await_turn(stream);
    return 0;
}

void stream_close(struct stream *stream)
{
    HASH_DEL(stream->relay->by_number, stream);
    withdraw_offer(stream);
    answer_push(stream, true);
    reply_failure(held_end(&stream->read), FAILURE_NO_STREAM, "the stream was closed");
    forget_chunk(stream);
    event_free(stream->patience);
    arena_done(&stream->arena);
    free(stream->failure);
    free(stream);
}

void stream_fail(struct stream *stream, const char *why)
{
    if (stream->is_ended)
        return;
    log_info("stream.failed", "host=%s kind=%s reason=%s", stream->host->name, stream->open.kind,
             LOG_TEXT(why));
    withdraw_offer(stream);
    stream->is_ended = true;
    stream->failure = mem_text("host %s: %s", stream->host->name, why);
    if (stream->is_upload)
        forget_chunk(stream); /* it is of no use any more */
    answer_push(stream, true);
    start_patience(stream, STREAM_SILENCE_MS);
    stream_serve(stream);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;

    (void)fd;
    (void)what;
    if (stream->is_offered)
        stream_fail(stream, "its worker does not take streams");
    else if (!stream->is_upload || stream->is_ended)
        stream_close(stream);
    else if (stream->chunk.size > 0)
        stream_fail(stream, "its worker does not read on");
    else
        stream_fail(stream, "whoever sent the file has fallen silent");
}

struct stream *relay_find(struct relay *relay, uint64_t number)
{
    struct stream *stream;

    HASH_FIND(hh, relay->by_number, &number, sizeof(number), stream);
    return stream;
}

int relay_open(struct relay *relay, struct host *host, const struct stream_open *open,
               struct arena *arena, struct stream **ret, struct error *err)
{
    struct stream *stream;
    uint64_t number;

    if (HASH_COUNT(relay->by_number) >= STREAMS_MAX)
        return error_set(err, -EAGAIN, "too many streams are open: try again later");
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return error_set_errno(err, "make a number for the stream");
    stream = mem_new(struct stream);
    stream->number = number | 1; /* 0 is no stream */
    stream->relay = relay;
    stream->host = host;
    stream->arena = *arena;
    *arena = (struct arena){ 0 };
    stream->open = *open;
    stream->is_upload = strcmp(open->kind, "upload") == 0;
    stream->patience = evtimer_new(relay->broker->loop, on_patience, stream);
    stream->is_offered = true;
    TAILQ_INSERT_TAIL(&host->offers, stream, offer_link);
    start_patience(stream, STREAM_ACCEPT_MS);
    HASH_ADD(hh, relay->by_number, number, sizeof(stream->number), stream);
    *ret = stream;
    return 0;
}

struct stream *relay_take(struct host *host)
{
    struct stream *stream = TAILQ_FIRST(&host->offers);

    if (stream == NULL)
        return NULL;
    withdraw_offer(stream);
    if (stream->is_upload)
        await_turn(stream);
    else if (held_is_waiting(&stream->read))
        stream_has_reader(stream);
    else
        stream_await_reader(stream);
    return stream;
}

void relay_end_host(struct relay *relay, struct host *host, const char *why)
{
    struct stream *stream, *next;

    HASH_ITER(hh, relay->by_number, stream, next)
    {
        if (stream->host == host)
            stream_fail(stream, why);
    }
}

struct relay *relay_new(struct broker *broker)
{
    struct relay *relay = mem_new(struct relay);

    relay->broker = broker;
    return relay;
}

void relay_destroy(struct relay *relay)
{
    struct stream *stream, *next;

    if (relay == NULL)
        return;
    HASH_ITER(hh, relay->by_number, stream, next)
    {
        stream_close(stream);
    }
    free(relay);
}
