/* Questions on the bus, each on a lane of its own; see the header. */
#include "common/io/bus.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/io/bus_dial.h"
#include "common/io/bus_lane.h"
#include "common/mem.h"
#include "schemas/codec.h"

struct bus_question {
    struct bus *bus;
    struct buffer frame; /* what is asked */
    bus_answer_fn *answer;
    void *owner;
    struct event *timeout;
    struct bus_lane *lane; /* NULL: waits for one */
    TAILQ_ENTRY(bus_question) link;
};

struct bus {
    struct event_base *loop;
    struct bus_dial *dial; /* for every lane */
    void (*on_connected)(void *owner, bool is_connected);
    void *owner;
    unsigned patience_ms; /* 0: the lanes' own */
    struct bus_lane *lanes[BUS_LANES_MAX];
    unsigned lane_count;
    unsigned connected_count; /* of the lanes */
    unsigned question_count;
    TAILQ_HEAD(, bus_question) questions; /* the oldest first: those with a lane, then the rest */
    bool is_busy;                         /* a callback is on the stack */
    bool is_dead;                         /* closed by a callback: freed when that returns */
};

/* --- life of the struct */

static void bus_free(struct bus *bus)
{
    bus_dial_destroy(bus->dial);
    free(bus);
}

static void bus_enter(struct bus *bus)
{
    assert(!bus->is_busy);
    bus->is_busy = true;
}

static void bus_leave(struct bus *bus)
{
    bus->is_busy = false;
    if (bus->is_dead)
        bus_free(bus);
}

/* --- questions */

static void question_free(struct bus_question *question)
{
    struct bus *bus = question->bus;

    TAILQ_REMOVE(&bus->questions, question, link);
    bus->question_count--;
    event_free(question->timeout);
    buffer_done(&question->frame);
    free(question);
}

/* The last word: the question is gone when the answer is told. */
static void question_answer(struct bus_question *question, int result, struct bytes reply)
{
    bus_answer_fn *answer = question->answer;
    void *owner = question->owner;
    autoarena arena = { 0 };
    struct frame frame = { 0 };

    question_free(question);
    if (result == 0 && frame_decode(reply, &frame, &arena, NULL) < 0)
        result = -EBADMSG;
    answer(owner, result, frame.type, frame.body);
}

static int question_ask(struct bus_question *question, struct bus_lane *lane, struct error *err)
{
    int r;

    r = bus_lane_ask(lane, buffer_bytes(&question->frame), err);
    if (r == 0)
        question->lane = lane;
    return r;
}

static struct bus_question *find_question(struct bus *bus, const struct bus_lane *lane)
{
    struct bus_question *question;

    TAILQ_FOREACH(question, &bus->questions, link)
    {
        if (question->lane == lane)
            return question;
    }
    return NULL;
}

/* --- lanes */

static void use_lanes(struct bus *bus);

static void on_reply(void *owner, struct bus_lane *lane, int result, struct bytes reply)
{
    struct bus *bus = owner;
    struct bus_question *question = find_question(bus, lane);

    assert(question != NULL);
    bus_enter(bus);
    question_answer(question, result, reply);
    if (!bus->is_dead)
        use_lanes(bus);
    bus_leave(bus);
}

/* The bus is connected while any of its lanes is. */
static void on_lane_connected(void *owner, bool is_connected)
{
    struct bus *bus = owner;
    unsigned before = bus->connected_count;

    bus->connected_count = is_connected ? before + 1 : before - 1;
    bus_enter(bus);
    if (bus->on_connected != NULL && (before == 0) != (bus->connected_count == 0))
        bus->on_connected(bus->owner, is_connected);
    if (!bus->is_dead)
        use_lanes(bus); /* some may have become free by bus_cancel */
    bus_leave(bus);
}

/* nng can miss that a TLS peer died, but hardly on every lane at once. */
static void on_lane_broken(void *owner)
{
    struct bus *bus = owner;

    for (unsigned i = 0; i < bus->lane_count; i++)
        bus_lane_suspect(bus->lanes[i]);
}

static const struct bus_lane_handlers lane_handlers = {
    .on_reply = on_reply,
    .on_broken = on_lane_broken,
    .on_connected = on_lane_connected,
};

static int add_lane(struct bus *bus, struct error *err)
{
    struct bus_lane *lane;
    int r;

    if (bus->lane_count == BUS_LANES_MAX)
        return error_set(err, -EAGAIN, "every lane is taken");
    r = bus_lane_open(bus->loop, bus->dial, &lane_handlers, bus, &lane, err);
    if (r < 0)
        return r;
    if (bus->patience_ms != 0)
        bus_lane_set_patience_ms(lane, bus->patience_ms);
    bus->lanes[bus->lane_count++] = lane;
    return 0;
}

