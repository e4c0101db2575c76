/*
 * A question that is asked of the broker again and again: one in flight, tried again after silence,
 * nonsense or a refusal that may pass.
 *
 * In its owner's memory. Thread: the loop's.
 */
#ifndef GANTRY_WORKER_ASKING_H
#define GANTRY_WORKER_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/io/bus.h"
#include "schemas/failure.h"
#include "schemas/schema.h"

#define ASKING_MESSAGE_MAX 512 /* bytes of the struct of an answer */

struct event;
struct event_base;

struct asking_rules {
    const char *name;              /* for log lines: "poll" */
    const struct schema *expected; /* of the answer */
    void (*ask)(void *owner);      /* it is time to try again */
    /* The answer, decoded; borrowed for the call. */
    void (*on_answer)(void *owner, const void *message);
    /* An answer of another type; false: it is nonsense. May be NULL. */
    bool (*on_other)(void *owner, const char *type, struct bytes body);
    /* A refusal that means more than "later". True: dealt with; else it is tried again. */
    bool (*on_refusal)(void *owner, enum failure failure, const char *text);
};

struct asking {
    const struct asking_rules *rules;
    void *owner;
    struct bus *bus;
    struct bus_question *question; /* in flight */
    struct event *retry;
    bool is_silent; /* the last question was not answered in time */
    char last_refusal[ERROR_TEXT_MAX];
};

int asking_init(struct asking *asking, struct event_base *loop, struct bus *bus,
                const struct asking_rules *rules, void *owner, struct error *err);
/* Also of one that is { 0 }. No question is in flight, or the bus is closed: that is what ends them
 * all without making new connections. */
void asking_done(struct asking *asking);

/* Nothing is in flight and nothing is to be tried again. */
bool asking_is_idle(const struct asking *asking);

/* Ask now; exactly one of the rules' functions is called later. */
void asking_ask(struct asking *asking, const struct schema *schema, const void *message);
void asking_later(struct asking *asking, uint32_t delay_ms);
/* Forget the question and the next try. */
void asking_cancel(struct asking *asking);

#endif
