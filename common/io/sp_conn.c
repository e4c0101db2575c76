/* One connection that speaks nng's wire; see the header. */
#include "common/io/sp_conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/auto.h"
#include "common/io/sp_tls.h"
#include "common/mem.h"

#define MESSAGE_PARTS  3
#define SEND_TIMEOUT_S 30 /* without a byte taken by the peer */

struct sp_conn {
    struct bufferevent *stream;
    int plain_fd; /* of a connection without TLS; else -1 */
    struct event_base *loop;
    struct event *timer; /* the greeting's deadline; later what carries out doom; else NULL */
    struct sp_wire wire;
    enum sp_protocol own;
    const struct sp_conn_handlers *handlers;
    void *owner;
    int doom_code;         /* 0: none */
    const char *doom_text; /* a literal */
    bool is_held;
    bool is_busy; /* a callback is on the stack */
    bool is_dead; /* destroyed by a callback: freed when that returns */
};

/* A connection that neither greets nor dooms needs none, and there are many of them. */
static void drop_timer(struct sp_conn *conn)
{
    if (conn->timer != NULL)
        event_free(conn->timer);
    conn->timer = NULL;
}

static void conn_free(struct sp_conn *conn)
{
    drop_timer(conn);
    free(conn);
}

static void conn_enter(struct sp_conn *conn)
{
    assert(!conn->is_busy);
    conn->is_busy = true;
}

static void conn_leave(struct sp_conn *conn)
{
    conn->is_busy = false;
    if (conn->is_dead)
        conn_free(conn);
}

/* The last call to the owner. */
static void conn_end(struct sp_conn *conn, const struct error *why)
{
    conn->handlers->on_end(conn->owner, why);
    assert(conn->is_dead);
}

static struct evbuffer *conn_input(const struct sp_conn *conn)
{
    return bufferevent_get_input(conn->stream);
}

size_t sp_conn_unsent(const struct sp_conn *conn)
{
    return evbuffer_get_length(bufferevent_get_output(conn->stream));
}

static bool conn_is_stalled(const struct sp_conn *conn)
{
    return conn->is_held || sp_conn_unsent(conn) > SP_CONN_UNSENT_MAX;
}

/* One piece of the wire: 1 when there was a whole one, 0 when it has to come first. */
static int conn_step(struct sp_conn *conn, struct error *err)
{
    size_t need = sp_wire_need(&conn->wire);
    struct bytes piece = { .size = need };
    enum sp_wire_step step;
    int r;

    if (evbuffer_get_length(conn_input(conn)) < need)
        return 0;
    piece.data = evbuffer_pullup(conn_input(conn), (ev_ssize_t)need);
    r = sp_wire_take(&conn->wire, piece, &step, err);
    if (r < 0)
        return r;
    if (step == SP_WIRE_GREETED) {
        if (conn->doom_code == 0)
            drop_timer(conn);
        conn->handlers->on_ready(conn->owner);
    } else if (step == SP_WIRE_MESSAGE) {
        conn->handlers->on_message(conn->owner, piece);
    }
    if (!conn->is_dead)
        (void)evbuffer_drain(conn_input(conn), need);
    return 1;
}

/*
 * Hand over what is whole. A stalled connection goes on reading up to a small maximum: only a
 * socket that is read tells that its peer has died.
 */
static void conn_read(struct sp_conn *conn)
{
    struct error why = { 0 };
    int r = 1;

    while (r == 1 && !conn->is_dead && conn->doom_code == 0 && !conn_is_stalled(conn))
        r = conn_step(conn, &why);
    if (conn->is_dead)
        return;
    if (r < 0)
        conn_end(conn, &why);
    else
        bufferevent_setwatermark(conn->stream, EV_READ, 0,
                                 conn_is_stalled(conn) ? SP_CONN_UNREAD_MAX : 0);
}

static void conn_greet(struct sp_conn *conn)
{
    uint8_t greeting[SP_GREETING_SIZE];

    sp_wire_greeting(conn->own, greeting);
    (void)bufferevent_write(conn->stream, greeting, sizeof(greeting));
}

static void explain(struct sp_conn *conn, short what, struct error *ret)
{
    unsigned long failure = bufferevent_get_openssl_error(conn->stream);
    char reason[128];

    if ((what & BEV_EVENT_TIMEOUT) != 0) {
        (void)error_set(ret, -ETIMEDOUT, "the peer takes no bytes");
    } else if (failure != 0 && !conn->wire.has_greeted) {
        sp_tls_reason(failure, reason, sizeof(reason));
        (void)error_set(ret, -EACCES, "TLS: %s", reason);
    } else if (!conn->wire.has_greeted) {
        (void)error_set(ret, -EPROTO, "left without a greeting");
    }
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct sp_conn *conn = arg;

    (void)stream;
    conn_enter(conn);
    conn_read(conn);
    conn_leave(conn);
}

/* Enough was sent: a connection that stood still because of it goes on. */
static void on_written(struct bufferevent *stream, void *arg)
{
    if (evbuffer_get_length(bufferevent_get_input(stream)) > 0)
        on_readable(stream, arg);
}

static void on_stream_event(struct bufferevent *stream, short what, void *arg)
{
    struct sp_conn *conn = arg;
    struct error why = { 0 };

    (void)stream;
    conn_enter(conn);
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        conn_greet(conn);
    } else {
        explain(conn, what, &why);
        conn_end(conn, &why);
    }
    conn_leave(conn);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct sp_conn *conn = arg;
    struct error why = { 0 };

    (void)fd;
    (void)what;
    if (conn->doom_code == 0)
        (void)error_set(&why, -ETIMEDOUT, "no greeting in time");
    else
        (void)error_set(&why, conn->doom_code, "%s", conn->doom_text);
    conn_enter(conn);
    conn_end(conn, &why);
    conn_leave(conn);
}

