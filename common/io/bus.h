/*
 * The bus as workers, the console and clients see it: libnng's REQ and SUB as event sources of a
 * libevent loop. With bus_lane, bus_link, bus_dial and bus_feed, the one door to nng.
 *
 * URLs: tcp://HOST:PORT, tls+tcp://HOST:PORT, unix:///PATH. Connections are made, and made again,
 * by themselves: 100 ms to 5 s apart, at random. Each question that is open has a connection of its
 * own (bus_lane.h says why), up to BUS_LANES_MAX; further ones wait for one of these. nng's own
 * threads only leave word; callbacks run on the loop thread, never from within a function of this
 * header. A question is sent again when its connection breaks, so questions must be repeatable
 * (schemas/bus.h).
 *
 * Owner: the program. Thread: the loop's. nng must not be used in a forked child without exec.
 */
#ifndef GANTRY_COMMON_IO_BUS_H
#define GANTRY_COMMON_IO_BUS_H

#include <stdbool.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/schema.h"

#define BUS_QUESTIONS_MAX 1024
#define BUS_LANES_MAX     64

struct event_base;
struct bus;
struct bus_question;

/* PEM files of this peer, for tls+tcp; `authority` signs the broker's certificate. */
struct bus_tls {
    const char *certificate;
    const char *key;
    const char *authority;
    const char *server_name; /* in the broker's certificate; NULL: the URL's host */
};

/* Does not wait for the connection. `on_connected` (may be NULL) is told when the bus gets its
 * first connection (true) and when it has lost its last one (false). -EINVAL for a URL that is
 * none, and for TLS files that cannot be used. */
int bus_open(struct event_base *loop, const char *url, const struct bus_tls *tls,
             void (*on_connected)(void *owner, bool is_connected), void *owner, struct bus **ret,
             struct error *err);

/* How long to be without a connection before nng's socket is replaced by a new one (7 s). */
void bus_set_patience_ms(struct bus *bus, unsigned patience_ms);

/* Cancels every question (their callbacks are not called) and closes. NULL is legal. Callable from
 * within a callback of this bus. */
void bus_close(struct bus *bus);

/*
 * The answer: 0 and the reply's frame (type, and body to decode by its schema; borrowed for the
 * call), or -ETIMEDOUT, or -EBADMSG for what is no frame, or -EIO when nng would not ask.
 */
typedef void bus_answer_fn(void *owner, int result, const char *type, struct bytes body);

/* Ask. `answer` is called exactly once, unless the question is cancelled. `ret_question` may be
 * NULL; it is gone once `answer` is called. The message is not needed afterwards. -EMSGSIZE beyond
 * MESSAGE_SIZE_MAX, -EAGAIN beyond BUS_QUESTIONS_MAX. */
int bus_ask(struct bus *bus, const struct schema *schema, const void *message, unsigned timeout_ms,
            bus_answer_fn *answer, void *owner, struct bus_question **ret_question,
            struct error *err);
/* `answer` will not be called; the broker learns that nobody waits any more. */
void bus_cancel(struct bus_question *question);

/* Follow a PUB feed: `on_message` gets each message's bytes, topic byte included. What comes faster
 * than it is taken may be lost. */
struct bus_feed;
int bus_follow(struct event_base *loop, const char *url, const struct bus_tls *tls,
               void (*on_message)(void *owner, struct bytes message), void *owner,
               struct bus_feed **ret, struct error *err);
/* NULL is legal. Callable from within on_message. */
void bus_feed_close(struct bus_feed *feed);

#endif
