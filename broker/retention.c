/* Retention; see the header. */
#include "broker/retention.h"

#include <stdlib.h>

#include <event2/event.h>

#include "broker/broker.h"
#include "broker/clocks.h"
#include "broker/commit.h"
#include "broker/notice.h"
#include "broker/snapshots.h"
#include "broker/trim.h"
#include "broker/view_store.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/events.h"

#define LOOK_MS      1000 /* between two looks at the oldest record */
#define LOOK_RECORDS 1000 /* and so many have been appended: then it is looked at, too */
#define PAUSE_MS     10   /* between two transactions, for others to write */

struct retention {
    struct broker *broker;
    struct retention_policy policy;
    struct event *timer;
    uint64_t held_by;    /* the command that was last said to hold the log */
    uint64_t dropped;    /* records, since that was said last */
    uint64_t floor;      /* and up to where */
    uint64_t said_ms;    /* steady: when */
    uint64_t looked;     /* records that had been appended when it was looked */
    uint64_t trimmed_at; /* and when it was trimmed last */
    bool is_ageless;     /* the clock is not to be trusted with the records' ages */

    /* The committer's while it is written. */
    struct commit_entry entry;
    bool is_writing;
    unsigned records_max;
    struct trimmed trimmed;
};

static void wait_ms(struct retention *retention, unsigned ms)
{
    const struct timeval distance = { .tv_sec = ms / 1000,
                                      .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

    (void)evtimer_add(retention->timer, &distance);
}

static struct trim_wish wish_at(const struct retention *retention, uint64_t now_ns)
{
    const struct retention_policy *policy = &retention->policy;
    bool has_age = policy->age_ns != 0 && policy->age_ns < now_ns && !retention->is_ageless;

    return (struct trim_wish){
        .before_ns = has_age ? now_ns - policy->age_ns : 0,
        .bytes_max = policy->bytes,
        .records_max = retention->records_max,
    };
}

static int say_trimmed(struct commit_turn *turn, const struct trimmed *trimmed, struct error *err)
{
    const struct log_trimmed said = { .floor = trimmed->floor, .records = trimmed->records };
    const struct notice notice = { .schema = &log_trimmed_schema, .body = &said };

    return notice_append(turn, &notice, NULL, err);
}

static int trim_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct retention *retention = container_of(entry, struct retention, entry);
    const struct trim_wish wish = wish_at(retention, turn->now_ns);
    int r;

    r = trim_log(turn->txn, &turn->view, &wish, &retention->trimmed, err);
    if (r < 0)
        return error_add_context(err, r, "trim the log");
    return retention->trimmed.records > 0 ? say_trimmed(turn, &retention->trimmed, err) : 0;
}

/* Say once that a command holds the log, and which. */
static void say_held(struct retention *retention, uint64_t held_by)
{
    if (held_by != 0 && held_by != retention->held_by)
        log_warning("log.held", "command=%llu reason=\"it has no outcome yet\"",
                    (unsigned long long)held_by);
    retention->held_by = held_by;
}

/* Once in a while: in the log of what happens, and to who keeps snapshots of what is gone. */
static void tell_dropped(struct retention *retention)
{
    uint64_t now_ms = clock_steady_ms();

    if (retention->dropped == 0 || now_ms - retention->said_ms < LOOK_MS)
        return;
    log_info("log.trimmed", "floor=%llu records=%llu", (unsigned long long)retention->floor,
             (unsigned long long)retention->dropped);
    snapshots_trimmed(retention->broker->snapshots);
    retention->dropped = 0;
    retention->said_ms = now_ms;
}

static void trim_done(struct commit_entry *entry, const struct error *failure)
{
    struct retention *retention = container_of(entry, struct retention, entry);
    const struct trimmed *trimmed = &retention->trimmed;

    retention->is_writing = false;
    if (failure != NULL) {
        log_failure("log.not_trimmed", failure);
        wait_ms(retention, LOOK_MS);
        return;
    }
    say_held(retention, trimmed->held_by);
    retention->dropped += trimmed->records;
    retention->floor = trimmed->records > 0 ? trimmed->floor : retention->floor;
    tell_dropped(retention);
    wait_ms(retention, trimmed->has_more ? PAUSE_MS : LOOK_MS);
}

static const struct commit_functions trim_functions = {
    .apply = trim_apply,
    .done = trim_done,
};

/* A read is cheap, a transaction that finds nothing to do keeps others waiting. */
static int look(struct retention *retention, bool *ret_is_due, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    const struct trim_wish wish = wish_at(retention, clock_wall_ns());
    uint64_t held_by = 0;
    struct view view;
    int r;

    r = log_begin(retention->broker->log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    view = view_store_in(txn);
    r = trim_is_due(txn, &view, &wish, ret_is_due, &held_by, err);
    if (r == 0)
        say_held(retention, held_by);
    return r;
}

/* Twice what has been appended since the last time: however fast others write, the log shrinks. */
static unsigned pace(uint64_t appended)
{
    if (appended > TRIM_RECORDS_MAX / 2)
        return TRIM_RECORDS_MAX;
    return appended > TRIM_RECORDS_USUAL / 2 ? (unsigned)appended * 2 : TRIM_RECORDS_USUAL;
}

static void trim_when_due(struct retention *retention)
{
    struct committer *committer = retention->broker->committer;
    uint64_t appended = committer_counters(committer).records;
    struct error err = { 0 };
    bool is_due = false;

    retention->looked = appended;
    retention->is_ageless = clocks_is_unsettled(retention->broker->clocks);
    if (look(retention, &is_due, &err) < 0)
        log_failure("log.not_trimmed", &err);
    if (!is_due) {
        tell_dropped(retention);
        wait_ms(retention, LOOK_MS);
        return;
    }
    (void)evtimer_del(retention->timer);
    retention->records_max = pace(appended - retention->trimmed_at);
    retention->trimmed_at = appended;
    retention->entry = (struct commit_entry){
        .functions = &trim_functions, .records = COMMIT_BATCH_RECORDS_MAX, /* a batch of its own */
    };
    retention->is_writing = committer_add_first(committer, &retention->entry) == 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    trim_when_due(arg);
}

void retention_wake(struct retention *retention)
{
    const struct retention_policy *policy = &retention->policy;
    uint64_t appended = committer_counters(retention->broker->committer).records;

    if ((policy->age_ns == 0 && policy->bytes == 0) || retention->is_writing ||
        appended - retention->looked < LOOK_RECORDS)
        return;
    trim_when_due(retention);
}

struct retention *retention_new(struct broker *broker, const struct retention_policy *policy)
{
    struct retention *retention = mem_new(struct retention);

    retention->broker = broker;
    retention->policy = *policy;
    retention->timer = evtimer_new(broker->loop, on_timer, retention);
    if (policy->age_ns != 0 || policy->bytes != 0)
        wait_ms(retention, LOOK_MS);
    return retention;
}

void retention_destroy(struct retention *retention)
{
    if (retention == NULL)
        return;
    event_free(retention->timer);
    free(retention);
}
