/* The publisher of the feed; see the header. */
#include "broker/publisher.h"

#include <stdlib.h>

#include <event2/event.h>

#include "broker/broker.h"
#include "broker/page.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

struct publisher {
    struct broker *broker;
    uint64_t published; /* up to this position; of no meaning while nobody follows */
    bool is_fresh;      /* something was published since the last beat */
    struct event *beat; /* pending while somebody follows */
};

static const struct timeval beat_distance = { .tv_sec = 1 };

static void publish_page(struct publisher *publisher, const struct page *page)
{
    const struct feed feed = {
        .records = page->records,
        .head = page->head,
        .log = page->log,
        .epoch = page->epoch,
    };
    struct buffer message = { 0 };
    const char topic = FEED_TOPIC;

    buffer_append(&message, &topic, sizeof(topic));
    frame_encode(&feed_schema, &feed, &message);
    sp_publish(publisher->broker->server, buffer_bytes(&message));
    buffer_done(&message);
    publisher->is_fresh = true;
}

/* Publish one page, be it empty. False when nothing is left, or cannot be read. */
static bool publish_next(struct publisher *publisher)
{
    const struct page_wish wish = {
        .cursor = publisher->published,
        .after = publisher->published,
    };
    struct open_page page;
    struct error err = { 0 };
    bool has_more;

    if (page_open(publisher->broker->log, &wish, &page, &err) < 0) {
        log_failure("feed.unreadable", &err);
        return false;
    }
    publish_page(publisher, &page.page);
    publisher->published = page.page.cursor;
    has_more = page.page.has_more;
    page_close(&page);
    return has_more;
}

void publisher_publish(struct publisher *publisher)
{
    if (sp_follower_count(publisher->broker->server) == 0)
        return;
    while (publish_next(publisher))
        ;
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
    struct publisher *publisher = arg;

    (void)fd;
    (void)what;
    if (sp_follower_count(publisher->broker->server) == 0)
        return;
    if (!publisher->is_fresh)
        publisher_publish(publisher);
    publisher->is_fresh = false;
    (void)evtimer_add(publisher->beat, &beat_distance);
}

static int read_head(struct log *log, uint64_t *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    r = log_state(txn, &state, err);
    if (r < 0)
        return r;
    *ret = state.head;
    return 0;
}

void publisher_followed(struct publisher *publisher)
{
    struct error err = { 0 };

    if (evtimer_pending(publisher->beat, NULL))
        return;
    /* Nobody followed until now: begin here. */
    if (read_head(publisher->broker->log, &publisher->published, &err) < 0)
        log_failure("feed.unreadable", &err);
    publisher->is_fresh = false;
    (void)evtimer_add(publisher->beat, &beat_distance);
}

struct publisher *publisher_new(struct broker *broker)
{
    struct publisher *publisher = mem_new(struct publisher);

    publisher->broker = broker;
    publisher->beat = evtimer_new(broker->loop, on_beat, publisher);
    return publisher;
}

void publisher_destroy(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    event_free(publisher->beat);
    free(publisher);
}
