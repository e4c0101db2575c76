/* Streams between consoles and this host; see the header. */
#include "worker/streams.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/id.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "worker/asking.h"
#include "worker/upload_sink.h"

#define PUSH_CHUNKS_MAX 512
#define PUSH_BYTES_MAX  (128 * 1024)
#define RETRY_MS        1000

/* Lines on their way to the reader. */
struct load {
    struct stream_chunk *chunks; /* PUSH_CHUNKS_MAX */
    size_t count;
    size_t bytes;
    struct arena arena; /* of their data */
};

struct served {
    TAILQ_ENTRY(served) link;
    struct streams *streams;
    uint64_t number;
    char container[CONTAINER_ID_SIZE + 1];
    const struct stream_kind *kind;
    void *source; /* NULL: there is none */
    struct asking push;
    struct load gathering;
    struct load sending;
    uint64_t sequence; /* of `sending` */
    bool is_paused;
    bool is_ended; /* nothing more will be gathered */
    bool is_last;  /* `sending` is the end */
    char *failure;
};

struct streams {
    struct event_base *loop;
    struct bus *bus;
    struct streams_options options;
    char *host;
    struct asking accept;
    struct upload_sink *uploads;
    TAILQ_HEAD(, served) served;
    unsigned count; /* of both */
};

static void load_clear(struct load *load)
{
    arena_done(&load->arena);
    load->count = 0;
    load->bytes = 0;
}

static bool load_is_full(const struct load *load)
{
    return load->count >= PUSH_CHUNKS_MAX || load->bytes >= PUSH_BYTES_MAX;
}

static void load_add(struct load *load, const struct stream_chunk *chunk)
{
    const char *copy = arena_text_n(&load->arena, (const char *)chunk->data.data, chunk->data.size);

    load->chunks[load->count] = *chunk;
    load->chunks[load->count++].data.data = (const uint8_t *)copy;
    load->bytes += chunk->data.size;
}

static void load_done(struct load *load)
{
    load_clear(load);
    free(load->chunks);
}

static void ask_accept(void *owner);

static void served_free(struct served *served)
{
    asking_done(&served->push);
    if (served->source != NULL)
        served->kind->close(served->source);
    load_done(&served->gathering);
    load_done(&served->sending);
    free(served->failure);
    free(served);
}

static void served_destroy(struct served *served)
{
    struct streams *streams = served->streams;

    TAILQ_REMOVE(&streams->served, served, link);
    streams->count--;
    served_free(served);
}

static void ask_push(void *owner)
{
    struct served *served = owner;
    struct stream_push push = {
        .stream = served->number,
        .sequence = served->sequence,
        .chunks = { .items = served->sending.chunks, .count = served->sending.count },
        .is_end = served->is_last,
        .failure = served->is_last ? served->failure : NULL,
    };

    asking_ask(&served->push, &stream_push_schema, &push);
}

static void swap_loads(struct served *served)
{
    struct load emptied = served->sending;

    served->sending = served->gathering;
    served->gathering = emptied;
    load_clear(&served->gathering);
}

/* Send what has gathered, when the push before was answered. */
static void push_on(struct served *served)
{
    bool has_something = served->gathering.count > 0 || served->is_ended;

    if (!asking_is_idle(&served->push) || !has_something || served->is_last)
        return;
    swap_loads(served);
    served->is_last = served->is_ended;
    served->sequence++;
    ask_push(served);
    if (served->is_paused && served->source != NULL) {
        served->is_paused = false;
        served->kind->resume(served->source);
    }
}

static void on_credit(void *owner, const void *message)
{
    struct served *served = owner;
    const struct stream_credit *credit = message;
    struct streams *streams = served->streams;

    if (!credit->is_closed && !served->is_last) {
        push_on(served);
        return;
    }
    log_debug("stream.ended", "container=%s closed=%d", served->container, credit->is_closed);
    served_destroy(served);
    streams_start(streams);
}

static bool on_push_refused(void *owner, enum failure failure, const char *text)
{
    struct served *served = owner;
    struct streams *streams = served->streams;

    if (failure == FAILURE_BUSY)
        return false;
    log_warning("stream.refused", "container=%s reason=\"%s\"", served->container, text);
    served_destroy(served);
    streams_start(streams);
    return true;
}

static const struct asking_rules push_rules = { .name = "stream.push",
                                                .expected = &stream_credit_schema,
                                                .ask = ask_push,
                                                .on_answer = on_credit,
                                                .on_refusal = on_push_refused };

static void on_chunk(void *owner, const struct stream_chunk *chunk)
{
    struct served *served = owner;

    load_add(&served->gathering, chunk);
    if (!load_is_full(&served->gathering))
        return;
    push_on(served);
    if (load_is_full(&served->gathering) && served->source != NULL) {
        served->is_paused = true;
        served->kind->pause(served->source);
    }
}

static void on_end(void *owner, const char *failure)
{
    struct served *served = owner;

    served->is_ended = true;
    served->failure = mem_dup_text(failure);
    push_on(served);
}

static void on_drained(void *owner)
{
    push_on(owner);
}