static struct bufferevent *open_stream(const struct sp_conn_setup *setup)
{
    const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

    if (setup->session == NULL)
        return bufferevent_socket_new(setup->loop, setup->fd, options);
    return bufferevent_openssl_socket_new(setup->loop, setup->fd, setup->session,
                                          BUFFEREVENT_SSL_ACCEPTING, options);
}

int sp_conn_new(const struct sp_conn_setup *setup, struct sp_conn **ret, struct error *err)
{
    const struct timeval send_timeout = { .tv_sec = SEND_TIMEOUT_S };
    struct bufferevent *stream = open_stream(setup);
    struct sp_conn *conn;

    if (stream == NULL) {
        (void)close(setup->fd);
        return error_set(err, -ENOMEM, "no stream for a connection");
    }
    conn = mem_new(struct sp_conn);
    conn->stream = stream;
    conn->plain_fd = setup->session == NULL ? setup->fd : -1;
    conn->loop = setup->loop;
    conn->timer = event_new(setup->loop, -1, 0, on_timer, conn);
    if (conn->timer == NULL) {
        bufferevent_free(stream);
        conn_free(conn);
        return error_set(err, -ENOMEM, "no timer for a connection");
    }
    conn->wire = (struct sp_wire){ .framing = setup->framing,
                                   .expected = setup->expected,
                                   .message_max = setup->message_max };
    conn->own = setup->own;
    conn->handlers = setup->handlers;
    conn->owner = setup->owner;
    (void)event_add(conn->timer, setup->greeting_time);
    bufferevent_setcb(stream, on_readable, on_written, on_stream_event, conn);
    bufferevent_setwatermark(stream, EV_WRITE, SP_CONN_UNREAD_MAX, 0);
    bufferevent_set_timeouts(stream, NULL, &send_timeout);
    (void)bufferevent_enable(stream, EV_READ | EV_WRITE);
    if (setup->session == NULL)
        conn_greet(conn);
    *ret = conn;
    return 0;
}

void sp_conn_destroy(struct sp_conn *conn)
{
    if (conn == NULL)
        return;
    if (conn->timer != NULL)
        (void)event_del(conn->timer);
    bufferevent_free(conn->stream);
    conn->is_dead = true;
    if (!conn->is_busy)
        conn_free(conn);
}

struct ssl_st *sp_conn_session(const struct sp_conn *conn)
{
    return bufferevent_openssl_get_ssl(conn->stream);
}

void sp_conn_set_message_max(struct sp_conn *conn, size_t size)
{
    conn->wire.message_max = size;
}

void sp_conn_hold(struct sp_conn *conn, bool is_held)
{
    if (conn->is_held == is_held)
        return;
    conn->is_held = is_held;
    if (!is_held)
        bufferevent_trigger(conn->stream, EV_READ,
                            BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void refuse_to_grow(struct sp_conn *conn)
{
    if (sp_conn_unsent(conn) > SP_CONN_UNSENT_STOP)
        sp_conn_doom(conn, -ENOBUFS, "the peer does not read its replies");
}

/* The kernel takes both ways through one type; it does not write to what it sends. */
static struct iovec part_of(const void *data, size_t size)
{
    union {
        const void *ours;
        void *theirs;
    } base = { .ours = data };

    return (struct iovec){ .iov_base = base.theirs, .iov_len = size };
}

/*
 * What the socket takes at once of a message in three parts: most replies whole, which spares them
 * the stream's turn of the loop and the change of what epoll watches. A failure is left to the
 * stream: it will meet it again.
 */
static size_t send_at_once(const struct sp_conn *conn, struct iovec parts[static MESSAGE_PARTS])
{
    const struct msghdr message = { .msg_iov = parts, .msg_iovlen = MESSAGE_PARTS };
    ssize_t sent;

    if (conn->plain_fd < 0 || sp_conn_unsent(conn) > 0)
        return 0;
    sent = sendmsg(conn->plain_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0;
}

void sp_conn_send(struct sp_conn *conn, struct bytes start, struct bytes rest)
{
    uint8_t head[SP_HEAD_SIZE_MAX];
    size_t size = sp_wire_head(conn->wire.framing, start.size + rest.size, head);
    struct iovec parts[MESSAGE_PARTS] = { part_of(head, size), part_of(start.data, start.size),
                                          part_of(rest.data, rest.size) };
    size_t sent = send_at_once(conn, parts);

    for (size_t i = 0; i < MESSAGE_PARTS; i++) {
        size_t done = sent < parts[i].iov_len ? sent : parts[i].iov_len;

        sent -= done;
        if (done < parts[i].iov_len)
            (void)bufferevent_write(conn->stream, (char *)parts[i].iov_base + done,
                                    parts[i].iov_len - done);
    }
    refuse_to_grow(conn);
}

void sp_conn_send_framed(struct sp_conn *conn, struct bytes bytes,
                         void (*release)(const void *data, size_t size, void *arg), void *arg)
{
    if (evbuffer_add_reference(bufferevent_get_output(conn->stream), bytes.data, bytes.size,
                               release, arg) < 0)
        release(bytes.data, bytes.size, arg);
}

void sp_conn_doom(struct sp_conn *conn, int code, const char *why)
{
    if (conn->doom_code != 0)
        return;
    conn->doom_code = code;
    conn->doom_text = why;
    if (conn->timer == NULL)
        conn->timer = event_new(conn->loop, -1, 0, on_timer, conn);
    assert(conn->timer != NULL); /* only memory could be missing */
    event_active(conn->timer, EV_TIMEOUT, 0);
}
