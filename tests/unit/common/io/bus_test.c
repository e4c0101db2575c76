/* Questions, answers and the feed: libnng on one side, sp on the other, in one loop. */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/io/bus.h"
#include "common/io/bus_link.h"
#include "common/io/sp.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "tests/support/wire.h"

#define LONG_MS   120000
#define HELD_MAX  64
#define KICK_EACH 40

struct room {
    struct event_base *loop;
    struct sp_server *server;
    struct bus *bus;
    char *scratch;
    char *url;
    struct sp_request *held[HELD_MAX];
    unsigned held_count;
    unsigned asked;   /* requests that the server saw */
    unsigned kicks;   /* left: the peer of each KICK_EACH-th request is closed */
    bool is_holding;  /* the server does not answer */
    bool is_babbling; /* it answers what is no frame */
    unsigned answers; /* callbacks of questions */
    int last_result;
    char last_type[32];
    unsigned links_made;
    unsigned links_lost;
    unsigned feed_count;
    char feed_last[16];
    bool close_on_answer;
    struct bus_feed *feed;
};

/* --- the server */

static void reply_done(struct sp_request *request)
{
    struct buffer frame = { 0 };

    frame_encode(&done_schema, &(struct nothing){ 0 }, &frame);
    sp_reply(request, buffer_bytes(&frame));
    buffer_done(&frame);
}

static void on_request(void *owner, struct sp_request *request, struct bytes body)
{
    struct room *room = owner;

    (void)body;
    room->asked++;
    if (room->kicks > 0 && room->asked % KICK_EACH == 0) {
        room->kicks--;
        sp_peer_close(sp_request_peer(request)); /* the replies before it are lost, too */
    } else if (room->is_babbling) {
        sp_reply(request, bytes_of_text("babble"));
    } else if (room->is_holding && room->held_count < HELD_MAX) {
        room->held[room->held_count++] = request;
    } else {
        reply_done(request);
    }
}

static void on_abandoned(void *owner, struct sp_request *request)
{
    struct room *room = owner;

    for (unsigned i = 0; i < room->held_count; i++) {
        if (room->held[i] != request)
            continue;
        room->held[i] = room->held[--room->held_count];
        return;
    }
}

static void on_closed(void *owner, struct sp_peer *peer)
{
    (void)owner;
    (void)peer;
}

static const struct sp_handlers handlers = {
    .on_request = on_request,
    .on_closed = on_closed,
    .on_abandoned = on_abandoned,
};

static void serve(struct room *room, const char *url, const struct sp_tls *tls)
{
    struct error err = { 0 };

    assert_int_equal(sp_server_new(room->loop, &handlers, room, &room->server, &err), 0);
    if (sp_listen(room->server, url, tls, &err) < 0)
        fail_msg("%s", err.text);
}

static void stop_serving(struct room *room)
{
    sp_server_destroy(room->server);
    room->server = NULL;
}

/* --- the asker */

static void on_answer(void *owner, int result, const char *type, struct bytes body)
{
    struct room *room = owner;

    (void)body;
    room->answers++;
    room->last_result = result;
    (void)strncpy(room->last_type, type == NULL ? "" : type, sizeof(room->last_type) - 1);
    if (room->close_on_answer) {
        bus_close(room->bus);
        room->bus = NULL;
    }
}

static void on_link(void *owner, bool is_connected)
{
    struct room *room = owner;

    if (is_connected)
        room->links_made++;
    else
        room->links_lost++;
}

static void connect_bus(struct room *room, const char *url, const struct bus_tls *tls)
{
    struct error err = { 0 };

    if (bus_open(room->loop, url, tls, on_link, room, &room->bus, &err) < 0)
        fail_msg("%s", err.text);
}

static struct bus_question *ask(struct room *room, unsigned timeout_ms)
{
    struct bus_question *question;

