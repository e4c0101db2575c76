/* One REQ socket of nng, asked one question at a time; see the header. */
#include "common/io/bus_lane.h"

#include <assert.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdatomic.h>

#include "common/io/bus_link.h"
#include "common/mem.h"

struct bus_lane {
    struct bus_link *link;
    const struct bus_lane_handlers *handlers;
    void *owner;
    struct bytes question; /* borrowed; no data: the lane is free */
    nng_ctx context;
    nng_aio *aio;
    bool is_sent;            /* the aio receives; its callback's until completion */
    atomic_uint connection;  /* the one the question was sent on; 0: none yet */
    atomic_bool is_complete; /* the aio rests, and the loop has not looked yet */
    bool is_busy;            /* a callback is on the stack */
    bool is_dead;            /* closed by a callback: freed when that returns */
};

/* On a thread of nng. */
static void on_completion(void *arg)
{
    struct bus_lane *lane = arg;

    if (!lane->is_sent && nng_aio_result(lane->aio) == 0) {
        lane->is_sent = true;
        atomic_store(&lane->connection, bus_link_connection(lane->link));
        nng_ctx_recv(lane->context, lane->aio);
        return;
    }
    atomic_store(&lane->is_complete, true);
    bus_link_ring(lane->link);
}

bool bus_lane_is_free(const struct bus_lane *lane)
{
    return lane->question.data == NULL;
}

static int make_message(struct bytes question, nng_msg **ret)
{
    nng_msg *message;
    int r;

    r = nng_msg_alloc(&message, 0);
    if (r != 0)
        return r;
    r = nng_msg_append(message, question.data, question.size);
    if (r != 0)
        nng_msg_free(message);
    else
        *ret = message;
    return r;
}

/* The aio must be at rest. */
static int send_question(struct bus_lane *lane, struct error *err)
{
    nng_msg *message = NULL;
    int r;

    r = make_message(lane->question, &message);
    if (r == 0)
        r = nng_ctx_open(&lane->context, bus_link_socket(lane->link));
    if (r != 0) {
        nng_msg_free(message);
        return error_set(err, bus_dial_errno(r), "ask: %s", nng_strerror(r));
    }
    lane->is_sent = false;
    atomic_store(&lane->connection, 0);
    nng_aio_set_msg(lane->aio, message);
    nng_ctx_send(lane->context, lane->aio);
    return 0;
}

/*
 * Bring the aio to rest, and take what it holds: a reply, or the message of a send that came to
 * nothing. Its callback may be about to start the receive, which the closed context then refuses.
 */
static nng_msg *rest(struct bus_lane *lane)
{
    nng_msg *message;

    (void)nng_ctx_close(lane->context);
    nng_aio_wait(lane->aio);
    atomic_store(&lane->is_complete, false);
    message = nng_aio_get_msg(lane->aio);
    nng_aio_set_msg(lane->aio, NULL);
    return message;
}

static void finish(struct bus_lane *lane, int result, struct bytes reply)
{
    lane->question = (struct bytes){ 0 };
    lane->handlers->on_reply(lane->owner, lane, result, reply);
}

static void ask_again(struct bus_lane *lane)
{
    if (send_question(lane, NULL) < 0)
        finish(lane, -EIO, (struct bytes){ 0 });
}

/* The connection broke, or the socket was left: nng has given up what it was at. */
static bool is_worth_another_try(int nng_result)
{
    return nng_result == NNG_ECONNRESET || nng_result == NNG_ECLOSED || nng_result == NNG_ECANCELED;
}

static void complete(struct bus_lane *lane)
{
    nng_msg *message;
    int result;

    nng_aio_wait(lane->aio); /* its callback may still be on its last line */
    result = nng_aio_result(lane->aio);
    message = rest(lane);
    if (result == 0) {
        bus_link_trust(lane->link);
        finish(lane, 0,
               (struct bytes){ .data = nng_msg_body(message), .size = nng_msg_len(message) });
    } else if (is_worth_another_try(result)) {
        lane->handlers->on_broken(lane->owner); /* the link may never hear of it */
        ask_again(lane);
    } else {
        finish(lane, -EIO, (struct bytes){ 0 });
    }
    nng_msg_free(message);
}

