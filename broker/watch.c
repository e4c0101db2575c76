/* watch: who waits for records that pass a filter; see the header. */
#include "broker/watch.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "broker/broker.h"
#include "broker/core/filter.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/page.h"
#include "broker/reply.h"
#include "common/arena.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

TAILQ_HEAD(watcher_queue, watcher);

struct watcher {
    struct held held;
    struct broker *broker;
    struct arena arena; /* of the filter */
    struct watch asked; /* its cursor moves as records are skipped */
    bool is_looking;    /* its queue is `looking`, else `waiting` */
    struct raw *found;  /* while news are told: records for it, in the log's transaction */
    unsigned found_count;
    size_t found_bytes;
    uint64_t found_upto; /* position of the last one */
    TAILQ_ENTRY(watcher) link;
};

struct watches {
    struct broker *broker;
    struct watcher_queue waiting; /* have seen the whole log */
    struct watcher_queue looking; /* have not */
    unsigned count;
    struct event *turn; /* active while somebody is looking */
};

static void leave_queue(struct watches *watches, struct watcher *watcher)
{
    TAILQ_REMOVE(watcher->is_looking ? &watches->looking : &watches->waiting, watcher, link);
}

static void enter_queue(struct watches *watches, struct watcher *watcher, bool is_looking)
{
    watcher->is_looking = is_looking;
    TAILQ_INSERT_TAIL(is_looking ? &watches->looking : &watches->waiting, watcher, link);
    if (is_looking)
        event_active(watches->turn, 0, 0);
}

/* The request that it held, and nothing more of it; it has left its queue. */
static struct sp_request *watcher_end(struct watcher *watcher)
{
    struct sp_request *request = held_end(&watcher->held);

    watcher->broker->watches->count--;
    arena_done(&watcher->arena);
    free(watcher->found);
    free(watcher);
    return request;
}

static int look(struct broker *broker, const struct watch *asked, struct open_page *ret,
                struct error *err)
{
    const struct page_wish wish = {
        .cursor = asked->cursor,
        .after = asked->cursor,
        .may_begin_at_floor = asked->cursor == 0,
        .filter = asked,
        .records_max = asked->max,
        .scan_max = WATCH_SCAN_MAX,
    };

    return page_open(broker->log, &wish, ret, err);
}

/* Somebody who does not wait is answered with whatever one look has found. */
static bool is_answer(const struct open_page *page, const struct watch *asked)
{
    return page->page.records.count > 0 || asked->wait_ms == 0;
}

/* Look for a watcher that has left its queue: it is answered, or enters one again. The number of
 * records looked at. */
static unsigned look_again(struct watcher *watcher)
{
    struct open_page page;
    struct error err = { 0 };

    if (look(watcher->broker, &watcher->asked, &page, &err) < 0) {
        page_refuse(watcher_end(watcher), &page, &err);
        return 1;
    }
    if (is_answer(&page, &watcher->asked)) {
        reply_message(watcher_end(watcher), &page_schema, &page.page);
    } else {
        watcher->asked.cursor = page.page.cursor;
        enter_queue(watcher->broker->watches, watcher, page.page.has_more);
    }
    page_close(&page);
    return page.scanned + 1;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct watches *watches = arg;
    struct watcher *watcher;
    unsigned looked_at = 0;

    (void)fd;
    (void)what;
    while (looked_at < WATCH_SCAN_MAX && (watcher = TAILQ_FIRST(&watches->looking)) != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot see that a queue's first changes */
        leave_queue(watches, watcher);
        looked_at += look_again(watcher);
    }
    if (!TAILQ_EMPTY(&watches->looking))
        event_active(watches->turn, 0, 0);
}

static void on_timeout(struct held *held)
{
    struct watcher *watcher = container_of(held, struct watcher, held);

    watcher->asked.wait_ms = 0;
    leave_queue(watcher->broker->watches, watcher);
    (void)look_again(watcher);
}

static void on_abandoned(struct held *held)
{
    struct watcher *watcher = container_of(held, struct watcher, held);

    leave_queue(watcher->broker->watches, watcher);
    (void)watcher_end(watcher);
}

static const struct held_functions held_functions = {
    .on_timeout = on_timeout,
    .on_abandoned = on_abandoned,
};

static void wait_for(struct broker *broker, struct request *request, const struct open_page *page)
{
    struct watcher *watcher = mem_new(struct watcher);

    watcher->broker = broker;
    watcher->asked = *(const struct watch *)request->message;
    watcher->asked.cursor = page->page.cursor;
    watcher->arena = request_take_arena(request);
    held_begin_for(&watcher->held, &held_functions, request->sp, broker->loop,
                   watcher->asked.wait_ms);
    broker->watches->count++;
    enter_queue(broker->watches, watcher, page->page.has_more);
}

void handle_watch(struct broker *broker, struct request *request)
{
    const struct watch *asked = request->message;
    struct open_page page;
    struct error err = { 0 };

    if (look(broker, asked, &page, &err) < 0) {
        page_refuse(request->sp, &page, &err);
        return;
    }
    if (is_answer(&page, asked))
        reply_message(request->sp, &page_schema, &page.page);
    else if (broker->watches->count >= WATCHES_MAX)
        reply_busy(request->sp, "too many watch the log: try again later");
    else
        wait_for(broker, request, &page);
    page_close(&page);
}

