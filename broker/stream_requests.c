/*
 * The requests about streams: opened by a console, accepted by a worker. The one reads and the
 * other pushes; of an upload it is the other way round. Either may close it.
 */
#include <errno.h>
#include <string.h>

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/hosts.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/relay.h"
#include "broker/reply.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

/* --- the worker */

static void offer(struct sp_request *request, struct stream *stream)
{
    struct stream_offer offer = { 0 };

    if (stream != NULL) {
        offer.stream = stream->number;
        offer.open = &stream->open;
    }
    reply_message(request, &stream_offer_schema, &offer);
}

/* Answer the worker's question with a stream, or with none. */
static void answer_accept(struct host *host)
{
    if (held_is_waiting(&host->accept))
        offer(held_end(&host->accept), relay_take(host));
}

static void on_accept_timeout(struct held *held)
{
    answer_accept(container_of(held, struct host, accept));
}

static const struct held_functions accept_functions = { .on_timeout = on_accept_timeout };

void handle_stream_accept(struct broker *broker, struct request *request)
{
    const struct stream_accept *asked = request->message;
    const struct worker_claim claim = { asked->host, asked->incarnation, asked->journal,
                                        asked->session };
    struct host *host = hosts_of_worker(broker, request, &claim);
    struct stream *stream;

    if (host == NULL)
        return;
    /* The worker has come back on another connection. */
    if (held_is_waiting(&host->accept))
        offer(held_end(&host->accept), NULL);
    stream = relay_take(host);
    if (stream != NULL || asked->wait_ms == 0)
        offer(request->sp, stream);
    else
        held_begin_for(&host->accept, &accept_functions, request->sp, broker->loop, asked->wait_ms);
}

/* --- the two ends */

static bool is_host_end(const struct request *request, const struct stream *stream)
{
    return identity_speaks_for(&request->peer->identity, stream->host->name);
}

static bool is_console_end(const struct request *request)
{
    return role_may(request->peer->identity.role, stream_open_schema.name);
}

static bool may_push(const struct request *request, const struct stream *stream)
{
    return stream->is_upload ? is_console_end(request) : is_host_end(request, stream);
}

static bool may_read(const struct request *request, const struct stream *stream)
{
    return stream->is_upload ? is_host_end(request, stream) : is_console_end(request);
}

static void answer_credit(struct sp_request *request, bool is_closed, char *failure)
{
    const struct stream_credit credit = { .is_closed = is_closed, .failure = failure };

    reply_message(request, &stream_credit_schema, &credit);
}

static const struct held_functions push_functions = { 0 };

/* A push is held until the chunk that it brought is dealt with. */
static void hold_push(struct stream *stream, struct sp_request *request)
{
    if (stream->chunk.size == 0 || stream->is_ended) {
        answer_credit(request, false, NULL);
        return;
    }
    answer_credit(held_end(&stream->push), false, NULL);
    held_begin(&stream->push, &push_functions, request);
}

/* Take what was pushed, unless it was before. */
static void take_push(struct stream *stream, const struct stream_push *push,
                      struct sp_request *request)
{
    struct error err = { 0 };
    int r = 0;

    if (push->sequence != stream->sequence || push->sequence == 0)
        r = stream_put(stream, push, &err);
    if (r == -EAGAIN) {
        reply_busy(request, err.text);
    } else if (r < 0) {
        reply_failure(request, FAILURE_INVALID_ARGUMENT, "%s", err.text);
    } else {
        hold_push(stream, request);
        stream_serve(stream);
    }
}

void handle_stream_push(struct broker *broker, struct request *request)
{
    const struct stream_push *push = request->message;
    struct stream *stream = relay_find(broker->relay, push->stream);

    if (stream == NULL) {
        answer_credit(request->sp, true, NULL);
        return;
    }
    if (!may_push(request, stream)) {
        dispatch_deny(broker, request, "this end of the stream is of another");
        return;
    }
    if (stream->failure != NULL) {
        answer_credit(request->sp, true, stream->failure);
        return;
    }
    if (stream->is_upload)
        stream_has_pusher(stream);
    else
        hosts_heard(broker->hosts, stream->host);
    /* Without content it only asks whether the reader is still there. */
    if (push->chunks.count == 0 && !push->is_end)
        answer_credit(request->sp, false, NULL);
    else
        take_push(stream, push, request->sp);
}

