/*
 * One connection that speaks nng's wire: TLS handshake, greeting, whole messages both ways, and a
 * deadline until it has greeted.
 *
 * Owner: a peer of the sp server. Thread: the loop's. Callbacks come from the loop only, never
 * from within a function of this header; a callback may destroy its connection.
 */
#ifndef GANTRY_COMMON_IO_SP_CONN_H
#define GANTRY_COMMON_IO_SP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/io/sp_wire.h"

#define SP_CONN_UNREAD_MAX  (64 * 1024)        /* bytes that wait while messages are held */
#define SP_CONN_UNSENT_MAX  (1024 * 1024)      /* bytes that wait; beyond, nothing more is read */
#define SP_CONN_UNSENT_STOP (16 * 1024 * 1024) /* beyond, the peer is cut */

struct event_base;
struct evbuffer;
struct ssl_st;
struct sp_conn;

struct sp_conn_handlers {
    /* The peer has greeted (and its certificate was good). */
    void (*on_ready)(void *owner);
    /* A whole message; borrowed for the call. */
    void (*on_message)(void *owner, struct bytes message);
    /* It is over; `why` has code 0 when the peer just went, else -EPROTO, -EMSGSIZE, -ETIMEDOUT,
     * -EACCES (TLS), or the reason given to sp_conn_doom. The owner destroys the connection. */
    void (*on_end)(void *owner, const struct error *why);
};

struct sp_conn_setup {
    struct event_base *loop;
    int fd;                 /* taken over, also on failure */
    struct ssl_st *session; /* NULL: plain; taken over, also on failure */
    enum sp_framing framing;
    enum sp_protocol own;
    enum sp_protocol expected;
    size_t message_max;
    const struct timeval *greeting_time; /* the deadline's distance */
    const struct sp_conn_handlers *handlers;
    void *owner;
};

int sp_conn_new(const struct sp_conn_setup *setup, struct sp_conn **ret, struct error *err);
/* Closes at once; what has not been sent is lost. NULL is legal. */
void sp_conn_destroy(struct sp_conn *conn);

/* NULL for a plain connection. */
struct ssl_st *sp_conn_session(const struct sp_conn *conn);
void sp_conn_set_message_max(struct sp_conn *conn, size_t size);

/* While held, no message is handed over and little more is read. */
void sp_conn_hold(struct sp_conn *conn, bool is_held);

/* Queue a message of two parts, copied. */
void sp_conn_send(struct sp_conn *conn, struct bytes start, struct bytes rest);
/* Queue the connection's framing and message as they are; `bytes` stays until `release` is called
 * with `arg`. */
void sp_conn_send_framed(struct sp_conn *conn, struct bytes bytes,
                         void (*release)(const void *data, size_t size, void *arg), void *arg);
/* Bytes that wait to be sent. */
size_t sp_conn_unsent(const struct sp_conn *conn);

/* End it from the loop, soon, with this reason; `why` is a literal. */
void sp_conn_doom(struct sp_conn *conn, int code, const char *why);

#endif
