/* The broker's side of the bus, against clients that speak the wire byte by byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "common/io/sp.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "tests/support/wire.h"

#define CLIENTS_MAX 8
#define HELD_MAX    128

static const uint8_t greeting_req[] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
static const uint8_t greeting_sub[] = { 0, 'S', 'P', 0, 0, 0x21, 0, 0 };
static const uint8_t greeting_rep[] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };

struct client {
    struct room *room;
    int fd;
    struct event *readable;
    struct buffer seen;
    bool is_ended;
    size_t wanted; /* bytes, for client_has_read */
};

struct room {
    struct event_base *loop;
    struct sp_server *server;
    char *scratch;
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
    struct sp_request *held[HELD_MAX];
    unsigned held_count;
    unsigned wanted; /* requests, for has_requests */
    unsigned requests;
    unsigned abandoned;
    unsigned connected;
    unsigned closed;
    size_t reply_size;           /* 0: what was asked */
    bool is_holding;             /* requests are not answered */
    bool is_refusing;            /* peers are closed when they connect */
    bool is_kicking;             /* peers are closed when they ask */
    struct sp_identity identity; /* of the last one that connected */
    char address[64];
    char last_body[16];
    char why[ERROR_TEXT_MAX]; /* of the last one refused */
};

/* --- the server */

static void on_request(void *owner, struct sp_request *request, struct bytes body)
{
    struct room *room = owner;
    autofree uint8_t *large = NULL;

    room->requests++;
    memset(room->last_body, 0, sizeof(room->last_body));
    memcpy(room->last_body, body.data,
           body.size < sizeof(room->last_body) ? body.size : sizeof(room->last_body) - 1);
    if (room->is_kicking) {
        sp_peer_close(sp_request_peer(request));
    } else if (room->is_holding) {
        assert_true(room->held_count < HELD_MAX);
        room->held[room->held_count++] = request;
    } else if (room->reply_size > 0) {
        large = mem_zeroed(room->reply_size);
        sp_reply(request, (struct bytes){ .data = large, .size = room->reply_size });
    } else {
        sp_reply(request, body);
    }
}

static void on_abandoned(void *owner, struct sp_request *request)
{
    struct room *room = owner;

    for (unsigned i = 0; i < room->held_count; i++) {
        if (room->held[i] != request)
            continue;
        room->held[i] = room->held[--room->held_count];
        room->abandoned++;
        return;
    }
    assert_true(room->is_kicking);
}

static void on_connected(void *owner, struct sp_peer *peer)
{
    struct room *room = owner;

    room->connected++;
    room->identity = *sp_peer_identity(peer);
    (void)snprintf(room->address, sizeof(room->address), "%s", room->identity.address);
    if (room->is_refusing)
        sp_peer_close(peer);
}

static void on_closed(void *owner, struct sp_peer *peer)
{
    struct room *room = owner;

    (void)peer;
    room->closed++;
}

static void on_refused(void *owner, const struct sp_identity *identity, const struct error *why)
{
    struct room *room = owner;

    assert_non_null(identity->address);
    (void)snprintf(room->why, sizeof(room->why), "%s", why->text);
}

static const struct sp_handlers handlers = {
    .on_request = on_request,
    .on_closed = on_closed,
    .on_connected = on_connected,
    .on_abandoned = on_abandoned,
    .on_refused = on_refused,
};

static struct sp_counters counters(const struct room *room)
{
    return sp_counters(room->server);
}

