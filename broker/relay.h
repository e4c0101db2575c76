/*
 * Streams: what a console reads from a worker, or sends to it, relayed in chunks and never logged
 * (only that it was opened is).
 *
 * A stream holds one chunk: a push is answered when the reader asks for the chunk after it, so
 * nothing piles up. A stream ends by its last chunk, by its reader (who closes it or asks nothing
 * for STREAM_SILENCE_MS), or by its worker (who does not take it within STREAM_ACCEPT_MS, falls
 * silent or starts again); the reader is then told why. Its number is random and told to its
 * console and its worker only: who does not know it cannot read it.
 *
 * Of an upload the console pushes and the worker reads. Its last push is answered when the worker
 * asks beyond the last chunk: then it has the file. What ends it too early is told to both. Loop
 * thread.
 */
#ifndef GANTRY_BROKER_RELAY_H
#define GANTRY_BROKER_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uthash.h>

#include "broker/held.h"
#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/bus.h"

#define STREAMS_MAX       1024
#define STREAM_BYTES_MAX  (64 * 1024 * 1024) /* of the chunks of all streams */
#define STREAM_ACCEPT_MS  30000
#define STREAM_SILENCE_MS 60000
#define STREAM_WRITE_MS   600000 /* what a worker may take to write a chunk of an upload */

struct broker;
struct event;
struct host;

struct stream {
    uint64_t number;
    struct relay *relay;
    struct host *host;
    struct arena arena; /* of `open` */
    struct stream_open open;
    bool is_upload;
    bool is_offered;        /* to the worker, which has not taken it */
    bool is_last;           /* the last chunk is there, or was */
    bool is_ended;          /* nothing can fail any more: of an upload, the worker has it all */
    char *failure;          /* of the broker: the reader is told after the chunk that is there */
    uint64_t sequence;      /* of the last chunk that came; 0: none did */
    struct buffer chunk;    /* its reply, encoded; empty when it is dealt with */
    struct held push;       /* until the chunk is dealt with */
    struct held read;       /* until the next chunk is there */
    struct event *patience; /* with the worker that has to take it, then with the reader; of an
                             * upload with whoever's turn it is */
    TAILQ_ENTRY(stream) offer_link;
    UT_hash_handle hh;
};

struct relay {
    struct broker *broker;
    struct stream *by_number;
    size_t bytes; /* of all chunks */
};

struct relay *relay_new(struct broker *broker);
/* No request may wait any more: the connections are closed. NULL is legal. */
void relay_destroy(struct relay *relay);

struct stream *relay_find(struct relay *relay, uint64_t number);

/* -EAGAIN when there are STREAMS_MAX. What `open` points to is in `arena`, which is taken over. */
int relay_open(struct relay *relay, struct host *host, const struct stream_open *open,
               struct arena *arena, struct stream **ret, struct error *err);

/* The worker takes the oldest stream that is offered to its host; NULL when there is none. */
struct stream *relay_take(struct host *host);

/* A chunk came. -EAGAIN when STREAM_BYTES_MAX wait, -EPROTO when it is not the
 * chunk after the last one or the last one is not dealt with. */
int stream_put(struct stream *stream, const struct stream_push *push, struct error *err);

/* The chunk of this number is dealt with: forget it and let the worker push on. */
void stream_deal_with(struct stream *stream);

/* Give the held reader what there is for it; nothing happens when there is nothing. */
void stream_serve(struct stream *stream);

/* Begin to count, or stop counting, how long the reader of a download asks nothing. */
void stream_await_reader(struct stream *stream);
void stream_has_reader(struct stream *stream);

/* The console that pushes is there. */
void stream_has_pusher(struct stream *stream);

/* End it for both sides: `why` is told to the reader, or the pusher of an upload, who comes; the
 * stream stays for that. */
void stream_fail(struct stream *stream, const char *why);
/* End it and forget it. */
void stream_close(struct stream *stream);

/* End all streams of this host. */
void relay_end_host(struct relay *relay, struct host *host, const char *why);

#endif