    assert_int_equal(bus_ask(room->bus, &info_schema, &(struct nothing){ 0 }, timeout_ms, on_answer,
                             room, &question, NULL),
                     0);
    return question;
}

/* --- conditions */

static bool is_answered(void *arg)
{
    const struct room *room = arg;

    return room->answers >= 1;
}

static bool is_held(void *arg)
{
    const struct room *room = arg;

    return room->held_count >= 1;
}

static bool is_linked(void *arg)
{
    const struct room *room = arg;

    return room->links_made > room->links_lost;
}

static bool is_unlinked(void *arg)
{
    const struct room *room = arg;

    return room->links_made == room->links_lost;
}

/* --- fixture */

static int set_up(void **state)
{
    struct room *room = mem_new(struct room);

    room->loop = event_base_new();
    room->scratch = wire_scratch_new();
    room->url = mem_text("unix://%s/bus", room->scratch);
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;

    bus_feed_close(room->feed);
    bus_close(room->bus);
    sp_server_destroy(room->server);
    event_base_free(room->loop);
    wire_scratch_remove(room->scratch);
    free(room->url);
    free(room);
    return 0;
}

static void expect_done(struct room *room)
{
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->answers, 1);
    assert_int_equal(room->last_result, 0);
    assert_string_equal(room->last_type, "done");
}

/* --- tests */

static void a_question_over_a_unix_socket_is_answered(void **state)
{
    struct room *room = *state;

    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    ask(room, LONG_MS);
    expect_done(room);
    assert_int_equal(room->links_made, 1);
}

static void a_question_over_tcp_is_answered(void **state)
{
    struct room *room = *state;
    autofree char *url = NULL;

    serve(room, "tcp://127.0.0.1:0", NULL);
    url = mem_text("tcp://127.0.0.1:%u", sp_port(room->server, 0));
    connect_bus(room, url, NULL);
    ask(room, LONG_MS);
    expect_done(room);
}

struct papers {
    char *authority;
    char *broker;
    char *broker_key;
    char *worker;
    char *worker_key;
};

static void papers_make(struct papers *papers, const char *directory)
{
    wire_certificates(directory, "ca");
    wire_certificates(directory, "broker b");
    wire_certificates(directory, "worker w");
    *papers = (struct papers){
        .authority = mem_text("%s/ca.pem", directory),
        .broker = mem_text("%s/broker-b.pem", directory),
        .broker_key = mem_text("%s/broker-b.key", directory),
        .worker = mem_text("%s/worker-w.pem", directory),
        .worker_key = mem_text("%s/worker-w.key", directory),
    };
}

static void papers_free(struct papers *papers)
{
    free(papers->authority);
    free(papers->broker);
    free(papers->broker_key);
    free(papers->worker);
    free(papers->worker_key);
}

static void a_question_over_tls_is_answered(void **state)
{
    struct room *room = *state;
    autofree char *url = NULL;
    struct papers papers;

    papers_make(&papers, room->scratch);
    serve(room, "tls+tcp://127.0.0.1:0",
          &(struct sp_tls){ papers.broker, papers.broker_key, papers.authority });
    url = mem_text("tls+tcp://127.0.0.1:%u", sp_port(room->server, 0)); /* its name, too */
    connect_bus(room, url,
                &(struct bus_tls){ papers.worker, papers.worker_key, papers.authority, NULL });
    ask(room, LONG_MS);
    expect_done(room);
    papers_free(&papers);
}

static void a_broker_with_another_name_is_not_asked(void **state)
{
    struct room *room = *state;
    autofree char *url = NULL;
    struct papers papers;

    papers_make(&papers, room->scratch);
    serve(room, "tls+tcp://127.0.0.1:0",
          &(struct sp_tls){ papers.broker, papers.broker_key, papers.authority });
    url = mem_text("tls+tcp://127.0.0.1:%u", sp_port(room->server, 0));
    connect_bus(
        room, url,
        &(struct bus_tls){ papers.worker, papers.worker_key, papers.authority, "other.example" });
    ask(room, 500);
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->last_result, -ETIMEDOUT);
    assert_int_equal(room->asked, 0);
    papers_free(&papers);
}