static void listen_on(struct room *room, const char *url)
{
    struct error err = { 0 };

    if (sp_listen(room->server, url, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

/* --- clients */

static void on_client_readable(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    static uint8_t piece[256 * 1024];
    ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);

    (void)what;
    if (n > 0) {
        buffer_append(&client->seen, piece, (size_t)n);
    } else if (n == 0 || errno != EAGAIN) {
        client->is_ended = true;
        (void)event_del(client->readable);
    }
}

static struct client *client_add(struct room *room, int fd)
{
    struct client *client = &room->clients[room->client_count++];

    assert_true(room->client_count <= CLIENTS_MAX);
    client->room = room;
    client->fd = fd;
    client->readable = event_new(room->loop, fd, EV_READ | EV_PERSIST, on_client_readable, client);
    (void)event_add(client->readable, NULL);
    return client;
}

/* A connection to the i-th listener, which is on tcp. */
static struct client *client_tcp(struct room *room, unsigned i)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(sp_port(room->server, i)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int small = 4096;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client_add(room, fd);
}

static struct client *client_unix(struct room *room, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client_add(room, fd);
}

static void client_say(const struct client *client, const void *data, size_t size)
{
    assert_int_equal(send(client->fd, data, size, MSG_NOSIGNAL), size);
}

static void client_greet(const struct client *client)
{
    client_say(client, greeting_req, sizeof(greeting_req));
}

/* A request with one id. */
static void client_ask(const struct client *client, const char *body)
{
    uint8_t head[12] = { 0, 0, 0, 0, 0, 0, 0, (uint8_t)(4 + strlen(body)), 0x80, 1, 2, 3 };

    client_say(client, head, sizeof(head));
    client_say(client, body, strlen(body));
}

/* Without a farewell: the server gets a reset. */
static void client_drop(struct client *client)
{
    const struct linger at_once = { .l_onoff = 1 };

    event_free(client->readable);
    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(client->fd);
    client->readable = NULL;
    client->fd = -1;
}

static void client_done(struct client *client)
{
    if (client->fd >= 0)
        client_drop(client);
    buffer_done(&client->seen);
}

/* --- conditions */

static bool client_has_ended(void *arg)
{
    return ((const struct client *)arg)->is_ended;
}

static bool client_has_read(void *arg)
{
    const struct client *client = arg;

    return client->seen.size >= client->wanted;
}

static bool has_requests(void *arg)
{
    const struct room *room = arg;

    return room->requests >= room->wanted;
}

static bool is_connected(void *arg)
{
    return counters(arg).connected >= 1;
}

static bool has_peer_left(void *arg)
{
    return counters(arg).closed >= 1;
}

static bool has_cut_a_follower(void *arg)
{
    return counters(arg).feed_cut >= 1;
}

static bool has_two_followers(void *arg)
{
    return sp_follower_count(((struct room *)arg)->server) == 2;
}

static void expect_bytes(struct client *client, const void *bytes, size_t size)
{
    client->wanted = size;
    wire_run_until(client->room->loop, client_has_read, client);
    assert_int_equal(client->seen.size, size);
    assert_memory_equal(client->seen.data, bytes, size);
    client->seen.size = 0;
}

static void expect_requests(struct room *room, unsigned count)
{
    room->wanted = count;
    wire_run_until(room->loop, has_requests, room);
    wire_run_turns(room->loop, 20);
    assert_int_equal(room->requests, count);
}

static void expect_reply(struct client *client, const char *body)
{
    const uint8_t head[] = { 0, 0, 0, 0, 0, 0, 0, (uint8_t)(4 + strlen(body)), 0x80, 1, 2, 3 };
    struct buffer reply = { 0 };

    buffer_append(&reply, head, sizeof(head));
    buffer_append(&reply, body, strlen(body));
    expect_bytes(client, reply.data, reply.size);
    buffer_done(&reply);
}

/* A greeted client over tcp. */
static struct client *client_new(struct room *room)
{
    struct client *client = client_tcp(room, 0);

    client_greet(client);
    expect_bytes(client, greeting_rep, sizeof(greeting_rep));
    return client;
}

/* --- fixture */

static int set_up(void **state)
{
    struct room *room = mem_new(struct room);

    room->loop = event_base_new();
    room->scratch = wire_scratch_new();
    assert_int_equal(sp_server_new(room->loop, &handlers, room, &room->server, NULL), 0);
    listen_on(room, "tcp://127.0.0.1:0");
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;

    for (unsigned i = 0; i < room->client_count; i++)
        client_done(&room->clients[i]);
    sp_server_destroy(room->server);
    event_base_free(room->loop);
    wire_scratch_remove(room->scratch);
    free(room);
    return 0;
}

/* --- tests: the wire */

static void a_reply_echoes_every_id(void **state)
{
    static const uint8_t request[] = { 0, 0, 0, 0, 0, 0,    0, 14, 0, 0,   0,
                                       7, 1, 2, 3, 4, 0x80, 9, 8,  7, 'h', 'i' };
    struct room *room = *state;
    struct client *client = client_new(room);

    client_say(client, request, sizeof(request));
    expect_bytes(client, request, sizeof(request));
    assert_string_equal(room->last_body, "hi");
}

static void a_message_may_come_byte_by_byte(void **state)
{
    struct room *room = *state;
    struct client *client = client_tcp(room, 0);
    static const uint8_t request[] = { 0, 0, 0, 0, 0, 0, 0, 6, 0x80, 0, 0, 1, 'o', 'k' };

    for (size_t i = 0; i < sizeof(greeting_req); i++) {
        client_say(client, greeting_req + i, 1);
        wire_run_turns(room->loop, 2);
    }
    expect_bytes(client, greeting_rep, sizeof(greeting_rep));
    for (size_t i = 0; i < sizeof(request); i++) {
        client_say(client, request + i, 1);
        wire_run_turns(room->loop, 2);
    }
    expect_bytes(client, request, sizeof(request));
}

static void a_unix_peer_speaks_ipc_and_is_known_by_its_credentials(void **state)
{
    static const uint8_t request[] = { 1, 0, 0, 0, 0, 0, 0, 0, 6, 0x80, 0, 0, 1, 'o', 'k' };
    struct room *room = *state;
    autofree char *path = mem_text("%s/s", room->scratch);
    autofree char *url = mem_text("unix://%s", path);
    struct client *client;

    listen_on(room, url);
    client = client_unix(room, path);
    client_greet(client);
    expect_bytes(client, greeting_rep, sizeof(greeting_rep));
    client_say(client, request, sizeof(request));
    expect_bytes(client, request, sizeof(request));
    assert_int_equal(room->identity.transport, SP_UNIX);
    assert_int_equal(room->identity.uid, getuid());
    assert_int_equal(room->identity.pid, getpid());
    assert_int_equal(strncmp(room->address, "unix:pid=", 9), 0);
}

static void a_tcp_peer_is_known_by_its_address(void **state)
{
    struct room *room = *state;

    (void)client_new(room);
    assert_int_equal(room->identity.transport, SP_TCP);
    assert_true(room->identity.is_loopback);
    assert_null(room->identity.name);
    assert_int_equal(strncmp(room->address, "127.0.0.1:", 10), 0);
    assert_int_equal(counters(room).peers, 1);
}

/* --- tests: what is refused */

/* The bad one is closed and counted, the good one goes on. */
static void expect_refusal(struct room *room, struct client *bad, const struct client *good,
                           const char *why)
{
    wire_run_until(room->loop, client_has_ended, bad);
    assert_int_equal(counters(room).refused, 1);
    assert_non_null(strstr(room->why, why));
    room->requests = 0;
    client_ask(good, "still there");
    expect_requests(room, 1);
}

static void a_wrong_greeting_is_refused(void **state)
{
    struct room *room = *state;
    const struct client *good = client_new(room);
    struct client *bad = client_tcp(room, 0);

    client_say(bad, "GET / HTTP/1.1\r\n", 16);
    expect_refusal(room, bad, good, "not of this wire");
    assert_int_equal(counters(room).closed, 0);
}

static void a_greeting_of_another_protocol_is_refused(void **state)
{
    struct room *room = *state;
    const struct client *good = client_new(room);
    struct client *bad = client_tcp(room, 0);

    client_say(bad, greeting_sub, sizeof(greeting_sub));
    expect_refusal(room, bad, good, "protocol 0x0021");
}

static void a_length_that_is_too_large_is_refused(void **state)
{
    struct room *room = *state;
    const struct client *good = client_new(room);
    struct client *bad = client_new(room);

    client_say(bad, "\0\0\0\1\0\0\0\0", 8);
    expect_refusal(room, bad, good, "at most 1048576");
    assert_int_equal(room->closed, 1);
}

static void a_request_without_an_id_is_refused(void **state)
{
    struct room *room = *state;
    const struct client *good = client_new(room);
    struct client *bad = client_new(room);

    client_say(bad, "\0\0\0\0\0\0\0\0", 8);
    expect_refusal(room, bad, good, "without an id");
}

static void half_a_greeting_has_a_deadline(void **state)
{
    struct room *room = *state;
    const struct client *good = client_new(room);
    struct client *bad;

    sp_set_greeting_ms(room->server, 50);
    bad = client_tcp(room, 0);
    client_say(bad, greeting_req, 4);
    expect_refusal(room, bad, good, "no greeting in time");
}

static void a_peer_may_be_closed_when_it_connects(void **state)
{
    struct room *room = *state;
    struct client *client = client_tcp(room, 0);

    room->is_refusing = true;
    client_greet(client);
    client_ask(client, "too late");
    wire_run_until(room->loop, client_has_ended, client);
    assert_int_equal(room->connected, 1);
    assert_int_equal(room->closed, 1);
    assert_int_equal(room->requests, 0);
}

static void a_peer_may_be_closed_when_it_asks(void **state)
{
    struct room *room = *state;
    struct client *client = client_new(room);

    room->is_kicking = true;
    client_ask(client, "one");
    client_ask(client, "two");
    wire_run_until(room->loop, client_has_ended, client);
    assert_int_equal(room->requests, 1);
    assert_int_equal(room->closed, 1);
}

/* --- tests: requests that wait */

static void requests_beyond_the_maximum_wait_in_the_socket(void **state)
{
    struct room *room = *state;
    const struct client *client = client_new(room);

    room->is_holding = true;
    for (unsigned i = 0; i < SP_REQUESTS_MAX + 6; i++)
        client_ask(client, "x");
    expect_requests(room, SP_REQUESTS_MAX);
    sp_drop(room->held[--room->held_count]);
    expect_requests(room, SP_REQUESTS_MAX + 1);
    sp_reply(room->held[--room->held_count], bytes_of_text("y"));
    sp_reply(room->held[--room->held_count], bytes_of_text("y"));
    expect_requests(room, SP_REQUESTS_MAX + 3);
}

static void a_later_request_may_be_answered_first(void **state)
{
    struct room *room = *state;
    struct client *client = client_new(room);

    room->is_holding = true;
    client_ask(client, "first");
    client_ask(client, "second");
    expect_requests(room, 2);
    sp_reply(room->held[1], bytes_of_text("second"));
    expect_reply(client, "second");
    sp_reply(room->held[0], bytes_of_text("first"));
    expect_reply(client, "first");
    room->held_count = 0;
}

static void bytes_of_requests_beyond_the_maximum_wait_too(void **state)
{
    enum { SIZE = 600 * 1024 };
    struct room *room = *state;
    struct client *client = client_new(room);
    autofree uint8_t *message = mem_zeroed(8 + SIZE);

    room->is_holding = true;
    memcpy(message, (const uint8_t[]){ 0, 0, 0, 0, 0, SIZE >> 16, (SIZE >> 8) & 0xff, 0, 0x80 }, 9);
    for (unsigned i = 0; i < 2; i++) {
        for (size_t sent = 0; sent < 8 + SIZE;) {
            ssize_t n = send(client->fd, message + sent, 8 + SIZE - sent, MSG_DONTWAIT);

            if (n > 0)
                sent += (size_t)n;
            wire_run_turns(room->loop, 1);
        }
    }
    client_ask(client, "third");
    expect_requests(room, 2);
    sp_drop(room->held[--room->held_count]);
    expect_requests(room, 3);
    assert_string_equal(room->last_body, "third");
}

static void a_peer_that_does_not_read_its_replies_is_not_read(void **state)
{
    enum { QUESTIONS = 64, SIZE = 256 * 1024 };
    struct room *room = *state;
    struct client *client = client_new(room);

    (void)event_del(client->readable);
    room->reply_size = SIZE;
    for (unsigned i = 0; i < QUESTIONS; i++)
        client_ask(client, "x");
    room->wanted = 4;
    wire_run_until(room->loop, has_requests, room);
    wire_run_turns(room->loop, 100);
    assert_true(room->requests < QUESTIONS);
    (void)event_add(client->readable, NULL);
    client->wanted = (size_t)QUESTIONS * (12 + SIZE);
    wire_run_until(room->loop, client_has_read, client);
    assert_int_equal(client->seen.size, client->wanted);
    assert_int_equal(room->requests, QUESTIONS);
}

static void requests_of_a_dead_peer_are_abandoned_once(void **state)
{
    enum { QUESTIONS = 5 };
    struct room *room = *state;
    struct client *client = client_new(room);

    room->is_holding = true;
    for (unsigned i = 0; i < QUESTIONS; i++)
        client_ask(client, "x");
    expect_requests(room, QUESTIONS);
    client_drop(client);
    wire_run_until(room->loop, has_peer_left, room);
    wire_run_turns(room->loop, 10);
    assert_int_equal(room->abandoned, QUESTIONS);
    assert_int_equal(room->closed, 1);
    assert_int_equal(counters(room).peers, 0);
    assert_int_equal(counters(room).refused, 0);
}

static void the_death_of_a_peer_that_is_not_read_is_seen(void **state)
{
    struct room *room = *state;
    struct client *client = client_new(room);

    room->is_holding = true;
    for (unsigned i = 0; i < SP_REQUESTS_MAX + 6; i++)
        client_ask(client, "x");
    expect_requests(room, SP_REQUESTS_MAX);
    client_drop(client);
    wire_run_until(room->loop, has_peer_left, room);
    assert_int_equal(room->abandoned, SP_REQUESTS_MAX);
}

static void the_end_of_the_server_abandons_what_is_held(void **state)
{
    struct room *room = *state;
    const struct client *client = client_new(room);

    room->is_holding = true;
    client_ask(client, "x");
    client_ask(client, "y");
    expect_requests(room, 2);
    sp_server_destroy(room->server);
    room->server = NULL;
    assert_int_equal(room->abandoned, 2);
    assert_int_equal(room->closed, 1);
}

/* --- tests: the feed */

static struct client *follower_new(struct room *room)
{
    struct client *client = client_tcp(room, 1);

    client_say(client, greeting_sub, sizeof(greeting_sub));
    return client;
}

static void every_follower_gets_what_is_published(void **state)
{
    static const uint8_t tcp_feed[] = { 0, 'S', 'P', 0, 0, 0x20, 0,   0,   0,  0,
                                        0, 0,   0,   0, 0, 3,    'f', 'o', 'o' };
    static const uint8_t unix_feed[] = { 0, 'S', 'P', 0, 0, 0x20, 0, 0,   1,   0,
                                         0, 0,   0,   0, 0, 0,    3, 'f', 'o', 'o' };
    struct room *room = *state;
    autofree char *path = mem_text("%s/s", room->scratch);
    autofree char *url = mem_text("unix://%s", path);
    struct client *over_tcp;
    struct client *over_unix;

    assert_int_equal(sp_listen_feed(room->server, "tcp://127.0.0.1:0", NULL, NULL), 0);
    assert_int_equal(sp_listen_feed(room->server, url, NULL, NULL), 0);
    over_tcp = follower_new(room);
    over_unix = client_unix(room, path);
    client_say(over_unix, greeting_sub, sizeof(greeting_sub));
    wire_run_until(room->loop, has_two_followers, room);
    sp_publish(room->server, bytes_of_text("foo"));
    expect_bytes(over_tcp, tcp_feed, sizeof(tcp_feed));
    expect_bytes(over_unix, unix_feed, sizeof(unix_feed));
}

static void a_follower_that_does_not_read_is_cut(void **state)
{
    enum { SIZE = 64 * 1024, MESSAGES_MAX = 4096 };
    struct room *room = *state;
    autofree uint8_t *message = mem_zeroed(SIZE);
    struct client *slow;
    struct client *good;

    assert_int_equal(sp_listen_feed(room->server, "tcp://127.0.0.1:0", NULL, NULL), 0);
    good = follower_new(room);
    slow = follower_new(room);
    wire_run_until(room->loop, has_two_followers, room);
    (void)event_del(slow->readable);
    for (unsigned i = 0; i < MESSAGES_MAX && !has_cut_a_follower(room); i++) {
        sp_publish(room->server, (struct bytes){ .data = message, .size = SIZE });
        good->wanted = sizeof(greeting_rep) + (i + 1) * (size_t)(8 + SIZE);
        wire_run_until(room->loop, client_has_read, good);
    }
    assert_int_equal(counters(room).feed_cut, 1);
    assert_int_equal(sp_follower_count(room->server), 1);
    assert_false(good->is_ended);
}

static void a_follower_that_talks_is_cut(void **state)
{
    struct room *room = *state;
    struct client *client;

    assert_int_equal(sp_listen_feed(room->server, "tcp://127.0.0.1:0", NULL, NULL), 0);
    client = follower_new(room);
    client_ask(client, "x");
    wire_run_until(room->loop, client_has_ended, client);
    assert_int_equal(counters(room).refused, 1);
    assert_int_equal(room->requests, 0);
    assert_int_equal(sp_follower_count(room->server), 0);
}

/* --- tests: listening */

static void a_bad_url_is_refused(void **state)
{
    static const char *const urls[] = { "",
                                        "nothing",
                                        "http://127.0.0.1:80",
                                        "tcp://127.0.0.1",
                                        "tcp://127.0.0.1:",
                                        "tcp://127.0.0.1:65536",
                                        "tcp://127.0.0.1:http",
                                        "tcp://::1:80",
                                        "unix://relative",
                                        "unix://" };
    struct room *room = *state;
    struct error err;

    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
        assert_int_equal(sp_listen(room->server, urls[i], NULL, &err), -EINVAL);
    assert_int_equal(sp_listen(room->server, "tls+tcp://127.0.0.1:0", NULL, &err), -EINVAL);
}

static void a_port_that_is_taken_is_said(void **state)
{
    struct room *room = *state;
    autofree char *url = mem_text("tcp://127.0.0.1:%u", sp_port(room->server, 0));
    struct error err;

    assert_int_equal(sp_listen(room->server, url, NULL, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, url));
}

static void a_unix_socket_is_replaced_only_when_nobody_serves_it(void **state)
{
    struct room *room = *state;
    autofree char *path = mem_text("%s/s", room->scratch);
    autofree char *url = mem_text("unix://%s", path);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat status;
    int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(stale);
    listen_on(room, url);
    assert_int_equal(sp_listen(room->server, url, NULL, NULL), -EADDRINUSE);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    sp_server_destroy(room->server);
    room->server = NULL;
    assert_int_equal(stat(path, &status), -1);
}

static void a_file_in_the_way_is_left_alone(void **state)
{
    struct room *room = *state;
    autofree char *url = mem_text("unix://%s", room->scratch);

    assert_int_equal(sp_listen(room->server, url, NULL, NULL), -EEXIST);
}

static void a_unix_path_that_is_too_long_is_refused(void **state)
{
    struct room *room = *state;
    autofree char *url = mem_text("unix:///%0200d", 0);

    assert_int_equal(sp_listen(room->server, url, NULL, NULL), -ENAMETOOLONG);
}

/* All descriptors below the limit are taken: the client waits until one is given back. */
static void running_out_of_descriptors_is_survived(void **state)
{
    struct room *room = *state;
    struct client *client = client_tcp(room, 0);
    struct rlimit before;
    struct rlimit tight;
    int last = dup(client->fd);
    int filler[1024];
    unsigned count = 0;

    client_greet(client);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)last + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while (count < 1024 && (filler[count] = dup(client->fd)) >= 0)
        count++;
    wire_run_turns(room->loop, 50);
    assert_int_equal(counters(room).connected, 0);
    (void)close(last);
    wire_run_until(room->loop, is_connected, room);
    while (count > 0)
        (void)close(filler[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(counters(room).refused, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reply_echoes_every_id),
        TEST(a_message_may_come_byte_by_byte),
        TEST(a_unix_peer_speaks_ipc_and_is_known_by_its_credentials),
        TEST(a_tcp_peer_is_known_by_its_address),
        TEST(a_wrong_greeting_is_refused),
        TEST(a_greeting_of_another_protocol_is_refused),
        TEST(a_length_that_is_too_large_is_refused),
        TEST(a_request_without_an_id_is_refused),
        TEST(half_a_greeting_has_a_deadline),
        TEST(a_peer_may_be_closed_when_it_connects),
        TEST(a_peer_may_be_closed_when_it_asks),
        TEST(requests_beyond_the_maximum_wait_in_the_socket),
        TEST(a_later_request_may_be_answered_first),
        TEST(bytes_of_requests_beyond_the_maximum_wait_too),
        TEST(a_peer_that_does_not_read_its_replies_is_not_read),
        TEST(requests_of_a_dead_peer_are_abandoned_once),
        TEST(the_death_of_a_peer_that_is_not_read_is_seen),
        TEST(the_end_of_the_server_abandons_what_is_held),
        TEST(every_follower_gets_what_is_published),
        TEST(a_follower_that_does_not_read_is_cut),
        TEST(a_follower_that_talks_is_cut),
        TEST(a_bad_url_is_refused),
        TEST(a_port_that_is_taken_is_said),
        TEST(a_unix_socket_is_replaced_only_when_nobody_serves_it),
        TEST(a_file_in_the_way_is_left_alone),
        TEST(a_unix_path_that_is_too_long_is_refused),
        TEST(running_out_of_descriptors_is_survived),
    };

    return cmocka_run_group_tests_name("sp", tests, NULL, NULL);
}
