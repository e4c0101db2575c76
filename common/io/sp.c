/* nng's wire on libevent: the server, its peers, their requests, the feed; see the header. */
#include "common/io/sp.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/io/sp_block.h"
#include "common/io/sp_conn.h"
#include "common/io/sp_listener.h"
#include "common/io/sp_socket.h"
#include "common/io/sp_tls.h"
#include "common/io/sp_wire.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define GREETING_MS 10000
#define UNIX_MODE   0660

struct sp_request {
    struct sp_peer *peer;
    void *data;
    size_t body_size;
    size_t ids_size;
    uint8_t ids[SP_IDS_MAX * 4]; /* echoed */
    TAILQ_ENTRY(sp_request) link;
};

struct sp_peer {
    struct sp_server *server;
    struct sp_conn *conn;
    struct sp_identity identity;
    char *name;
    char address[SP_ADDRESS_SIZE];
    void *data;
    bool is_follower;
    bool is_connected; /* has greeted */
    bool is_accepted;
    unsigned request_count; /* unanswered */
    size_t request_bytes;
    TAILQ_HEAD(, sp_request) requests;
    TAILQ_ENTRY(sp_peer) link;
    TAILQ_ENTRY(sp_peer) follower_link; /* once it has greeted */
};

struct endpoint {
    struct sp_server *server;
    struct sp_listener *listener;
    struct sp_tls_context *tls; /* NULL: plain */
    bool is_feed;
    STAILQ_ENTRY(endpoint) link;
};

struct sp_server {
    struct event_base *loop;
    const struct sp_handlers *handlers;
    void *owner;
    const struct timeval *greeting_time; /* a common timeout of the loop */
    unsigned connection_count;           /* greeted or not */
    unsigned follower_count;
    struct sp_counters counters;
    STAILQ_HEAD(, endpoint) endpoints;
    TAILQ_HEAD(, sp_peer) peers;
    TAILQ_HEAD(, sp_peer) followers;
};

/* --- requests */

static bool peer_is_full(const struct sp_peer *peer)
{
    if (!peer->is_accepted)
        return peer->request_count >= 1;
    return peer->request_count >= SP_REQUESTS_MAX || peer->request_bytes >= SP_REQUEST_BYTES_MAX;
}

static struct sp_request *request_new(struct sp_peer *peer, struct bytes ids, size_t body_size)
{
    struct sp_request *request = mem_new(struct sp_request);

    request->peer = peer;
    request->body_size = body_size;
    request->ids_size = ids.size;
    memcpy(request->ids, ids.data, ids.size);
    TAILQ_INSERT_TAIL(&peer->requests, request, link);
    peer->request_count++;
    peer->request_bytes += body_size;
    sp_conn_hold(peer->conn, peer_is_full(peer));
    return request;
}

static void request_free(struct sp_peer *peer, struct sp_request *request)
{
    TAILQ_REMOVE(&peer->requests, request, link);
    peer->request_count--;
    peer->request_bytes -= request->body_size;
    free(request);
}

struct sp_peer *sp_request_peer(const struct sp_request *request)
{
    return request->peer;
}

void sp_request_set_data(struct sp_request *request, void *data)
{
    request->data = data;
}

void *sp_request_data(const struct sp_request *request)
{
    return request->data;
}

void sp_reply(struct sp_request *request, struct bytes body)
{
    sp_conn_send(request->peer->conn,
                 (struct bytes){ .data = request->ids, .size = request->ids_size }, body);
    sp_drop(request);
}

void sp_drop(struct sp_request *request)
{
    struct sp_peer *peer = request->peer;

    request_free(peer, request);
    sp_conn_hold(peer->conn, peer_is_full(peer));
}

/* --- peers */

const struct sp_identity *sp_peer_identity(const struct sp_peer *peer)
{
    return &peer->identity;
}

bool sp_peer_is_follower(const struct sp_peer *peer)
{
    return peer->is_follower;
}

void sp_peer_accept(struct sp_peer *peer)
{
    if (peer->is_accepted)
        return;
    peer->is_accepted = true;
    sp_conn_set_message_max(peer->conn, MESSAGE_SIZE_MAX);
    sp_conn_hold(peer->conn, peer_is_full(peer));
}

void sp_peer_set_data(struct sp_peer *peer, void *data)
{
    peer->data = data;
}

void *sp_peer_data(const struct sp_peer *peer)
{
    return peer->data;
}

static void abandon_requests(struct sp_peer *peer)
{
    const struct sp_handlers *handlers = peer->server->handlers;
    struct sp_request *request;

    while ((request = TAILQ_FIRST(&peer->requests)) != NULL) {
        if (handlers->on_abandoned != NULL)
            handlers->on_abandoned(peer->server->owner, request);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot see that a queue's first changes */
        request_free(peer, request);
    }
}