static void a_question_waits_for_the_broker_to_come(void **state)
{
    struct room *room = *state;

    connect_bus(room, room->url, NULL);
    ask(room, LONG_MS);
    wire_run_turns(room->loop, 10);
    serve(room, room->url, NULL);
    expect_done(room);
}

/* `url` is where the server will be twice. */
static void survive_a_restart(struct room *room, const char *url, const struct sp_tls *tls,
                              const struct bus_tls *bus_tls)
{
    room->is_holding = true;
    serve(room, url, tls);
    connect_bus(room, url, bus_tls);
    ask(room, LONG_MS);
    wire_run_until(room->loop, is_linked, room);
    wire_run_until(room->loop, is_held, room);
    stop_serving(room);
    assert_int_equal(room->held_count, 0);
    wire_run_until(room->loop, is_unlinked, room);
    room->is_holding = false;
    serve(room, url, tls);
    expect_done(room);
    assert_int_equal(room->links_made, 2);
    assert_int_equal(room->links_lost, 1);
}

/* A port that was free a moment ago, on an address that nobody else uses. */
static char *own_url(struct room *room, const char *scheme)
{
    autofree char *any = mem_text("tcp://%s:0", wire_own_address());
    char *url;

    serve(room, any, NULL);
    url = mem_text("%s://%s:%u", scheme, wire_own_address(), sp_port(room->server, 0));
    stop_serving(room);
    return url;
}

static void a_held_question_survives_a_restart_over_unix(void **state)
{
    struct room *room = *state;

    survive_a_restart(room, room->url, NULL, NULL);
}

static void a_held_question_survives_a_restart_over_tcp(void **state)
{
    struct room *room = *state;
    autofree char *url = own_url(room, "tcp");

    survive_a_restart(room, url, NULL, NULL);
}

/* nng can miss the death of a TLS peer: then the question's own time-out helps, as in life. */
static void a_question_is_answered_after_a_restart_over_tls(void **state)
{
    struct room *room = *state;
    autofree char *url = own_url(room, "tls+tcp");
    struct papers papers;

    papers_make(&papers, room->scratch);
    const struct sp_tls server = { papers.broker, papers.broker_key, papers.authority };
    room->is_holding = true;
    serve(room, url, &server);
    connect_bus(
        room, url,
        &(struct bus_tls){ papers.worker, papers.worker_key, papers.authority, "localhost" });
    ask(room, 10000);
    wire_run_until(room->loop, is_held, room);
    stop_serving(room);
    room->is_holding = false;
    serve(room, url, &server);
    wire_run_until(room->loop, is_answered, room);
    while (room->last_result == -ETIMEDOUT) {
        room->answers = 0;
        ask(room, 10000);
        wire_run_until(room->loop, is_answered, room);
    }
    assert_int_equal(room->last_result, 0);
    papers_free(&papers);
}

static bool is_late(void *arg)
{
    const struct room *room = arg;

    return room->answers >= 2;
}

static void a_question_survives_that_its_socket_is_replaced(void **state)
{
    struct room *room = *state;

    connect_bus(room, room->url, NULL);
    bus_set_patience_ms(room->bus, 30);
    ask(room, LONG_MS);
    ask(room, 400); /* time enough for some sockets */
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->last_result, -ETIMEDOUT);
    bus_set_patience_ms(room->bus, BUS_LINK_STALE_MS);
    serve(room, room->url, NULL);
    wire_run_until(room->loop, is_late, room);
    assert_int_equal(room->last_result, 0);
    assert_int_equal(room->answers, 2);
}

