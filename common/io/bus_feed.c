/*
 * Following a PUB feed; see bus.h.
 *
 * One receive at a time: its completion rings, the loop takes the message and starts the next. What
 * comes meanwhile waits in nng, up to WAITING_MAX messages, then the oldest goes.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdatomic.h>

#include "common/io/bus.h"
#include "common/io/bus_dial.h"
#include "common/io/bus_link.h"
#include "common/mem.h"

#define WAITING_MAX 128

struct bus_feed {
    struct bus_dial *dial;
    struct bus_link *link;
    void (*on_message)(void *owner, struct bytes message);
    void *owner;
    nng_aio *aio;
    atomic_bool is_complete; /* the aio rests, and the loop has not looked yet */
    bool is_busy;            /* a callback is on the stack */
    bool is_dead;            /* closed by a callback: freed when that returns */
};

/* On a thread of nng. */
static void on_completion(void *arg)
{
    struct bus_feed *feed = arg;

    atomic_store(&feed->is_complete, true);
    bus_link_ring(feed->link);
}

static void receive(struct bus_feed *feed)
{
    nng_recv_aio(bus_link_socket(feed->link), feed->aio);
}

/* The aio must be at rest. */
static nng_msg *take_message(struct bus_feed *feed)
{
    nng_msg *message = nng_aio_result(feed->aio) == 0 ? nng_aio_get_msg(feed->aio) : NULL;

    nng_aio_set_msg(feed->aio, NULL);
    return message;
}

static void feed_free(struct bus_feed *feed)
{
    if (feed->aio != NULL)
        nng_aio_free(feed->aio);
    bus_dial_destroy(feed->dial);
    free(feed);
}

static void on_ring(void *owner)
{
    struct bus_feed *feed = owner;
    nng_msg *message;

    if (!atomic_exchange(&feed->is_complete, false))
        return;
    nng_aio_wait(feed->aio);
    message = take_message(feed);
    if (message == NULL)
        return; /* the socket is being left */
    receive(feed);
    feed->is_busy = true;
    feed->on_message(feed->owner,
                     (struct bytes){ .data = nng_msg_body(message), .size = nng_msg_len(message) });
    feed->is_busy = false;
    nng_msg_free(message);
    if (feed->is_dead)
        feed_free(feed);
}

static void on_connected(void *owner, bool is_connected)
{
    (void)owner;
    (void)is_connected;
}

/* There is no connection, so no message can be on its way into the receive that is cancelled here:
 * nng 1.5.2 does not survive that. */
static void on_leave(void *owner)
{
    struct bus_feed *feed = owner;

    nng_aio_cancel(feed->aio);
    nng_aio_wait(feed->aio);
    nng_msg_free(take_message(feed));
}

static void on_enter(void *owner)
{
    struct bus_feed *feed = owner;

    atomic_store(&feed->is_complete, false);
    receive(feed);
}

static int open_sub(nng_socket *ret)
{
    int r;

    r = nng_sub0_open(ret);
    if (r != 0)
        return r;
    if ((r = nng_socket_set(*ret, NNG_OPT_SUB_SUBSCRIBE, "", 0)) != 0 ||
        (r = nng_socket_set_int(*ret, NNG_OPT_RECVBUF, WAITING_MAX)) != 0)
        (void)nng_close(*ret);
    return r;
}

static const struct bus_link_handlers link_handlers = {
    .open = open_sub,
    .on_connected = on_connected,
    .on_ring = on_ring,
    .on_leave = on_leave,
    .on_enter = on_enter,
};

/* NOLINTNEXTLINE(readability-function-size): the whole of a contract */
int bus_follow(struct event_base *loop, const char *url, const struct bus_tls *tls,
               void (*on_message)(void *owner, struct bytes message), void *owner,
               struct bus_feed **ret, struct error *err)
{
    struct bus_feed *feed = mem_new(struct bus_feed);
    int r;

    feed->on_message = on_message;
    feed->owner = owner;
    r = bus_dial_new(url, tls, &feed->dial, err);
    if (r == 0)
        r = bus_link_open(loop, feed->dial, &link_handlers, feed, &feed->link, err);
    if (r < 0) {
        feed_free(feed);
        return r;
    }
    r = nng_aio_alloc(&feed->aio, on_completion, feed);
    assert(r == 0); /* only memory could be missing */
    receive(feed);
    *ret = feed;
    return 0;
}

void bus_feed_close(struct bus_feed *feed)
{
    if (feed == NULL)
        return;
    if (!bus_link_close(feed->link))
        return; /* nng may still complete the receive: it must find its aio */
    feed->is_dead = true;
    nng_aio_wait(feed->aio);
    nng_msg_free(take_message(feed));
    bus_link_destroy(feed->link);
    if (!feed->is_busy)
        feed_free(feed);
}