static void peer_free(struct sp_peer *peer)
{
    sp_conn_destroy(peer->conn);
    free(peer->name);
    free(peer);
}

static void close_peer(struct sp_server *server, struct sp_peer *peer)
{
    TAILQ_REMOVE(&server->peers, peer, link);
    server->connection_count--;
    if (peer->is_connected && peer->is_follower) {
        TAILQ_REMOVE(&server->followers, peer, follower_link);
        server->follower_count--;
    }
    abandon_requests(peer);
    if (peer->is_connected) {
        server->counters.closed++;
        server->counters.peers--;
        server->handlers->on_closed(server->owner, peer);
    }
    peer_free(peer);
}

void sp_peer_close(struct sp_peer *peer)
{
    close_peer(peer->server, peer);
}

/*
 * Whoever reached a unix socket passed its mode; a TLS peer with a name of ours has proved it;
 * plain tcp is for loopback and for networks that the operator declared trusted. The others must
 * say something sensible first.
 */
static bool is_known(const struct sp_peer *peer)
{
    return peer->identity.transport != SP_TLS || peer->identity.name != NULL;
}

static void on_ready(void *arg)
{
    struct sp_peer *peer = arg;
    struct sp_server *server = peer->server;

    if (peer->identity.transport == SP_TLS)
        peer->name = sp_tls_peer_name(sp_conn_session(peer->conn));
    peer->identity.name = peer->name;
    peer->is_connected = true;
    if (is_known(peer))
        sp_peer_accept(peer);
    server->counters.connected++;
    server->counters.peers++;
    if (peer->is_follower) {
        TAILQ_INSERT_TAIL(&server->followers, peer, follower_link);
        server->follower_count++;
    }
    if (server->handlers->on_connected != NULL)
        server->handlers->on_connected(server->owner, peer);
}

static void on_message(void *arg, struct bytes message)
{
    struct sp_peer *peer = arg;
    struct sp_server *server = peer->server;
    struct bytes body = message;
    struct sp_request *request;
    size_t ids_size;

    if (peer->is_follower) {
        sp_conn_doom(peer->conn, -EPROTO, "a follower has nothing to say");
        return;
    }
    if (sp_wire_ids_size(message, &ids_size, NULL) < 0) {
        sp_conn_doom(peer->conn, -EPROTO, "a request without an id");
        return;
    }
    body.data += ids_size;
    body.size -= ids_size;
    request =
        request_new(peer, (struct bytes){ .data = message.data, .size = ids_size }, body.size);
    server->handlers->on_request(server->owner, request, body);
}

static void on_end(void *arg, const struct error *why)
{
    struct sp_peer *peer = arg;
    struct sp_server *server = peer->server;

    if (why->code != 0) {
        if (why->code == -ENOBUFS && peer->is_follower)
            server->counters.feed_cut++;
        else
            server->counters.refused++;
        if (server->handlers->on_refused != NULL)
            server->handlers->on_refused(server->owner, &peer->identity, why);
    }
    sp_peer_close(peer);
}

static const struct sp_conn_handlers conn_handlers = {
    .on_ready = on_ready,
    .on_message = on_message,
    .on_end = on_end,
};

static struct sp_peer *peer_new(const struct endpoint *endpoint, int fd,
                                const struct sockaddr *address)
{
    struct sp_peer *peer = mem_new(struct sp_peer);

    TAILQ_INIT(&peer->requests);
    peer->server = endpoint->server;
    peer->is_follower = endpoint->is_feed;
    peer->identity.transport = sp_listener_transport(endpoint->listener);
    peer->identity.address = peer->address;
    sp_socket_identify(fd, address, &peer->identity, peer->address);
    if (peer->identity.transport != SP_UNIX)
        sp_socket_set_tcp(fd);
    return peer;
}

static enum sp_framing framing_of(const struct sp_peer *peer)
{
    return peer->identity.transport == SP_UNIX ? SP_FRAMING_IPC : SP_FRAMING_STREAM;
}

static struct sp_conn_setup conn_setup(const struct endpoint *endpoint, struct sp_peer *peer,
                                       int fd)
{
    const struct sp_server *server = endpoint->server;

    return (struct sp_conn_setup){
        .loop = server->loop,
        .fd = fd,
        .session = endpoint->tls == NULL ? NULL : sp_tls_session(endpoint->tls),
        .framing = framing_of(peer),
        .own = endpoint->is_feed ? SP_PUB : SP_REP,
        .expected = endpoint->is_feed ? SP_SUB : SP_REQ,
        .message_max = MESSAGE_UNKNOWN_MAX,
        .greeting_time = server->greeting_time,
        .handlers = &conn_handlers,
        .owner = peer,
    };
}