static const struct stream_events source_events = { .on_chunk = on_chunk,
                                                    .on_end = on_end,
                                                    .on_drained = on_drained };

static void open_source(struct served *served, const struct stream_open *open)
{
    const struct stream_surroundings *surroundings = &served->streams->options.surroundings;
    struct error err = { 0 };

    served->kind = stream_kind_find(open->kind);
    if (served->kind == NULL)
        on_end(served, "this worker knows no stream of that kind");
    else if (served->kind->open(surroundings, open, &source_events, served, &served->source, &err) <
             0)
        on_end(served, err.text);
}

static void serve(struct streams *streams, const struct stream_offer *offer)
{
    struct served *served = mem_new(struct served);
    struct error err = { 0 };

    if (asking_init(&served->push, streams->loop, streams->bus, &push_rules, served, &err) < 0) {
        log_failure("stream.not_served", &err);
        free(served);
        return;
    }
    served->streams = streams;
    served->number = offer->stream;
    if (offer->open->container != NULL)
        (void)snprintf(served->container, sizeof(served->container), "%s", offer->open->container);
    served->gathering.chunks = mem_zeroed(PUSH_CHUNKS_MAX * sizeof(struct stream_chunk));
    served->sending.chunks = mem_zeroed(PUSH_CHUNKS_MAX * sizeof(struct stream_chunk));
    TAILQ_INSERT_TAIL(&streams->served, served, link);
    streams->count++;
    log_debug("stream.served", "kind=%s container=%s", offer->open->kind, served->container);
    open_source(served, offer->open);
}

static void on_upload_over(void *owner)
{
    struct streams *streams = owner;

    streams->count--;
    streams->options.on_upload_over(streams->options.surroundings.owner);
    streams_start(streams);
}

static void receive(struct streams *streams, const struct stream_offer *offer)
{
    struct error err = { 0 };

    if (upload_sink_take(streams->uploads, offer->stream, offer->open->upload, &err) < 0)
        log_failure("upload.not_taken", &err);
    else
        streams->count++;
}

static void on_offer(void *owner, const void *message)
{
    struct streams *streams = owner;
    const struct stream_offer *offer = message;

    if (offer->stream != 0 && offer->open != NULL) {
        if (offer->open->upload != NULL && strcmp(offer->open->kind, "upload") == 0)
            receive(streams, offer);
        else
            serve(streams, offer);
    }
    streams_start(streams);
}

/* The link says hello again, or gives up: this asks until it is answered. */
static bool on_accept_refused(void *owner, enum failure failure, const char *text)
{
    struct streams *streams = owner;

    (void)text;
    if (failure != FAILURE_NO_HOST && failure != FAILURE_FENCED)
        return false;
    asking_later(&streams->accept, RETRY_MS);
    return true;
}

static const struct asking_rules accept_rules = { .name = "stream.accept",
                                                  .expected = &stream_offer_schema,
                                                  .ask = ask_accept,
                                                  .on_answer = on_offer,
                                                  .on_refusal = on_accept_refused };

static void ask_accept(void *owner)
{
    struct streams *streams = owner;
    struct stream_accept accept = { .host = streams->host,
                                    .incarnation = streams->options.incarnation,
                                    .journal = streams->options.journal,
                                    .wait_ms = POLL_WAIT_MS,
                                    .session = streams->options.session };

    asking_ask(&streams->accept, &stream_accept_schema, &accept);
}

int streams_new(struct event_base *loop, struct bus *bus, const struct streams_options *options,
                struct streams **ret, struct error *err)
{
    autodestroy(streams) struct streams *streams = mem_new(struct streams);
    struct upload_sink_options receiving = { .loop = loop,
                                             .bus = bus,
                                             .pool = options->surroundings.pool,
                                             .directory = options->uploads_directory,
                                             .on_over = on_upload_over,
                                             .owner = streams };
    int r;

    streams->loop = loop;
    streams->bus = bus;
    streams->options = *options;
    streams->host = mem_dup_text(options->host);
    TAILQ_INIT(&streams->served);
    streams->options.host = streams->host;
    r = asking_init(&streams->accept, loop, bus, &accept_rules, streams, err);
    if (r == 0)
        r = upload_sink_new(&receiving, &streams->uploads, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(streams);
    return 0;
}

void streams_destroy(struct streams *streams)
{
    struct served *served;

    if (streams == NULL)
        return;
    asking_done(&streams->accept);
    upload_sink_destroy(streams->uploads);
    while ((served = TAILQ_FIRST(&streams->served)) != NULL) {
        TAILQ_REMOVE(&streams->served, served, link);
        served_free(served);
    }
    free(streams->host);
    free(streams);
}

void streams_start(struct streams *streams)
{
    if (streams->count < STREAMS_SERVED_MAX && asking_is_idle(&streams->accept))
        ask_accept(streams);
}

void streams_container_ended(struct streams *streams, const char *container)
{
    struct served *served;

    TAILQ_FOREACH(served, &streams->served, link)
    {
        if (served->source != NULL && !served->is_ended && served->kind->end_soon != NULL &&
            strcmp(served->container, container) == 0)
            served->kind->end_soon(served->source);
    }
}
