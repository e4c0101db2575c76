/*
 * nng's wire (SP) on libevent: the broker's side of the bus. REP and PUB sockets that listen on
 *
 *     tcp://ADDRESS:PORT    tls+tcp://ADDRESS:PORT    unix:///PATH (SO_PEERCRED; nng's ipc://)
 *
 * and serve stock nng REQ and SUB peers. TCP and TLS: greeting 00 'S' 'P' 00 <protocol u16> 00 00
 * each way, then messages with a 64-bit big-endian length; a unix socket speaks nng's ipc framing
 * (one byte 01 before each length). A request starts with its 4-byte ids up to the one with the
 * high bit, echoed in the reply.
 *
 * Limits: 10 s for TLS handshake and greeting; SP_KNOWN_MAX bytes a message (MESSAGE_UNKNOWN_MAX
 * until the peer's first well-formed request was accepted by sp_peer_accept); at most
 * SP_REQUESTS_MAX requests unanswered on a connection, then its socket is not read; a PUB peer
 * with more than SP_FEED_BYTES_MAX waiting is cut (it re-reads from the log). TCP keepalive 10 s
 * and TCP_USER_TIMEOUT 15 s. Everything on the loop thread.
 */
#ifndef GANTRY_COMMON_IO_SP_H
#define GANTRY_COMMON_IO_SP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

#define SP_REQUESTS_MAX   64
#define SP_FEED_BYTES_MAX (1024 * 1024)
#define SP_PEERS_MAX      65536

struct event_base;
struct sp_server;
struct sp_peer;
struct sp_request;

enum sp_transport { SP_TCP, SP_TLS, SP_UNIX };

/* Who a peer is, as its transport proved it. */
struct sp_identity {
    enum sp_transport transport;
    bool is_loopback; /* of a tcp peer */
    uint32_t uid;     /* of a unix peer */
    uint32_t pid;
    const char *name;    /* of a TLS peer: the URI SAN that begins with gantry://; NULL: none */
    const char *address; /* for logs: "127.0.0.1:4711", "unix:pid=12" */
};

/* Files in PEM; for tls+tcp. */
struct sp_tls {
    const char *certificate;
    const char *key;
    const char *authority; /* clients must have a certificate of it */
};

struct sp_handlers {
    /* A whole request. The handler answers it once, now or later, by sp_reply or sp_drop. `body`
     * is borrowed for the call. */
    void (*on_request)(void *owner, struct sp_request *request, struct bytes body);
    /* The peer is gone: its unanswered requests are closed by this; requests that somebody holds
     * must be forgotten now (sp_request_owner tells whose). Called once for each connected peer. */
    void (*on_closed)(void *owner, struct sp_peer *peer);
    void (*on_connected)(void *owner, struct sp_peer *peer);
    /* A held request's peer has gone: forget it; do not answer. May be NULL. */
    void (*on_abandoned)(void *owner, struct sp_request *request);
};

struct sp_counters {
    uint64_t connected; /* peers ever */
    uint64_t closed;
    uint64_t refused;  /* for wrong greetings, lengths, certificates, timeouts */
    uint64_t feed_cut; /* followers that were too slow */
    uint32_t peers;    /* now */
};

int sp_server_new(struct event_base *loop, const struct sp_handlers *handlers, void *owner,
                  struct sp_server **ret, struct error *err);

/* Listen for REQ peers. tls is only for tls+tcp. -EINVAL for a URL that is none. Port 0 is legal.
 */
int sp_listen(struct sp_server *server, const char *url, const struct sp_tls *tls,
              struct error *err);
/* Listen for SUB peers. */
int sp_listen_feed(struct sp_server *server, const char *url, const struct sp_tls *tls,
                   struct error *err);
/* The port that the i-th listener got. */
uint16_t sp_port(const struct sp_server *server, unsigned i);

/* Close listeners and peers; on_abandoned and on_closed are called. NULL is legal. */
void sp_server_destroy(struct sp_server *server);

struct sp_peer *sp_request_peer(const struct sp_request *request);
const struct sp_identity *sp_peer_identity(const struct sp_peer *peer);
/* The peer has said something sensible: from now on its messages may be large. */
void sp_peer_accept(struct sp_peer *peer);
/* What the owner keeps with a peer or a request (a role; a waiting poll). */
void sp_peer_set_data(struct sp_peer *peer, void *data);
void *sp_peer_data(const struct sp_peer *peer);
void sp_request_set_data(struct sp_request *request, void *data);
void *sp_request_data(const struct sp_request *request);

/* Answer and forget the request. */
void sp_reply(struct sp_request *request, struct bytes body);
/* Forget it without an answer (nng will ask again), or close the peer that sent nonsense. */
void sp_drop(struct sp_request *request);
void sp_peer_close(struct sp_peer *peer);

/* Send to every follower (SUB filters at the receiver: all
 * get it). One copy of the bytes for all of them. */
void sp_publish(struct sp_server *server, struct bytes message);
/* Followers now: nothing need be encoded when there is none. */
unsigned sp_follower_count(const struct sp_server *server);

struct sp_counters sp_counters(const struct sp_server *server);

#endif