/* --- news: what a commit has brought, read and decoded once for all who wait at the log's end */

/* Where the one that waits furthest back is; UINT64_MAX: nobody waits. */
static uint64_t seen_by_all(const struct watches *watches)
{
    const struct watcher *watcher;
    uint64_t seen = UINT64_MAX;

    TAILQ_FOREACH(watcher, &watches->waiting, link)
    {
        if (watcher->asked.cursor < seen)
            seen = watcher->asked.cursor;
    }
    return seen;
}

static bool is_full(const struct watcher *watcher, size_t size)
{
    unsigned max = watcher->asked.max == 0 || watcher->asked.max > PAGE_RECORDS_MAX
                       ? PAGE_RECORDS_MAX
                       : watcher->asked.max;

    return watcher->found_count >= max ||
           (watcher->found_count > 0 && watcher->found_bytes + size > PAGE_BYTES_MAX);
}

/* Give the record to everybody whom it concerns. A watcher whose page is full is marked as looking:
 * it is told that there is more. */
static void hand_out(struct watches *watches, const struct log_entry *entry,
                     const struct record *record)
{
    struct watcher *watcher;

    TAILQ_FOREACH(watcher, &watches->waiting, link)
    {
        if (entry->pos <= watcher->asked.cursor || watcher->is_looking ||
            !filter_passes(&watcher->asked, record))
            continue;
        if (is_full(watcher, entry->record.size)) {
            watcher->is_looking = true;
            continue;
        }
        if (watcher->found == NULL)
            watcher->found = mem_zeroed(PAGE_RECORDS_MAX * sizeof(*watcher->found));
        watcher->found[watcher->found_count++] = (struct raw){ .bytes = entry->record };
        watcher->found_bytes += entry->record.size;
        watcher->found_upto = entry->pos;
    }
}

static int read_news(struct watches *watches, struct log_txn *txn, uint64_t after,
                     struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry;
    int r;

    r = log_walk(txn, NULL, after, &cursor, err);
    while (r == 0 && (r = log_next(cursor, &entry, err)) > 0) {
        autoarena arena = { 0 };
        struct record record;

        r = schema_decode(&record_schema, entry.record, &record, &arena, err);
        if (r == 0)
            hand_out(watches, &entry, &record);
    }
    return r;
}

/* Answer those for whom there was something; the others have now seen it all. */
static void answer_news(struct watches *watches, const struct log_state *state)
{
    struct watcher *watcher, *next;

    for (watcher = TAILQ_FIRST(&watches->waiting); watcher != NULL; watcher = next) {
        bool has_more = watcher->is_looking;
        struct page page = {
            .records = { .items = watcher->found, .count = watcher->found_count },
            .cursor = has_more ? watcher->found_upto : state->head,
            .head = state->head,
            .has_more = has_more,
            .log = state->id,
            .epoch = state->epoch,
            .floor = state->floor,
        };

        next = TAILQ_NEXT(watcher, link);
        watcher->is_looking = false;
        watcher->asked.cursor = page.cursor;
        if (watcher->found_count == 0)
            continue;
        leave_queue(watches, watcher);
        autofree struct raw *found = steal_ptr(watcher->found);
        reply_message(watcher_end(watcher), &page_schema, &page);
    }
}

static void forget_news(struct watches *watches)
{
    struct watcher *watcher;

    TAILQ_FOREACH(watcher, &watches->waiting, link)
    {
        watcher->is_looking = false;
        watcher->found_count = 0;
        watcher->found_bytes = 0;
    }
}

/* False: nothing was done, because there is too much, or because it cannot be read. Each watcher
 * that looks by itself meets that again, and is told. */
static bool tell_news(struct watches *watches)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    uint64_t seen = seen_by_all(watches);
    struct log_state state;
    int r;

    if (seen == UINT64_MAX)
        return true;
    r = log_begin(watches->broker->log, LOG_READ, &txn, NULL);
    if (r == 0)
        r = log_state(txn, &state, NULL);
    if (r < 0 || seen < state.floor || state.head > seen + WATCH_SCAN_MAX)
        return false;
    r = read_news(watches, txn, seen, NULL);
    if (r < 0)
        forget_news(watches);
    else
        answer_news(watches, &state);
    return r == 0;
}

void watches_wake(struct watches *watches)
{
    struct watcher *watcher;

    if (tell_news(watches))
        return;
    TAILQ_FOREACH(watcher, &watches->waiting, link)
    {
        watcher->is_looking = true;
    }
    TAILQ_CONCAT(&watches->looking, &watches->waiting, link);
    if (!TAILQ_EMPTY(&watches->looking))
        event_active(watches->turn, 0, 0);
}

struct watches *watches_new(struct broker *broker)
{
    struct watches *watches = mem_new(struct watches);

    watches->broker = broker;
    TAILQ_INIT(&watches->waiting);
    TAILQ_INIT(&watches->looking);
    watches->turn = event_new(broker->loop, -1, EV_PERSIST, on_turn, watches);
    return watches;
}

void watches_destroy(struct watches *watches)
{
    if (watches == NULL)
        return;
    assert(watches->count == 0);
    event_free(watches->turn);
    free(watches);
}