/* A free lane, a new one when there is none; NULL: the question has to wait. */
static struct bus_lane *find_lane(struct bus *bus)
{
    for (unsigned i = 0; i < bus->lane_count; i++) {
        if (bus_lane_is_free(bus->lanes[i]))
            return bus->lanes[i];
    }
    return add_lane(bus, NULL) == 0 ? bus->lanes[bus->lane_count - 1] : NULL;
}

/* Give the waiting questions what lanes there are. */
static void use_lanes(struct bus *bus)
{
    struct bus_question *question;
    struct bus_lane *lane;

    while (!bus->is_dead && (question = find_question(bus, NULL)) != NULL &&
           (lane = find_lane(bus)) != NULL) {
        if (question_ask(question, lane, NULL) < 0)
            question_answer(question, -EIO, (struct bytes){ 0 });
    }
}

/* --- asking */

void bus_cancel(struct bus_question *question)
{
    struct bus_lane *lane = question->lane;

    question_free(question);
    if (lane != NULL)
        bus_lane_drop(lane);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct bus_question *question = arg;
    struct bus *bus = question->bus;
    struct bus_lane *lane = question->lane;

    (void)fd;
    (void)what;
    bus_enter(bus);
    if (lane != NULL)
        bus_lane_drop(lane);
    question_answer(question, -ETIMEDOUT, (struct bytes){ 0 });
    if (!bus->is_dead)
        use_lanes(bus);
    bus_leave(bus);
}

static struct bus_question *question_new(struct bus *bus, unsigned timeout_ms,
                                         bus_answer_fn *answer, void *owner)
{
    const struct timeval after = { .tv_sec = timeout_ms / 1000,
                                   .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
    struct bus_question *question = mem_new(struct bus_question);

    question->bus = bus;
    question->answer = answer;
    question->owner = owner;
    question->timeout = event_new(bus->loop, -1, 0, on_timeout, question);
    assert(question->timeout != NULL); /* only memory could be missing */
    (void)event_add(question->timeout, &after);
    TAILQ_INSERT_TAIL(&bus->questions, question, link);
    bus->question_count++;
    return question;
}

/* NOLINTNEXTLINE(readability-function-size): the whole of a contract */
int bus_ask(struct bus *bus, const struct schema *schema, const void *message, unsigned timeout_ms,
            bus_answer_fn *answer, void *owner, struct bus_question **ret_question,
            struct error *err)
{
    struct bus_question *question;
    struct bus_lane *lane;
    int r = 0;

    if (bus->question_count >= BUS_QUESTIONS_MAX)
        return error_set(err, -EAGAIN, "ask %s: too many questions at once", schema->name);
    question = question_new(bus, timeout_ms, answer, owner);
    frame_encode(schema, message, &question->frame);
    if (question->frame.size > MESSAGE_SIZE_MAX)
        r = error_set(err, -EMSGSIZE, "larger than %d bytes", MESSAGE_SIZE_MAX);
    else if (find_question(bus, NULL) == question && (lane = find_lane(bus)) != NULL)
        r = question_ask(question, lane, err);
    if (r < 0) {
        question_free(question);
        return error_add_context(err, r, "ask %s", schema->name);
    }
    if (ret_question != NULL)
        *ret_question = question;
    return 0;
}

/* --- the bus */

/* NOLINTNEXTLINE(readability-function-size): the whole of a contract */
int bus_open(struct event_base *loop, const char *url, const struct bus_tls *tls,
             void (*on_connected)(void *owner, bool is_connected), void *owner, struct bus **ret,
             struct error *err)
{
    struct bus *bus = mem_new(struct bus);
    int r;

    bus->loop = loop;
    bus->on_connected = on_connected;
    bus->owner = owner;
    TAILQ_INIT(&bus->questions);
    r = bus_dial_new(url, tls, &bus->dial, err);
    if (r == 0)
        r = add_lane(bus, err);
    if (r < 0) {
        bus_free(bus);
        return r;
    }
    *ret = bus;
    return 0;
}

void bus_set_patience_ms(struct bus *bus, unsigned patience_ms)
{
    bus->patience_ms = patience_ms;
    for (unsigned i = 0; i < bus->lane_count; i++)
        bus_lane_set_patience_ms(bus->lanes[i], patience_ms);
}

void bus_close(struct bus *bus)
{
    struct bus_question *question;

    if (bus == NULL)
        return;
    while (bus->lane_count > 0)
        bus_lane_close(bus->lanes[--bus->lane_count]);
    while ((question = TAILQ_FIRST(&bus->questions)) != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot see that a queue's first changes */
        question_free(question);
    }
    bus->is_dead = true;
    if (!bus->is_busy)
        bus_free(bus);
}
