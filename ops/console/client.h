/*
 * The broker as the console's verbs see it: questions that wait for their answer, on a loop that
 * goes on turning meanwhile (signals are forwarded while output is awaited).
 */
#ifndef GANTRY_OPS_CONSOLE_CLIENT_H
#define GANTRY_OPS_CONSOLE_CLIENT_H

#include "common/arena.h"
#include "common/auto.h"
#include "common/error.h"
#include "common/io/bus.h"
#include "schemas/failure.h"
#include "schemas/schema.h"

struct client;
struct event_base;

struct client_options {
    const char *broker;        /* URL */
    const struct bus_tls *tls; /* NULL: none */
    unsigned timeout_ms;       /* for an answer, beyond what a question itself waits */
};

struct client_question {
    const struct schema *schema;
    const void *message;
    unsigned wait_ms; /* the broker may hold its answer for so long */
    const struct schema *reply;
};

/* Does not wait for the connection. What the options point to must outlive the client. */
int client_open(const struct client_options *options, struct client **ret, struct error *err);
void client_destroy(struct client *client);
DEFINE_AUTODESTROY(client)

/*
 * Ask, and wait for the reply; what it points to is in `arena`. A busy broker is asked again when
 * it says so. -ETIMEDOUT when it does not answer in time. What the broker refuses is told by
 * client_errno() of its failure, with its sentence.
 */
int client_ask(struct client *client, const struct client_question *question, void *ret_reply,
               struct arena *arena, struct error *err);

/*
 * The same in two halves, for who has something to do meanwhile: what the question points to, and
 * the arena, stay until client_take(), which must come before the next question.
 */
struct client_pending;
int client_begin(struct client *client, const struct client_question *question, struct arena *arena,
                 struct client_pending **ret, struct error *err);
int client_take(struct client *client, struct client_pending *pending, void *ret_reply,
                struct error *err);

/* Ask, and do not wait: nobody is told of the answer. */
int client_tell(struct client *client, const struct schema *schema, const void *message,
                struct error *err);

/* Turn the loop for `wait_ms`. */
int client_wait(struct client *client, unsigned wait_ms, struct error *err);

struct event_base *client_loop(struct client *client);

/* -ENOENT for no container, host, image, volume or stream; -EEXIST for a name that is taken; -EBUSY
 * for what is used; -EPERM, -ENODATA (trimmed); -EREMOTEIO for all else. */
int client_errno(enum failure failure);

#endif
