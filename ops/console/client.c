/* The broker as the console's verbs see it; see the header. */
#include "ops/console/client.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

#define RETRY_MS_MIN 50

struct client {
    struct event_base *loop;
    struct bus *bus;
    const char *broker;
    unsigned timeout_ms;
};

/* A question in flight, in an arena that outlives the client. */
struct client_pending {
    struct client_question question;
    void *reply;
    struct arena *arena;
    struct error *err;
    unsigned retry_ms; /* the broker is busy: ask again after this */
    int result;
    bool is_answered;
};

int client_open(const struct client_options *options, struct client **ret, struct error *err)
{
    autodestroy(client) struct client *client = mem_new(struct client);
    int r;

    client->broker = options->broker;
    client->timeout_ms = options->timeout_ms;
    client->loop = event_base_new();
    if (client->loop == NULL)
        return error_set(err, -ENOMEM, "no event loop");
    r = bus_open(client->loop, options->broker, options->tls, NULL, NULL, &client->bus, err);
    if (r < 0)
        return error_add_context(err, r, "broker %s", options->broker);
    *ret = steal_ptr(client);
    return 0;
}

void client_destroy(struct client *client)
{
    if (client == NULL)
        return;
    bus_close(client->bus);
    if (client->loop != NULL)
        event_base_free(client->loop);
    free(client);
}

struct event_base *client_loop(struct client *client)
{
    return client->loop;
}

int client_errno(enum failure failure)
{
    switch ((int)failure) {
    case FAILURE_NO_HOST:
    case FAILURE_NO_CONTAINER:
    case FAILURE_NO_STREAM:
    case FAILURE_NO_IMAGE:
    case FAILURE_NO_VOLUME:
    case FAILURE_NO_COMMAND:
        return -ENOENT;
    case FAILURE_CONTAINER_EXISTS:
    case FAILURE_VOLUME_EXISTS:
        return -EEXIST;
    case FAILURE_IMAGE_IN_USE:
    case FAILURE_VOLUME_IN_USE:
        return -EBUSY;
    case FAILURE_DENIED:
        return -EPERM;
    case FAILURE_TRIMMED:
        return -ENODATA;
    default:
        return -EREMOTEIO;
    }
}

/* The broker said `error` instead of the reply. */
static int take_refusal(struct client_pending *pending, struct bytes body)
{
    struct bus_error refusal = { 0 };
    enum failure failure;
    int r = schema_decode(&bus_error_schema, body, &refusal, pending->arena, pending->err);

    if (r < 0)
        return r;
    failure = failure_parse(refusal.code);
    if (failure == FAILURE_BUSY) {
        pending->retry_ms = refusal.retry_ms > RETRY_MS_MIN ? refusal.retry_ms : RETRY_MS_MIN;
        return 0;
    }
    return error_set(pending->err, client_errno(failure), "%s", refusal.text);
}

static int take_reply(struct client_pending *pending, const char *type, struct bytes body)
{
    const struct client_question *question = &pending->question;

    if (strcmp(type, bus_error_schema.name) == 0)
        return take_refusal(pending, body);
    if (strcmp(type, question->reply->name) != 0)
        return error_set(pending->err, -EBADMSG, "the broker answers %s to %s", type,
                         question->schema->name);
    return schema_decode(question->reply, body, pending->reply, pending->arena, pending->err);
}

static void on_answer(void *owner, int result, const char *type, struct bytes body)
{
    struct client_pending *pending = owner;

    pending->is_answered = true;
    pending->result = result < 0 ? result : take_reply(pending, type, body);
}

static int explain(const struct client *client, int result, unsigned timeout_ms, struct error *err)
{
    if (result == -ETIMEDOUT)
        return error_set(err, result, "the broker at %s does not answer (waited %u s)",
                         client->broker, timeout_ms / 1000);
    if (err != NULL && err->code == 0)
        return error_set(err, result, "what is at %s does not speak as a broker: %s",
                         client->broker, strerrordesc_np(-result));
    return result;
}

static unsigned patience_ms(const struct client *client, const struct client_pending *pending)
{
    return pending->question.wait_ms + client->timeout_ms;
}

static int ask(struct client *client, struct client_pending *pending, struct error *err)
{
    const struct client_question *question = &pending->question;

    pending->is_answered = false;
    pending->retry_ms = 0;
    return bus_ask(client->bus, question->schema, question->message, patience_ms(client, pending),
                   on_answer, pending, NULL, err);
}

static int wait_for_answer(struct client *client, struct client_pending *pending)
{
    while (!pending->is_answered) {
        if (event_base_loop(client->loop, EVLOOP_ONCE) < 0)
            return error_set(pending->err, -EIO, "the event loop fails");
    }
    if (pending->result < 0)
        return explain(client, pending->result, patience_ms(client, pending), pending->err);
    return 0;
}

int client_begin(struct client *client, const struct client_question *question, struct arena *arena,
                 struct client_pending **ret, struct error *err)
{
    struct client_pending *pending = arena_zeroed(arena, sizeof(*pending));
    int r;

    if (err != NULL)
        *err = (struct error){ 0 };
    pending->question = *question;
    pending->arena = arena;
    r = ask(client, pending, err);
    if (r == 0)
        *ret = pending;
    return r;
}

int client_take(struct client *client, struct client_pending *pending, void *ret_reply,
                struct error *err)
{
    int r;

    if (err != NULL)
        *err = (struct error){ 0 };
    pending->reply = ret_reply;
    pending->err = err;
    for (;;) {
        r = wait_for_answer(client, pending);
        if (r < 0 || pending->retry_ms == 0)
            return r;
        r = client_wait(client, pending->retry_ms, err);
        if (r == 0)
            r = ask(client, pending, err);
        if (r < 0)
            return r;
    }
}

int client_ask(struct client *client, const struct client_question *question, void *ret_reply,
               struct arena *arena, struct error *err)
{
    struct client_pending *pending = NULL;
    int r = client_begin(client, question, arena, &pending, err);

    return r < 0 ? r : client_take(client, pending, ret_reply, err);
}

static void ignore_answer(void *owner, int result, const char *type, struct bytes body)
{
    (void)owner;
    (void)result;
    (void)type;
    (void)body;
}

int client_tell(struct client *client, const struct schema *schema, const void *message,
                struct error *err)
{
    return bus_ask(client->bus, schema, message, client->timeout_ms, ignore_answer, NULL, NULL,
                   err);
}

int client_wait(struct client *client, unsigned wait_ms, struct error *err)
{
    struct timeval wait = { .tv_sec = wait_ms / 1000,
                            .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000 };

    if (event_base_loopexit(client->loop, &wait) < 0 || event_base_dispatch(client->loop) < 0)
        return error_set(err, -EIO, "the event loop fails");
    return 0;
}