static void many_questions_survive_a_broker_that_cuts_connections(void **state)
{
    enum { QUESTIONS = 300 };
    struct room *room = *state;

    room->kicks = 8;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    for (unsigned i = 0; i < QUESTIONS; i++)
        ask(room, LONG_MS);
    while (room->answers < QUESTIONS) {
        unsigned before = room->answers;

        room->answers = 0;
        wire_run_until(room->loop, is_answered, room);
        assert_int_equal(room->last_result, 0);
        room->answers += before;
    }
    assert_int_equal(room->answers, QUESTIONS);
}

static void nobody_answers_in_time(void **state)
{
    struct room *room = *state;

    room->is_holding = true;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    ask(room, 50);
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->last_result, -ETIMEDOUT);
}

static void no_broker_is_a_timeout(void **state)
{
    struct room *room = *state;

    connect_bus(room, room->url, NULL);
    ask(room, 50);
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->last_result, -ETIMEDOUT);
}

static void a_late_reply_is_nobodys(void **state)
{
    struct room *room = *state;

    room->is_holding = true;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    wire_run_until(room->loop, is_linked, room);
    ask(room, 1500);
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->last_result, -ETIMEDOUT);
    room->is_holding = false;
    while (room->held_count > 0)
        reply_done(room->held[--room->held_count]);
    room->answers = 0;
    ask(room, LONG_MS);
    expect_done(room);
}

static void a_cancelled_question_is_never_answered(void **state)
{
    struct room *room = *state;

    room->is_holding = true;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    bus_cancel(ask(room, LONG_MS)); /* before it is sent */
    struct bus_question *held = ask(room, LONG_MS);
    wire_run_until(room->loop, is_held, room);
    bus_cancel(held); /* while the broker holds it */
    room->is_holding = false;
    while (room->held_count > 0)
        reply_done(room->held[--room->held_count]);
    ask(room, LONG_MS);
    expect_done(room);
}

static void a_reply_that_is_no_frame_is_bad(void **state)
{
    struct room *room = *state;

    room->is_babbling = true;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    ask(room, LONG_MS);
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->last_result, -EBADMSG);
}

static void a_bus_may_be_closed_by_an_answer(void **state)
{
    struct room *room = *state;

    room->close_on_answer = true;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    for (unsigned i = 0; i < 20; i++)
        ask(room, LONG_MS);
    wire_run_until(room->loop, is_answered, room);
    wire_run_turns(room->loop, 10);
    assert_int_equal(room->answers, 1);
    assert_null(room->bus);
}

static void a_bus_may_be_closed_by_a_timeout(void **state)
{
    struct room *room = *state;

    room->close_on_answer = true;
    connect_bus(room, room->url, NULL);
    ask(room, 20);
    ask(room, LONG_MS);
    wire_run_until(room->loop, is_answered, room);
    assert_int_equal(room->answers, 1);
    assert_null(room->bus);
}

static void closing_drops_what_is_open(void **state)
{
    struct room *room = *state;

    room->is_holding = true;
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    for (unsigned i = 0; i < 10; i++)
        ask(room, LONG_MS);
    wire_run_until(room->loop, is_held, room);
    bus_close(room->bus);
    room->bus = NULL;
    wire_run_turns(room->loop, 10);
    assert_int_equal(room->answers, 0);
}

static void too_many_questions_are_refused(void **state)
{
    struct room *room = *state;

    connect_bus(room, room->url, NULL);
    for (unsigned i = 0; i < BUS_QUESTIONS_MAX; i++)
        ask(room, LONG_MS);
    assert_int_equal(bus_ask(room->bus, &info_schema, &(struct nothing){ 0 }, LONG_MS, on_answer,
                             room, NULL, NULL),
                     -EAGAIN);
}

static void a_question_has_a_largest_size(void **state)
{
    struct room *room = *state;
    autofree char *text = mem_zeroed(MESSAGE_SIZE_MAX + 1);
    struct error err = { 0 };

    memset(text, 'x', MESSAGE_SIZE_MAX);
    connect_bus(room, room->url, NULL);
    assert_int_equal(bus_ask(room->bus, &fetch_schema, &(struct fetch){ .stream = text }, LONG_MS,
                             on_answer, room, NULL, &err),
                     -EMSGSIZE);
    assert_non_null(strstr(err.text, "ask fetch"));
}