static void on_accept(void *owner, int fd, const struct sockaddr *address)
{
    const struct endpoint *endpoint = owner;
    struct sp_server *server = endpoint->server;
    struct sp_conn_setup setup;
    struct sp_peer *peer;

    if (server->connection_count >= SP_PEERS_MAX) {
        server->counters.refused++;
        (void)close(fd);
        return;
    }
    peer = peer_new(endpoint, fd, address);
    setup = conn_setup(endpoint, peer, fd);
    if (sp_conn_new(&setup, &peer->conn, NULL) < 0) {
        server->counters.refused++;
        peer_free(peer);
        return;
    }
    TAILQ_INSERT_TAIL(&server->peers, peer, link);
    server->connection_count++;
}

/* --- the server */

int sp_server_new(struct event_base *loop, const struct sp_handlers *handlers, void *owner,
                  struct sp_server **ret, struct error *err)
{
    struct sp_server *server = mem_new(struct sp_server);

    sp_socket_ignore_broken_pipes();
    server->loop = loop;
    server->handlers = handlers;
    server->owner = owner;
    STAILQ_INIT(&server->endpoints);
    TAILQ_INIT(&server->peers);
    TAILQ_INIT(&server->followers);
    sp_set_greeting_ms(server, GREETING_MS);
    if (server->greeting_time == NULL) {
        free(server);
        return error_set(err, -ENOMEM, "the loop has no room for another timeout");
    }
    *ret = server;
    return 0;
}

/* All connections share one distance: a common timeout keeps each of them O(1). */
void sp_set_greeting_ms(struct sp_server *server, unsigned greeting_ms)
{
    const struct timeval distance = { .tv_sec = greeting_ms / 1000,
                                      .tv_usec = (suseconds_t)(greeting_ms % 1000) * 1000 };

    server->greeting_time = event_base_init_common_timeout(server->loop, &distance);
}

static void endpoint_destroy(struct endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    sp_listener_destroy(endpoint->listener);
    sp_tls_context_destroy(endpoint->tls);
    free(endpoint);
}
DEFINE_AUTODESTROY(endpoint)

static int add_endpoint(struct sp_server *server, const char *url, const struct sp_tls *tls,
                        bool is_feed, struct error *err)
{
    autodestroy(endpoint) struct endpoint *endpoint = mem_new(struct endpoint);
    const struct sp_listener_setup setup = {
        .loop = server->loop,
        .unix_mode = UNIX_MODE,
        .on_accept = on_accept,
        .owner = endpoint,
    };
    int r;

    endpoint->server = server;
    endpoint->is_feed = is_feed;
    r = sp_listener_new(&setup, url, &endpoint->listener, err);
    if (r < 0)
        return r;
    if (sp_listener_transport(endpoint->listener) == SP_TLS) {
        r = sp_tls_context_new(tls, &endpoint->tls, err);
        if (r < 0)
            return error_add_context(err, r, "listen on %s", url);
    }
    STAILQ_INSERT_TAIL(&server->endpoints, endpoint, link);
    (void)steal_ptr(endpoint);
    return 0;
}

int sp_listen(struct sp_server *server, const char *url, const struct sp_tls *tls,
              struct error *err)
{
    return add_endpoint(server, url, tls, false, err);
}

int sp_listen_feed(struct sp_server *server, const char *url, const struct sp_tls *tls,
                   struct error *err)
{
    return add_endpoint(server, url, tls, true, err);
}

uint16_t sp_port(const struct sp_server *server, unsigned i)
{
    const struct endpoint *endpoint;

    STAILQ_FOREACH(endpoint, &server->endpoints, link)
    {
        if (i-- == 0)
            return sp_listener_port(endpoint->listener);
    }
    return 0;
}

void sp_server_destroy(struct sp_server *server)
{
    struct endpoint *endpoint;
    struct sp_peer *peer;

    if (server == NULL)
        return;
    while ((peer = TAILQ_FIRST(&server->peers)) != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot see that a queue's first changes */
        close_peer(server, peer);
    }
    while ((endpoint = STAILQ_FIRST(&server->endpoints)) != NULL) {
        STAILQ_REMOVE_HEAD(&server->endpoints, link);
        endpoint_destroy(endpoint);
    }
    free(server);
}

unsigned sp_follower_count(const struct sp_server *server)
{
    return server->follower_count;
}

struct sp_counters sp_counters(const struct sp_server *server)
{
    return server->counters;
}

/* --- the feed */

static void send_block(struct sp_peer *peer, struct sp_block *block)
{
    if (sp_conn_unsent(peer->conn) > SP_FEED_BYTES_MAX)
        sp_conn_doom(peer->conn, -ENOBUFS, "a follower too slow for the feed");
    else
        sp_block_send(block, peer->conn, framing_of(peer));
}

void sp_publish(struct sp_server *server, struct bytes message)
{
    struct sp_block *block;
    struct sp_peer *peer;

    if (server->follower_count == 0)
        return;
    block = sp_block_new(message);
    TAILQ_FOREACH(peer, &server->followers, follower_link)
    send_block(peer, block);
    sp_block_release(block);
}