static void lane_free(struct bus_lane *lane)
{
    nng_aio_free(lane->aio);
    free(lane);
}

static void enter(struct bus_lane *lane)
{
    assert(!lane->is_busy);
    lane->is_busy = true;
}

static void leave(struct bus_lane *lane)
{
    lane->is_busy = false;
    if (lane->is_dead)
        lane_free(lane);
}

static void on_ring(void *owner)
{
    struct bus_lane *lane = owner;

    if (!atomic_exchange(&lane->is_complete, false))
        return;
    enter(lane);
    complete(lane);
    leave(lane);
}

/*
 * A question that was sent on an earlier connection and has no reply yet would wait in vain, should
 * nng have lost the word of that connection's end.
 */
static void repeat_lost_question(struct bus_lane *lane)
{
    unsigned sent_on = atomic_load(&lane->connection);

    if (bus_lane_is_free(lane) || atomic_load(&lane->is_complete) || sent_on == 0 ||
        sent_on == bus_link_connection(lane->link))
        return;
    nng_msg_free(rest(lane));
    ask_again(lane);
}

static void on_connected(void *owner, bool is_connected)
{
    struct bus_lane *lane = owner;

    enter(lane);
    if (is_connected)
        repeat_lost_question(lane);
    if (!lane->is_dead)
        lane->handlers->on_connected(lane->owner, is_connected);
    leave(lane);
}

static void on_broken(void *owner)
{
    struct bus_lane *lane = owner;

    lane->handlers->on_broken(lane->owner);
}

static void on_leave(void *owner)
{
    struct bus_lane *lane = owner;

    if (!bus_lane_is_free(lane))
        nng_msg_free(rest(lane));
}

static void on_enter(void *owner)
{
    struct bus_lane *lane = owner;

    if (bus_lane_is_free(lane))
        return;
    enter(lane);
    ask_again(lane);
    leave(lane);
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
    .on_connected = on_connected,
    .on_broken = on_broken,
    .on_ring = on_ring,
    .on_leave = on_leave,
    .on_enter = on_enter,
};

int bus_lane_open(struct event_base *loop, const struct bus_dial *dial,
                  const struct bus_lane_handlers *handlers, void *owner, struct bus_lane **ret,
                  struct error *err)
{
    struct bus_lane *lane = mem_new(struct bus_lane);
    int r;

    lane->handlers = handlers;
    lane->owner = owner;
    r = bus_link_open(loop, dial, &link_handlers, lane, &lane->link, err);
    if (r < 0) {
        free(lane);
        return r;
    }
    r = nng_aio_alloc(&lane->aio, on_completion, lane);
    assert(r == 0); /* only memory could be missing */
    *ret = lane;
    return 0;
}

void bus_lane_close(struct bus_lane *lane)
{
    on_leave(lane);
    lane->question = (struct bytes){ 0 };
    (void)bus_link_close(lane->link); /* nothing of the lane is in the socket any more */
    bus_link_destroy(lane->link);
    lane->is_dead = true;
    if (!lane->is_busy)
        lane_free(lane);
}

int bus_lane_ask(struct bus_lane *lane, struct bytes question, struct error *err)
{
    int r;

    assert(bus_lane_is_free(lane) && question.data != NULL);
    lane->question = question;
    r = send_question(lane, err);
    if (r < 0)
        lane->question = (struct bytes){ 0 };
    return r;
}

void bus_lane_drop(struct bus_lane *lane)
{
    nng_msg_free(rest(lane));
    lane->question = (struct bytes){ 0 };
    if (lane->is_sent)
        bus_link_renew(lane->link);
}

void bus_lane_suspect(struct bus_lane *lane)
{
    bus_link_suspect(lane->link);
}

void bus_lane_set_patience_ms(struct bus_lane *lane, unsigned patience_ms)
{
    bus_link_set_stale_ms(lane->link, patience_ms);
}