/* --- the console */

/* The container has to be there, on that host: an answer now is better than a stream that fails. */
static int check_container(struct broker *broker, const struct stream_open *open, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    autoarena arena = { 0 };
    struct container_row row;
    struct view view;
    int r;

    if (open->container == NULL)
        return 0; /* this kind can do without */
    r = log_begin(broker->log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    view = view_store_in(txn);
    r = view_container(&view, open->container, &row, &arena, err);
    if (r == 0 && strcmp(row.host, open->host) != 0)
        r = -ENOENT;
    return r;
}

/* That it was opened is logged, with who it was. */
static void note_opening(struct broker *broker, const struct request *request,
                         const struct stream_open *open)
{
    const struct identity *reader = &request->peer->identity;
    const struct access_denied granted = {
        .message = borrowed(stream_open_schema.name),
        .role = borrowed(role_name(reader->role)),
    };

    notice_write(broker, &(struct notice){ .actor = reader->actor,
                                           .host = open->host,
                                           .container = open->container,
                                           .schema = &access_granted_schema,
                                           .body = &granted });
}

static void open_stream(struct broker *broker, struct request *request, struct host *host)
{
    const struct stream_open open = *(const struct stream_open *)request->message;
    struct stream_opened opened;
    struct stream *stream;
    struct error err = { 0 };

    if (relay_open(broker->relay, host, &open, request->arena, &stream, &err) < 0) {
        log_failure("stream.not_opened", &err);
        reply_error(request->sp, &err);
        return;
    }
    note_opening(broker, request, &open);
    opened.stream = stream->number;
    reply_message(request->sp, &stream_opened_schema, &opened);
    answer_accept(host);
}

/* What a stream of a kind cannot do without. */
static const struct stream_kind {
    const char *name;
    bool of_container;
    bool has_path;
    bool has_names;
    bool has_upload;
    bool has_pos;
} stream_kinds[] = {
    { .name = "logs", .of_container = true },
    { .name = "export", .of_container = true },
    { .name = "archive", .of_container = true, .has_path = true },
    { .name = "diff", .of_container = true },
    { .name = "sizes" },
    { .name = "save", .has_names = true },
    { .name = "upload", .has_upload = true },
    { .name = "progress", .has_pos = true },
};

static const struct stream_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(stream_kinds) / sizeof(*stream_kinds); i++) {
        if (strcmp(stream_kinds[i].name, name) == 0)
            return &stream_kinds[i];
    }
    return NULL;
}

static const char *find_missing(const struct stream_kind *kind, const struct stream_open *open)
{
    if (kind->of_container && open->container == NULL)
        return "container";
    if (kind->has_path && (open->path == NULL || *open->path != '/'))
        return "path that begins with /";
    if (kind->has_names && open->names.count == 0)
        return "image's name";
    if (kind->has_upload && (open->upload == NULL || !name_is_valid(open->upload)))
        return "valid id of the upload";
    if (kind->has_pos && open->pos == 0)
        return "position of a command";
    return NULL;
}

static bool is_well_said(const struct request *request, const struct stream_open *open)
{
    const struct stream_kind *kind = find_kind(open->kind);
    const char *missing = kind != NULL ? find_missing(kind, open) : NULL;

    if (kind == NULL)
        reply_failure(request->sp, FAILURE_UNSUPPORTED, "this broker knows no stream of kind %.64s",
                      open->kind);
    else if (missing != NULL)
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "a stream of kind %s needs a %s",
                      kind->name, missing);
    return kind != NULL && missing == NULL;
}

