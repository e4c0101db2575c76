/* Mutual TLS at the broker's side: who gets in, as whom. The clients are OpenSSL's. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/io/sp.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "tests/support/wire.h"

struct room {
    struct event_base *loop;
    struct sp_server *server;
    char *scratch; /* with ca, broker-b, worker-w, and beside them stranger/ and nameless.pem */
    struct sp_peer *peer;
    SSL_CTX *client_context;
    struct bufferevent *client;
    bool is_client_ended;
    unsigned requests;
    unsigned refusals;
    char name[300];
    char why[ERROR_TEXT_MAX];
    size_t wanted; /* bytes, for has_read */
};

/* --- the server */

static void on_request(void *owner, struct sp_request *request, struct bytes body)
{
    struct room *room = owner;

    room->requests++;
    sp_reply(request, body);
}

static void on_connected(void *owner, struct sp_peer *peer)
{
    const struct sp_identity *identity = sp_peer_identity(peer);
    struct room *room = owner;

    room->peer = peer;
    assert_int_equal(identity->transport, SP_TLS);
    (void)snprintf(room->name, sizeof(room->name), "%s",
                   identity->name == NULL ? "nobody" : identity->name);
}

static void on_closed(void *owner, struct sp_peer *peer)
{
    struct room *room = owner;

    assert_ptr_equal(room->peer, peer);
    room->peer = NULL;
}

static void on_refused(void *owner, const struct sp_identity *identity, const struct error *why)
{
    struct room *room = owner;

    (void)identity;
    room->refusals++;
    (void)snprintf(room->why, sizeof(room->why), "%s", why->text);
}

static const struct sp_handlers handlers = {
    .on_request = on_request,
    .on_closed = on_closed,
    .on_connected = on_connected,
    .on_refused = on_refused,
};

static int listen_with(struct room *room, const char *certificate, const char *key,
                       const char *authority, struct error *err)
{
    autofree char *certificate_path = mem_text("%s/%s", room->scratch, certificate);
    autofree char *key_path = mem_text("%s/%s", room->scratch, key);
    autofree char *authority_path = mem_text("%s/%s", room->scratch, authority);

    return sp_listen(room->server, "tls+tcp://127.0.0.1:0",
                     &(struct sp_tls){ certificate_path, key_path, authority_path }, err);
}

static void serve(struct room *room)
{
    struct error err = { 0 };

    if (listen_with(room, "broker-b.pem", "broker-b.key", "ca.pem", &err) < 0)
        fail_msg("%s", err.text);
}

/* --- the client */

static void on_client_event(struct bufferevent *client, short what, void *arg)
{
    struct room *room = arg;

    (void)client;
    if ((what & BEV_EVENT_CONNECTED) == 0)
        room->is_client_ended = true;
}

