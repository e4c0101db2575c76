/*
 * Questions on the bus; see the header.
 *
 * A question has a context of nng's REQ socket and one aio, which sends, then receives: the receive
 * is only started by the send's completion (nng 1.5.2 crashes when a receive is cancelled while its
 * send waits). nng's own resending is off: it can lose the word of a connection that breaks between
 * the two, and costs a walk over all timers. A broken connection ends the receive, and the question
 * is asked again, here. Closing the context ends whatever the aio is at; its completion, and
 * nothing else, gives the question back to the loop.
 */
#include "common/io/bus.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/io/bus_link.h"
#include "common/mem.h"
#include "schemas/codec.h"

struct bus_question {
    struct bus *bus;
    struct buffer frame; /* what is asked, kept to ask it again */
    bus_answer_fn *answer;
    void *owner;
    struct event *timeout;
    nng_ctx context;
    nng_aio *aio;
    bool is_sent;           /* the aio receives; its callback's until completion */
    atomic_uint connection; /* the one it was sent on; 0: none yet */
    bool is_over;           /* answered, timed out or cancelled: waits only for its completion */
    TAILQ_ENTRY(bus_question) link;
    STAILQ_ENTRY(bus_question) finished;
};

struct bus {
    struct event_base *loop;
    struct bus_link *link;
    void (*on_connected)(void *owner, bool is_connected);
    void *owner;
    unsigned question_count;
    TAILQ_HEAD(, bus_question) questions;
    pthread_mutex_t lock;                 /* of `finished` */
    STAILQ_HEAD(, bus_question) finished; /* completions, for the loop */
    bool is_busy;                         /* a callback is on the stack */
    bool is_dead;                         /* closed by a callback: freed when that returns */
};

/* --- on nng's threads */

static void on_completion(void *arg)
{
    struct bus_question *question = arg;
    struct bus *bus = question->bus;

    if (!question->is_sent && nng_aio_result(question->aio) == 0) {
        question->is_sent = true;
        atomic_store(&question->connection, bus_link_connection(bus->link));
        nng_ctx_recv(question->context, question->aio);
        return;
    }
    (void)pthread_mutex_lock(&bus->lock);
    STAILQ_INSERT_TAIL(&bus->finished, question, finished);
    (void)pthread_mutex_unlock(&bus->lock);
    bus_link_ring(bus->link);
}

/* --- asking */

static int make_message(const struct buffer *frame, nng_msg **ret)
{
    nng_msg *message;
    int r;

    r = nng_msg_alloc(&message, 0);
    if (r != 0)
        return r;
    r = nng_msg_append(message, frame->data, frame->size);
    if (r != 0)
        nng_msg_free(message);
    else
        *ret = message;
    return r;
}

/* The aio must be at rest. */
static int question_send(struct bus_question *question, struct error *err)
{
    nng_msg *message = NULL;
    int r;

    r = make_message(&question->frame, &message);
    if (r == 0)
        r = nng_ctx_open(&question->context, bus_link_socket(question->bus->link));
    if (r != 0) {
        nng_msg_free(message);
        return error_set(err, bus_link_errno(r), "ask: %s", nng_strerror(r));
    }
    question->is_sent = false;
    atomic_store(&question->connection, 0);
    nng_aio_set_msg(question->aio, message);
    nng_ctx_send(question->context, question->aio);
    return 0;
}

/* Whatever the aio is at, it completes soon. */
static void question_stop(struct bus_question *question)
{
    (void)nng_ctx_close(question->context);
}

/* What a completion left in the aio: a reply, or the message of a send that came to nothing. */
static nng_msg *take_message(struct bus_question *question)
{
    nng_msg *message = nng_aio_get_msg(question->aio);

    nng_aio_set_msg(question->aio, NULL);
    return message;
}

