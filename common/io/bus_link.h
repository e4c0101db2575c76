/*
 * A socket of nng that dials one URL for as long as it lives, as an event source of the loop.
 *
 * nng's threads only leave word: they set a few numbers under a lock and ring a descriptor; every
 * handler is called by the loop.
 *
 * nng 1.5.2 can stop to dial for good (a TLS peer that dies between handshake and greeting; a
 * reaper thread that waits for ever) and can hang in nng_close. A link without a connection for
 * BUS_LINK_STALE_MS is therefore given a new socket, and sockets are closed by a thread of their
 * own, which is not waited for much longer than it should take.
 *
 * Owner: a bus or a feed. Thread: the loop's, but for bus_link_ring.
 */
#ifndef GANTRY_COMMON_IO_BUS_LINK_H
#define GANTRY_COMMON_IO_BUS_LINK_H

#include <nng/nng.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/io/bus_dial.h"

#define BUS_LINK_STALE_MS   7000
#define BUS_LINK_SUSPECT_MS 2000

struct event_base;
struct bus_link;

struct bus_link_handlers {
    /* Open and set up a socket of the right protocol. Returns nng's result. */
    int (*open)(nng_socket *ret);
    /* A connection was made (true) or lost (false); they alternate, beginning with true. */
    void (*on_connected)(void *owner, bool is_connected);
    /* Before on_connected(false): nng saw the connection's end; the link did not leave it by
     * itself. May be NULL. */
    void (*on_broken)(void *owner);
    /* Somebody rang. */
    void (*on_ring)(void *owner);
    /* The socket will be closed when this returns: nothing may use it any more. */
    void (*on_leave)(void *owner);
    /* There is a new socket. */
    void (*on_enter)(void *owner);
};

/* `dial` and `handlers` are kept. */
int bus_link_open(struct event_base *loop, const struct bus_dial *dial,
                  const struct bus_link_handlers *handlers, void *owner, struct bus_link **ret,
                  struct error *err);

/* Leave the socket and its connection, go on with a new one. on_leave is called, on_enter not. */
void bus_link_renew(struct bus_link *link);

/* The connection there is may be dead without nng knowing: unless it is trusted again within
 * BUS_LINK_SUSPECT_MS, the socket is replaced. */
void bus_link_suspect(struct bus_link *link);
/* Something came over the connection. */
void bus_link_trust(struct bus_link *link);

/* How long the link may be without a connection before its socket is replaced, from now on. */
void bus_link_set_stale_ms(struct bus_link *link, unsigned stale_ms);

/* Close the socket; no handler is called any more. Returns false when nng did not let go of it:
 * what its callbacks use, the link among it, must then never be freed. A handler may do this. */
bool bus_link_close(struct bus_link *link);

/* After bus_link_close, when nothing rings any more. */
void bus_link_destroy(struct bus_link *link);

nng_socket bus_link_socket(const struct bus_link *link);

/* The number of the connection, from 1; it is counted before anything is sent on it. */
unsigned bus_link_connection(struct bus_link *link);

/* Have on_ring called by the loop. Any thread. */
void bus_link_ring(struct bus_link *link);

#endif
