/* outcome: who waits for the end of a command; see the header. */
#include "broker/outcome.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <uthash.h>

#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/reply.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"

struct awaited;

/* One request. */
struct waiter {
    struct held held;
    struct awaited *awaited;
    TAILQ_ENTRY(waiter) link;
};

/* A command that somebody waits for. */
struct awaited {
    struct command_id id;
    struct outcomes *outcomes;
    TAILQ_HEAD(, waiter) waiters; /* at least one */
    UT_hash_handle hh;
};

struct outcomes {
    struct broker *broker;
    struct awaited *by_id;
    unsigned count; /* of waiters */
};

static struct awaited *find(const struct outcomes *outcomes, struct command_id id)
{
    struct awaited *awaited;

    HASH_FIND(hh, outcomes->by_id, &id, sizeof(id), awaited);
    return awaited;
}

/* Forget the waiter: the request that it held. */
static struct sp_request *waiter_end(struct waiter *waiter)
{
    struct sp_request *request = held_end(&waiter->held);
    struct awaited *awaited = waiter->awaited;
    struct outcomes *outcomes = awaited->outcomes;

    TAILQ_REMOVE(&awaited->waiters, waiter, link);
    outcomes->count--;
    if (TAILQ_EMPTY(&awaited->waiters)) {
        HASH_DEL(outcomes->by_id, awaited);
        free(awaited);
    }
    free(waiter);
    return request;
}

static int read_row(struct outcomes *outcomes, struct command_id id, struct command_row *ret,
                    struct arena *arena, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct view view;
    int r;

    r = log_begin(outcomes->broker->log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    view = view_store_in(txn);
    return view_command(&view, id, ret, arena, err);
}

static void refuse_unread(struct sp_request *request, struct command_id id, const struct error *err,
                          int r)
{
    char hex[2 * COMMAND_ID_SIZE + 1];

    if (r != -ENOENT) {
        log_failure("outcome.unreadable", err);
        reply_error(request, err);
        return;
    }
    hex_write(id.bytes, sizeof(id.bytes), hex);
    reply_failure(request, FAILURE_INVALID_ARGUMENT,
                  "no command %s is known: it was never accepted, or it ended long ago", hex);
}

/* Answer with what the view says now. */
static void answer(struct outcomes *outcomes, struct sp_request *request, struct command_id id)
{
    autoarena arena = { 0 };
    struct command_row row;
    struct outcome_is is = { .command = &row };
    struct error err = { 0 };
    int r = read_row(outcomes, id, &row, &arena, &err);

    if (r < 0)
        refuse_unread(request, id, &err, r);
    else
        reply_message(request, &outcome_is_schema, &is);
}

static void on_timeout(struct held *held)
{
    struct waiter *waiter = container_of(held, struct waiter, held);
    struct outcomes *outcomes = waiter->awaited->outcomes;
    struct command_id id = waiter->awaited->id;

    answer(outcomes, waiter_end(waiter), id);
}

static void on_abandoned(struct held *held)
{
    (void)waiter_end(container_of(held, struct waiter, held));
}

static const struct held_functions held_functions = {
    .on_timeout = on_timeout,
    .on_abandoned = on_abandoned,
};

void outcomes_wake(struct outcomes *outcomes, struct command_id id)
{
    struct awaited *awaited;

    while ((awaited = find(outcomes, id)) != NULL)
        answer(outcomes, waiter_end(TAILQ_FIRST(&awaited->waiters)), id);
}

static void wait_for(struct outcomes *outcomes, struct request *request, struct command_id id,
                     uint32_t wait_ms)
{
    struct waiter *waiter = mem_new(struct waiter);
    struct awaited *awaited = find(outcomes, id);

    if (awaited == NULL) {
        awaited = mem_new(struct awaited);
        awaited->id = id;
        awaited->outcomes = outcomes;
        TAILQ_INIT(&awaited->waiters);
        HASH_ADD(hh, outcomes->by_id, id, sizeof(awaited->id), awaited);
    }
    waiter->awaited = awaited;
    TAILQ_INSERT_TAIL(&awaited->waiters, waiter, link);
    outcomes->count++;
    held_begin_for(&waiter->held, &held_functions, request->sp, outcomes->broker->loop, wait_ms);
}

void handle_outcome(struct broker *broker, struct request *request)
{
    const struct outcome *asked = request->message;
    struct outcomes *outcomes = broker->outcomes;
    autoarena arena = { 0 };
    struct command_row row;
    struct outcome_is is = { .command = &row };
    struct error err = { 0 };
    int r = read_row(outcomes, asked->id, &row, &arena, &err);

    if (r < 0)
        refuse_unread(request->sp, asked->id, &err, r);
    else if (row.state != COMMAND_PENDING || asked->wait_ms == 0)
        reply_message(request->sp, &outcome_is_schema, &is);
    else if (outcomes->count >= OUTCOMES_MAX)
        reply_busy(request->sp, "too many wait for the end of a command: try again later");
    else
        wait_for(outcomes, request, asked->id, asked->wait_ms);
}

struct outcomes *outcomes_new(struct broker *broker)
{
    struct outcomes *outcomes = mem_new(struct outcomes);

    outcomes->broker = broker;
    return outcomes;
}

void outcomes_destroy(struct outcomes *outcomes)
{
    if (outcomes == NULL)
        return;
    assert(outcomes->by_id == NULL); /* who waited has been abandoned with its connection */
    free(outcomes);
}