/* The aio must be at rest. */
static void question_free(struct bus_question *question)
{
    nng_msg *message = take_message(question);

    if (message != NULL)
        nng_msg_free(message);
    TAILQ_REMOVE(&question->bus->questions, question, link);
    question->bus->question_count--;
    nng_aio_free(question->aio);
    event_free(question->timeout);
    buffer_done(&question->frame);
    free(question);
}

static void bus_enter(struct bus *bus)
{
    assert(!bus->is_busy);
    bus->is_busy = true;
}

static void bus_free(struct bus *bus)
{
    (void)pthread_mutex_destroy(&bus->lock);
    free(bus);
}

static void bus_leave(struct bus *bus)
{
    bus->is_busy = false;
    if (bus->is_dead)
        bus_free(bus);
}

void bus_cancel(struct bus_question *question)
{
    assert(!question->is_over);
    question->is_over = true;
    (void)event_del(question->timeout);
    question_stop(question);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct bus_question *question = arg;
    struct bus *bus = question->bus;

    (void)fd;
    (void)what;
    bus_enter(bus);
    bus_cancel(question);
    question->answer(question->owner, -ETIMEDOUT, NULL, (struct bytes){ 0 });
    bus_leave(bus);
}

static struct bus_question *question_new(struct bus *bus, unsigned timeout_ms,
                                         bus_answer_fn *answer, void *owner)
{
    const struct timeval after = { .tv_sec = timeout_ms / 1000,
                                   .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
    struct bus_question *question = mem_new(struct bus_question);
    int r = nng_aio_alloc(&question->aio, on_completion, question);

    question->bus = bus;
    question->answer = answer;
    question->owner = owner;
    question->timeout = event_new(bus->loop, -1, 0, on_timeout, question);
    assert(r == 0 && question->timeout != NULL); /* only memory could be missing */
    (void)event_add(question->timeout, &after);
    TAILQ_INSERT_TAIL(&bus->questions, question, link);
    bus->question_count++;
    return question;
}

int bus_ask(struct bus *bus, const struct schema *schema, const void *message, unsigned timeout_ms,
            bus_answer_fn *answer, void *owner, struct bus_question **ret_question,
            struct error *err)
{
    struct bus_question *question;
    int r;

    if (bus->question_count >= BUS_QUESTIONS_MAX)
        return error_set(err, -EAGAIN, "ask %s: too many questions at once", schema->name);
    question = question_new(bus, timeout_ms, answer, owner);
    frame_encode(schema, message, &question->frame);
    if (question->frame.size > MESSAGE_SIZE_MAX)
        r = error_set(err, -EMSGSIZE, "ask %s: larger than %d bytes", schema->name,
                      MESSAGE_SIZE_MAX);
    else
        r = question_send(question, err);
    if (r < 0) {
        question_free(question);
        return r;
    }
    if (ret_question != NULL)
        *ret_question = question;
    return 0;
}

/* The last word: the question is gone when the answer is told. */
static void question_answer(struct bus_question *question, int result, nng_msg *reply)
{
    bus_answer_fn *answer = question->answer;
    void *owner = question->owner;
    autoarena arena = { 0 };
    struct frame frame = { 0 };

    question_stop(question);
    question_free(question);
    if (result == 0) {
        struct bytes bytes = { .data = nng_msg_body(reply), .size = nng_msg_len(reply) };

        if (frame_decode(bytes, &frame, &arena, NULL) < 0)
            result = -EBADMSG;
    }
    answer(owner, result, frame.type, frame.body);
}

/* The connection broke, or the socket was left: nng has given up what it was at. */
static bool is_worth_another_try(int nng_result)
{
    return nng_result == NNG_ECONNRESET || nng_result == NNG_ECLOSED || nng_result == NNG_ECANCELED;
}

static void question_repeat(struct bus_question *question)
{
    question_stop(question);
    if (question_send(question, NULL) < 0)
        question_answer(question, -EIO, NULL);
}

/* The aio has completed; the callback that said so may still be on its last line. */
static void question_complete(struct bus_question *question)
{
    nng_msg *message;
    int result;

    nng_aio_wait(question->aio);
    result = nng_aio_result(question->aio);
    message = take_message(question);
    if (question->is_over)
        question_free(question);
    else if (result == 0)
        question_answer(question, 0, message);
    else if (is_worth_another_try(result))
        question_repeat(question);
    else
        question_answer(question, -EIO, NULL);
    if (message != NULL)
        nng_msg_free(message);
}

static struct bus_question *pop_finished(struct bus *bus)
{
    struct bus_question *question;

    (void)pthread_mutex_lock(&bus->lock);
    question = STAILQ_FIRST(&bus->finished);
    if (question != NULL)
        STAILQ_REMOVE_HEAD(&bus->finished, finished);
    (void)pthread_mutex_unlock(&bus->lock);
    return question;
}

static void on_ring(void *owner)
{
    struct bus *bus = owner;
    struct bus_question *question;

    bus_enter(bus);
    while (!bus->is_dead && (question = pop_finished(bus)) != NULL)
        question_complete(question);
    bus_leave(bus);
}

/*
 * Whatever was sent on an earlier connection and has no reply yet would wait in vain, should nng
 * have lost the word of that connection's end.
 */
static void repeat_lost_questions(struct bus *bus)
{
    unsigned now = bus_link_connection(bus->link);
    struct bus_question *question;

    TAILQ_FOREACH(question, &bus->questions, link)
    {
        unsigned sent_on = atomic_load(&question->connection);

        if (!question->is_over && sent_on != 0 && sent_on != now)
            question_stop(question);
    }
}

static void on_link(void *owner, bool is_connected)
{
    struct bus *bus = owner;

    bus_enter(bus);
    if (is_connected)
        repeat_lost_questions(bus);
    if (bus->on_connected != NULL)
        bus->on_connected(bus->owner, is_connected);
    bus_leave(bus);
}

/* Nothing of ours is left in nng when this returns, the completions wait for the loop. */
static void stop_all(void *owner)
{
    struct bus *bus = owner;
    struct bus_question *question;

    TAILQ_FOREACH(question, &bus->questions, link)
    {
        question_stop(question);
        nng_aio_wait(question->aio);
    }
}

/* The stopped ones have completed: they are asked again when that is seen. */
static void on_enter(void *owner)
{
    struct bus *bus = owner;

    bus_link_ring(bus->link);
}

static int open_req(nng_socket *ret)
{
    int r;

    r = nng_req0_open(ret);
    if (r != 0)
        return r;
    r = nng_socket_set_ms(*ret, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (r != 0)
        (void)nng_close(*ret);
    return r;
}

static const struct bus_link_handlers link_handlers = {
    .open = open_req,
    .on_connected = on_link,
    .on_ring = on_ring,
    .on_leave = stop_all,
    .on_enter = on_enter,
};

int bus_open(struct event_base *loop, const char *url, const struct bus_tls *tls,
             void (*on_connected)(void *owner, bool is_connected), void *owner, struct bus **ret,
             struct error *err)
{
    struct bus *bus = mem_new(struct bus);
    int r;

    bus->loop = loop;
    bus->on_connected = on_connected;
    bus->owner = owner;
    TAILQ_INIT(&bus->questions);
    STAILQ_INIT(&bus->finished);
    (void)pthread_mutex_init(&bus->lock, NULL);
    r = bus_link_open(loop, url, tls, &link_handlers, bus, &bus->link, err);
    if (r < 0) {
        bus_free(bus);
        return r;
    }
    *ret = bus;
    return 0;
}

void bus_close(struct bus *bus)
{
    struct bus_question *question;

    if (bus == NULL)
        return;
    stop_all(bus);
    while ((question = TAILQ_FIRST(&bus->questions)) != NULL)
        question_free(question);
    (void)bus_link_close(bus->link);
    bus->is_dead = true;
    if (!bus->is_busy)
        bus_free(bus);
}
