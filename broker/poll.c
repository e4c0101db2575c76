/*
 * poll: a worker asks for the commands of its host.
 *
 * One poll waits for each host: a newer one replaces it (the worker has come back on another
 * connection), and the older is answered by an empty page.
 */
#include "broker/poll.h"

#include <stdio.h>

#include "broker/broker.h"
#include "broker/clocks.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/hosts.h"
#include "broker/page.h"
#include "broker/reply.h"
#include "broker/takeover.h"
#include "common/mem.h"

/* Where the worker's next commands begin: never before it took the host over. */
static int start_of(struct log *log, const struct host *host, uint64_t cursor, uint64_t *ret,
                    struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    uint64_t start;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    r = takeover_start(txn, host->name, &start, err);
    if (r < 0)
        return r;
    *ret = cursor > start ? cursor : start;
    return 0;
}

static int open_commands(struct host *host, uint64_t cursor, struct open_page *ret,
                         struct error *err)
{
    char stream[NAME_SIZE_MAX + sizeof(STREAM_COMMANDS_PREFIX)];
    /* Commands that were trimmed have all ended (trim.h): the worker need not see them. */
    struct page_wish wish = { .stream = stream, .cursor = cursor, .may_begin_at_floor = true };
    struct log *log = host->broker->log;
    int r;

    (void)snprintf(stream, sizeof(stream), STREAM_COMMANDS_PREFIX "%s", host->name);
    r = start_of(log, host, cursor, &wish.after, err);
    if (r < 0)
        return r;
    return page_open(log, &wish, ret, err);
}

/* Answer what is held with what there is, be it nothing. */
static void answer(struct host *host)
{
    struct sp_request *request = held_end(&host->poll);
    struct open_page page;
    struct error err = { 0 };

    if (open_commands(host, host->poll_cursor, &page, &err) < 0) {
        page_refuse(request, &page, &err);
        return;
    }
    reply_message(request, &page_schema, &page.page);
    page_close(&page);
}

static void on_timeout(struct held *held)
{
    answer(container_of(held, struct host, poll));
}

static const struct held_functions held_functions = { .on_timeout = on_timeout };

void poll_wake(struct host *host)
{
    if (held_is_waiting(&host->poll))
        answer(host);
}

void handle_poll(struct broker *broker, struct request *request)
{
    const struct poll *asked = request->message;
    const struct worker_claim claim = { asked->host, asked->incarnation, asked->journal,
                                        asked->session };
    struct host *host = hosts_of_worker(broker, request, &claim);
    struct open_page page;
    struct error err = { 0 };

    if (host == NULL)
        return;
    clocks_hear(broker->clocks, host, asked->now);
    poll_wake(host);
    if (open_commands(host, asked->cursor, &page, &err) < 0) {
        page_refuse(request->sp, &page, &err);
        return;
    }
    if (page.page.records.count > 0 || asked->wait_ms == 0) {
        reply_message(request->sp, &page_schema, &page.page);
    } else {
        host->poll_cursor = asked->cursor;
        held_begin_for(&host->poll, &held_functions, request->sp, broker->loop, asked->wait_ms);
    }
    page_close(&page);
}
