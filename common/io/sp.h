/*
 * nng's wire (SP) on libevent: the broker's side of the bus. REP and PUB sockets that listen on
 *
 *     tcp://ADDRESS:PORT    tls+tcp://ADDRESS:PORT    unix:///PATH (SO_PEERCRED; nng's ipc://)
 *
 * and serve stock nng REQ and SUB peers.
 *
 * Limits: 10 s for TLS handshake and greeting; MESSAGE_SIZE_MAX bytes a message (for a TLS peer
 * without a name MESSAGE_UNKNOWN_MAX, and one request at a time, until sp_peer_accept); at most
 * SP_REQUESTS_MAX requests or SP_REQUEST_BYTES_MAX unanswered on a connection, then it is not read;
 * a PUB peer with more than SP_FEED_BYTES_MAX waiting is cut (it re-reads from the log). TCP
 * keepalive 10 s and TCP_USER_TIMEOUT 15 s; a peer that takes no byte of what waits for it for 30 s
 * is cut. A connection's first message may be any, a large report too: peers repeat what was open
 * when the last one broke.
 *
 * Owner: the broker. Everything on the loop thread. Handlers are called from the loop, and from
 * within sp_peer_close and sp_server_destroy; never from within sp_reply, sp_drop or sp_publish. A
 * handler may call anything here but sp_server_destroy.
 */
#ifndef GANTRY_COMMON_IO_SP_H
#define GANTRY_COMMON_IO_SP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"

#define SP_REQUESTS_MAX      64
#define SP_REQUEST_BYTES_MAX (1024 * 1024)
#define SP_FEED_BYTES_MAX    (1024 * 1024)
#define SP_PEERS_MAX         65536

struct event_base;
struct sp_server;
struct sp_peer;
struct sp_request;

enum sp_transport { SP_TCP, SP_TLS, SP_UNIX };

/* Who a peer is, as its transport proved it. */
struct sp_identity {
    enum sp_transport transport;
    bool is_loopback; /* of a tcp or TLS peer */
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
    /* The peer is gone; once for each that was connected. on_abandoned has been called for each of
     * its unanswered requests. `peer` is of no use afterwards. */
    void (*on_closed)(void *owner, struct sp_peer *peer);
    /* A peer has greeted, and proved who it is. May be NULL. */
    void (*on_connected)(void *owner, struct sp_peer *peer);
    /* An unanswered request's peer has gone: forget the request, do not answer it. May be NULL. */
    void (*on_abandoned)(void *owner, struct sp_request *request);
    /* A peer was cut for what it did: wrong greeting, length, certificate, or too slow. For logs;
     * the identity is borrowed. May be NULL. */
    void (*on_refused)(void *owner, const struct sp_identity *identity, const struct error *why);
};

struct sp_counters {
    uint64_t connected; /* peers that greeted, ever */
    uint64_t closed;    /* of these */
    uint64_t refused; /* for wrong greetings, lengths, certificates, timeouts; beyond the maximum */
    uint64_t feed_cut; /* followers that were too slow */
    uint32_t peers;    /* connected now */
};

/* `handlers` is kept, not copied. SIGPIPE is ignored from now on, in the whole process. */
int sp_server_new(struct event_base *loop, const struct sp_handlers *handlers, void *owner,
                  struct sp_server **ret, struct error *err);

/* Before listening: the time for handshake and greeting. */
void sp_set_greeting_ms(struct sp_server *server, unsigned greeting_ms);

/* Listen for REQ peers. tls is only for tls+tcp. -EINVAL for a URL that is none, and for TLS files
 * that cannot be used. Port 0 is legal. A unix socket has the mode 0660; one that somebody serves:
 * -EADDRINUSE. */
int sp_listen(struct sp_server *server, const char *url, const struct sp_tls *tls,
              struct error *err);
/* Listen for SUB peers. */
int sp_listen_feed(struct sp_server *server, const char *url, const struct sp_tls *tls,
                   struct error *err);
/* The port that the i-th listener got, in the order of listening; 0 for a unix socket. */
uint16_t sp_port(const struct sp_server *server, unsigned i);

/* Close listeners and peers; on_abandoned and on_closed are called. NULL is legal. */
void sp_server_destroy(struct sp_server *server);
DEFINE_AUTODESTROY(sp_server)

struct sp_peer *sp_request_peer(const struct sp_request *request);
/* Lives as long as the peer. */
const struct sp_identity *sp_peer_identity(const struct sp_peer *peer);
/* A SUB peer of the feed: it asks nothing. */
bool sp_peer_is_follower(const struct sp_peer *peer);
/* The peer has said something sensible: from now on its messages may be large, and many at once.
 * Peers whose transport says who they are, and plain tcp, begin so. */
void sp_peer_accept(struct sp_peer *peer);
/* What the owner keeps with a peer or a request (a role; a waiting poll). */
void sp_peer_set_data(struct sp_peer *peer, void *data);
void *sp_peer_data(const struct sp_peer *peer);
void sp_request_set_data(struct sp_request *request, void *data);
void *sp_request_data(const struct sp_request *request);

/* Answer and forget the request. The body is copied. */
void sp_reply(struct sp_request *request, struct bytes body);
/* Forget it without an answer (the asker will time out and ask again). */
void sp_drop(struct sp_request *request);
/* Close the peer, of either kind, for instance for sending nonsense; replies that wait are lost. */
void sp_peer_close(struct sp_peer *peer);

/* Send to every follower (SUB filters at the receiver: all get it). One copy of the bytes for all
 * of them. */
void sp_publish(struct sp_server *server, struct bytes message);
/* Followers now: nothing need be encoded when there is none. */
unsigned sp_follower_count(const struct sp_server *server);

struct sp_counters sp_counters(const struct sp_server *server);

#endif