static void a_large_question_may_be_the_first(void **state)
{
    struct room *room = *state;
    const size_t size = MESSAGE_SIZE_MAX - 1024;
    autofree char *text = mem_zeroed(size + 1);

    memset(text, 'x', size);
    serve(room, room->url, NULL);
    connect_bus(room, room->url, NULL);
    assert_int_equal(bus_ask(room->bus, &fetch_schema, &(struct fetch){ .stream = text }, LONG_MS,
                             on_answer, room, NULL, NULL),
                     0);
    expect_done(room);
}

static void a_bad_url_is_refused(void **state)
{
    static const char *const urls[] = { "",          "nothing",      "http://127.0.0.1:80",
                                        "tcp://",    "unix://where", "tcp://127.0.0.1",
                                        "inproc://x" };
    struct room *room = *state;
    struct error err;

    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
        assert_int_equal(bus_open(room->loop, urls[i], NULL, NULL, NULL, &room->bus, &err),
                         -EINVAL);
    assert_int_equal(
        bus_open(room->loop, "tls+tcp://127.0.0.1:9", NULL, NULL, NULL, &room->bus, &err), -EINVAL);
}

static void on_feed(void *owner, struct bytes message)
{
    struct room *room = owner;

    room->feed_count++;
    memcpy(room->feed_last, message.data,
           message.size < sizeof(room->feed_last) ? message.size : sizeof(room->feed_last) - 1);
}

static bool has_follower(void *arg)
{
    const struct room *room = arg;

    return sp_follower_count(room->server) == 1;
}

static bool has_feed(void *arg)
{
    const struct room *room = arg;

    return room->feed_count == 3;
}

static void a_feed_is_followed(void **state)
{
    struct room *room = *state;
    autofree char *url = mem_text("unix://%s/feed", room->scratch);

    serve(room, room->url, NULL);
    assert_int_equal(sp_listen_feed(room->server, url, NULL, NULL), 0);
    assert_int_equal(bus_follow(room->loop, url, NULL, on_feed, room, &room->feed, NULL), 0);
    wire_run_until(room->loop, has_follower, room);
    for (const char *const *text = (const char *const[]){ "f1", "f2", "f3", NULL }; *text != NULL;
         text++)
        sp_publish(room->server, bytes_of_text(*text));
    wire_run_until(room->loop, has_feed, room);
    assert_string_equal(room->feed_last, "f3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_question_over_a_unix_socket_is_answered),
        TEST(a_question_over_tcp_is_answered),
        TEST(a_question_over_tls_is_answered),
        TEST(a_broker_with_another_name_is_not_asked),
        TEST(a_question_waits_for_the_broker_to_come),
        TEST(a_held_question_survives_a_restart_over_unix),
        TEST(a_held_question_survives_a_restart_over_tcp),
        TEST(a_question_is_answered_after_a_restart_over_tls),
        TEST(a_question_survives_that_its_socket_is_replaced),
        TEST(many_questions_survive_a_broker_that_cuts_connections),
        TEST(nobody_answers_in_time),
        TEST(no_broker_is_a_timeout),
        TEST(a_late_reply_is_nobodys),
        TEST(a_cancelled_question_is_never_answered),
        TEST(a_reply_that_is_no_frame_is_bad),
        TEST(a_bus_may_be_closed_by_an_answer),
        TEST(a_bus_may_be_closed_by_a_timeout),
        TEST(closing_drops_what_is_open),
        TEST(too_many_questions_are_refused),
        TEST(a_question_has_a_largest_size),
        TEST(a_large_question_may_be_the_first),
        TEST(a_bad_url_is_refused),
        TEST(a_feed_is_followed),
    };

    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