static void connect_client(struct room *room, SSL *session)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(sp_port(room->server, 0)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    room->client =
        session == NULL
            ? bufferevent_socket_new(room->loop, -1, BEV_OPT_CLOSE_ON_FREE)
            : bufferevent_openssl_socket_new(room->loop, -1, session, BUFFEREVENT_SSL_CONNECTING,
                                             BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    bufferevent_setcb(room->client, NULL, NULL, on_client_event, room);
    (void)bufferevent_enable(room->client, EV_READ | EV_WRITE);
    assert_int_equal(
        bufferevent_socket_connect(room->client, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* As who `certificate` says; NULL: as nobody. */
static void connect_as(struct room *room, const char *certificate, int version)
{
    autofree char *pem = mem_text("%s/%s.pem", room->scratch, certificate);
    autofree char *key = mem_text("%s/%s.key", room->scratch, certificate);

    room->client_context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(room->client_context, version);
    if (certificate != NULL) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(room->client_context, pem), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(room->client_context, key, SSL_FILETYPE_PEM),
                         1);
    }
    connect_client(room, SSL_new(room->client_context));
}

static void say(struct room *room, const void *data, size_t size)
{
    (void)bufferevent_write(room->client, data, size);
}

static void greet(struct room *room)
{
    say(room, "\0SP\0\0\x30\0\0", 8);
}

/* A request of `size` bytes, its id included. */
static void ask(struct room *room, size_t size)
{
    uint8_t head[8] = { 0, 0, 0, 0, 0, (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size };
    autofree uint8_t *request = mem_zeroed(size);

    request[0] = 0x80;
    say(room, head, sizeof(head));
    say(room, request, size);
}

static bool has_read(void *arg)
{
    const struct room *room = arg;

    return evbuffer_get_length(bufferevent_get_input(room->client)) >= room->wanted;
}

static bool has_refused(void *arg)
{
    return ((const struct room *)arg)->refusals > 0;
}

static bool is_connected(void *arg)
{
    return ((const struct room *)arg)->peer != NULL;
}

static void expect_echo(struct room *room, size_t size)
{
    struct evbuffer *input = bufferevent_get_input(room->client);

    room->wanted = 8 + 8 + size;
    wire_run_until(room->loop, has_read, room);
    assert_int_equal(evbuffer_get_length(input), room->wanted);
    assert_memory_equal(evbuffer_pullup(input, 8), "\0SP\0\0\x31\0\0", 8);
}

static void expect_refusal(struct room *room, const char *why)
{
    wire_run_until(room->loop, has_refused, room);
    assert_int_equal(room->requests, 0);
    assert_int_equal(sp_counters(room->server).refused, 1);
    if (strstr(room->why, why) == NULL)
        fail_msg("%s", room->why);
}

/* --- fixture */

/* Signed by the authority, but with no name of ours. */
static void make_nameless(const char *scratch)
{
    autofree char *command =
        mem_text("cd '%s' && cp worker-w.key nameless.key && "
                 "openssl req -new -key nameless.key -subj /CN=gantry:~~worker~w 2>/dev/null | "
                 "openssl x509 -req -days 1 -CA ca.pem -CAkey ca.key -set_serial 7 "
                 "-out nameless.pem 2>/dev/null",
                 scratch);

    wire_run(command);
}

static int make_scratch(void **state)
{
    char *scratch = wire_scratch_new();
    autofree char *stranger = mem_text("%s/stranger", scratch);

    wire_certificates(scratch, "ca");
    wire_certificates(scratch, "broker b");
    wire_certificates(scratch, "worker w");
    wire_certificates(stranger, "ca");
    wire_certificates(stranger, "worker w");
    make_nameless(scratch);
    *state = scratch;
    return 0;
}

static int remove_scratch(void **state)
{
    wire_scratch_remove(*state);
    return 0;
}

static int set_up(void **state)
{
    struct room *room = mem_new(struct room);

    room->scratch = *state;
    room->loop = event_base_new();
    assert_int_equal(sp_server_new(room->loop, &handlers, room, &room->server, NULL), 0);
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;

    if (room->client != NULL)
        bufferevent_free(room->client);
    SSL_CTX_free(room->client_context);
    sp_server_destroy(room->server);
    wire_run_turns(room->loop, 5);
    event_base_free(room->loop);
    *state = room->scratch;
    free(room);
    return 0;
}

/* --- tests */

static void a_peer_is_who_its_certificate_says(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_as(room, "worker-w", TLS1_3_VERSION);
    greet(room);
    ask(room, 300 * 1024);
    expect_echo(room, 300 * 1024);
    assert_string_equal(room->name, "gantry://worker/w");
}

static void tls_1_2_is_enough(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_as(room, "worker-w", TLS1_2_VERSION);
    greet(room);
    ask(room, 10);
    expect_echo(room, 10);
    assert_string_equal(room->name, "gantry://worker/w");
}

static void a_client_without_a_certificate_is_refused(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_as(room, NULL, TLS1_3_VERSION);
    greet(room);
    ask(room, 10);
    expect_refusal(room, "TLS: peer did not return a certificate");
}

static void a_certificate_of_another_authority_is_refused(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_as(room, "stranger/worker-w", TLS1_2_VERSION);
    greet(room);
    ask(room, 10);
    expect_refusal(room, "TLS: certificate verify failed");
}

static void plain_bytes_are_refused(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_client(room, NULL);
    greet(room);
    expect_refusal(room, "TLS: ");
}

static void silence_has_a_deadline(void **state)
{
    struct room *room = *state;

    serve(room);
    sp_set_greeting_ms(room->server, 50);
    connect_client(room, NULL);
    expect_refusal(room, "no greeting in time");
}

static void a_peer_without_a_name_says_little_until_it_is_accepted(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_as(room, "nameless", TLS1_3_VERSION);
    greet(room);
    wire_run_until(room->loop, is_connected, room);
    assert_string_equal(room->name, "nobody");
    ask(room, MESSAGE_UNKNOWN_MAX);
    expect_echo(room, MESSAGE_UNKNOWN_MAX);
    ask(room, MESSAGE_UNKNOWN_MAX + 1);
    room->requests = 0;
    expect_refusal(room, "at most 4096");
}

static void a_peer_without_a_name_may_be_accepted(void **state)
{
    struct room *room = *state;

    serve(room);
    connect_as(room, "nameless", TLS1_3_VERSION);
    greet(room);
    wire_run_until(room->loop, is_connected, room);
    sp_peer_accept(room->peer);
    ask(room, MESSAGE_SIZE_MAX);
    expect_echo(room, MESSAGE_SIZE_MAX);
}

static void files_that_cannot_be_used_are_named(void **state)
{
    struct room *room = *state;
    struct error err;

    assert_int_equal(listen_with(room, "none.pem", "broker-b.key", "ca.pem", &err), -EINVAL);
    assert_non_null(strstr(err.text, "none.pem"));
    assert_int_equal(listen_with(room, "broker-b.pem", "none.key", "ca.pem", &err), -EINVAL);
    assert_non_null(strstr(err.text, "none.key"));
    assert_int_equal(listen_with(room, "broker-b.pem", "worker-w.key", "ca.pem", &err), -EINVAL);
    assert_non_null(strstr(err.text, "worker-w.key"));
    assert_int_equal(listen_with(room, "broker-b.pem", "broker-b.key", "none.pem", &err), -EINVAL);
    assert_non_null(strstr(err.text, "none.pem"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_peer_is_who_its_certificate_says),
        TEST(tls_1_2_is_enough),
        TEST(a_client_without_a_certificate_is_refused),
        TEST(a_certificate_of_another_authority_is_refused),
        TEST(plain_bytes_are_refused),
        TEST(silence_has_a_deadline),
        TEST(a_peer_without_a_name_says_little_until_it_is_accepted),
        TEST(a_peer_without_a_name_may_be_accepted),
        TEST(files_that_cannot_be_used_are_named),
    };

    return cmocka_run_group_tests_name("sp_tls", tests, make_scratch, remove_scratch);
}