void handle_stream_open(struct broker *broker, struct request *request)
{
    const struct stream_open *open = request->message;
    struct host *host = hosts_find(broker->hosts, open->host);
    struct error err = { 0 };
    int r;

    if (!is_well_said(request, open))
        return;
    if (host == NULL) {
        reply_failure(request->sp, FAILURE_NO_HOST, "no host is called %.255s", open->host);
        return;
    }
    if (!host->is_heard) {
        reply_failure(request->sp, FAILURE_NO_STREAM,
                      "host %s is unreachable: its worker is silent", host->name);
        return;
    }
    r = check_container(broker, open, &err);
    if (r == -ENOENT)
        reply_failure(request->sp, FAILURE_NO_CONTAINER, "host %s has no container %.64s",
                      host->name, open->container);
    else if (r < 0)
        reply_error(request->sp, &err);
    else
        open_stream(broker, request, host);
}

static void answer_nothing(struct stream *stream)
{
    const struct stream_chunks nothing = { 0 };

    reply_message(held_end(&stream->read), &stream_chunks_schema, &nothing);
}

static void on_read_timeout(struct held *held)
{
    struct stream *stream = container_of(held, struct stream, read);

    answer_nothing(stream);
    if (!stream->is_offered)
        stream_await_reader(stream);
}

static void on_read_abandoned(struct held *held)
{
    struct stream *stream = container_of(held, struct stream, read);

    if (!stream->is_offered)
        stream_await_reader(stream);
}

static const struct held_functions read_functions = {
    .on_timeout = on_read_timeout,
    .on_abandoned = on_read_abandoned,
};

/* All of it is dealt with. The console that has uploaded may ask once more, if that answer is lost:
 * the stream stays until it closes it. */
static void end_well(struct stream *stream, struct sp_request *request)
{
    reply_failure(request, FAILURE_NO_STREAM, "the stream has ended");
    if (!stream->is_upload)
        stream_close(stream);
    else if (stream->chunk.size > 0)
        stream_deal_with(stream);
}

void handle_stream_read(struct broker *broker, struct request *request)
{
    const struct stream_read *asked = request->message;
    struct stream *stream = relay_find(broker->relay, asked->stream);

    if (stream == NULL) {
        reply_failure(request->sp, FAILURE_NO_STREAM, "no such stream: it has ended");
        return;
    }
    if (!may_read(request, stream)) {
        dispatch_deny(broker, request, "this end of the stream is of another");
        return;
    }
    if (stream->is_upload)
        hosts_heard(broker->hosts, stream->host);
    if (asked->sequence == stream->sequence + 1 && stream->failure == NULL && stream->is_last) {
        end_well(stream, request->sp);
        return;
    }
    if (asked->sequence == stream->sequence + 1 && stream->chunk.size > 0)
        stream_deal_with(stream);
    if (asked->sequence != stream->sequence + (stream->chunk.size > 0 ? 0 : 1)) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT,
                      "chunk %llu of the stream was asked for, the last one was %llu",
                      (unsigned long long)asked->sequence, (unsigned long long)stream->sequence);
        return;
    }
    if (held_is_waiting(&stream->read))
        answer_nothing(stream); /* the console has come back on another connection */
    held_begin_for(&stream->read, &read_functions, request->sp, broker->loop, asked->wait_ms);
    stream_has_reader(stream);
    stream_serve(stream);
}

void handle_stream_close(struct broker *broker, struct request *request)
{
    const struct stream_close *asked = request->message;
    const struct nothing done = { 0 };
    struct stream *stream = relay_find(broker->relay, asked->stream);

    if (stream != NULL && !is_console_end(request) && !is_host_end(request, stream)) {
        dispatch_deny(broker, request, "this stream is of another host");
        return;
    }
    if (stream != NULL && asked->failure != NULL)
        stream_fail(stream, asked->failure);
    else if (stream != NULL)
        stream_close(stream);
    reply_message(request->sp, &done_schema, &done);
}
