/* A question that is asked again and again; see the header. */
#include "worker/asking.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "common/arena.h"
#include "common/io/log.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

#define RETRY_MS           1000
#define RETRY_REFUSED_MS   5000
#define RETRY_ESTRANGED_MS 30000 /* somebody has to do something at the broker first */

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct asking *asking = arg;

    (void)fd;
    (void)what;
    asking->rules->ask(asking->owner);
}

int asking_init(struct asking *asking, struct event_base *loop, struct bus *bus,
                const struct asking_rules *rules, void *owner, struct error *err)
{
    assert(rules->expected->size <= ASKING_MESSAGE_MAX);
    *asking = (struct asking){ .rules = rules, .owner = owner, .bus = bus };
    asking->retry = evtimer_new(loop, on_retry, asking);
    return asking->retry == NULL ? error_set(err, -ENOMEM, "make a timer") : 0;
}

void asking_done(struct asking *asking)
{
    if (asking->retry == NULL)
        return;
    event_free(asking->retry);
    *asking = (struct asking){ 0 };
}

bool asking_is_idle(const struct asking *asking)
{
    return asking->question == NULL && !evtimer_pending(asking->retry, NULL);
}

void asking_later(struct asking *asking, uint32_t delay_ms)
{
    struct timeval delay = { .tv_sec = (time_t)(delay_ms / 1000),
                             .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000 };

    (void)evtimer_add(asking->retry, &delay);
}

void asking_cancel(struct asking *asking)
{
    if (asking->question != NULL)
        bus_cancel(asking->question);
    asking->question = NULL;
    (void)evtimer_del(asking->retry);
}

/* The same refusal again is not told again. */
static void tell_refusal(struct asking *asking, const char *code, const char *text)
{
    if (strncmp(asking->last_refusal, text, sizeof(asking->last_refusal) - 1) == 0)
        return;
    (void)snprintf(asking->last_refusal, sizeof(asking->last_refusal), "%s", text);
    log_error("link.refused", "question=%s code=%s reason=\"%s\"", asking->rules->name, code, text);
}

/* Nothing changes until somebody does something about it. */
static bool needs_somebody(enum failure failure)
{
    return failure == FAILURE_WRONG_JOURNAL || failure == FAILURE_HOST_LOST ||
           failure == FAILURE_JOURNAL_COPIED;
}

static void take_refusal(struct asking *asking, const struct bus_error *refusal)
{
    enum failure failure = failure_parse(refusal->code);
    const char *text = refusal->text == NULL ? "it does not say why" : refusal->text;

    if (asking->rules->on_refusal(asking->owner, failure, text))
        return;
    if (failure == FAILURE_BUSY) {
        asking_later(asking, refusal->retry_ms > 0 ? refusal->retry_ms : RETRY_MS);
        return;
    }
    tell_refusal(asking, refusal->code, text);
    asking_later(asking, needs_somebody(failure) ? RETRY_ESTRANGED_MS : RETRY_REFUSED_MS);
}

static void take_silence(struct asking *asking, int result)
{
    if (!asking->is_silent)
        log_warning("link.silent", "question=%s", asking->rules->name);
    asking->is_silent = true;
    asking_later(asking, result == -ETIMEDOUT ? 0 : RETRY_MS);
}

static void take_nonsense(struct asking *asking, const char *type, const char *why)
{
    log_error("link.nonsense", "question=%s answer=%s error=\"%s\"", asking->rules->name, type,
              why);
    asking_later(asking, RETRY_REFUSED_MS);
}

static void take_answer(struct asking *asking, struct bytes body, struct arena *arena)
{
    alignas(max_align_t) unsigned char message[ASKING_MESSAGE_MAX];
    struct error err = { 0 };

    if (schema_decode(asking->rules->expected, body, message, arena, &err) < 0) {
        take_nonsense(asking, asking->rules->expected->name, err.text);
        return;
    }
    asking->last_refusal[0] = '\0';
    asking->rules->on_answer(asking->owner, message);
}

static void on_answer(void *owner, int result, const char *type, struct bytes body)
{
    struct asking *asking = owner;
    struct bus_error refusal;
    autoarena arena = { 0 };

    asking->question = NULL;
    if (result < 0) {
        take_silence(asking, result);
        return;
    }
    asking->is_silent = false;
    if (strcmp(type, asking->rules->expected->name) == 0)
        take_answer(asking, body, &arena);
    else if (strcmp(type, bus_error_schema.name) == 0 &&
             schema_decode(&bus_error_schema, body, &refusal, &arena, NULL) == 0)
        take_refusal(asking, &refusal);
    else if (asking->rules->on_other == NULL || !asking->rules->on_other(asking->owner, type, body))
        take_nonsense(asking, type, "this is no answer to it");
}

void asking_ask(struct asking *asking, const struct schema *schema, const void *message)
{
    struct error err = { 0 };

    assert(asking->question == NULL);
    if (bus_ask(asking->bus, schema, message, ASK_TIMEOUT_MS, on_answer, asking, &asking->question,
                &err) < 0) {
        log_failure("link.not_asked", &err);
        asking_later(asking, RETRY_REFUSED_MS);
    }
}
