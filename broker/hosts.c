/* The hosts that the broker knows; see the header. */
#include "broker/hosts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "broker/broker.h"
#include "broker/core/liveness.h"
#include "broker/dispatch.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/relay.h"
#include "broker/reply.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

/* A reachability that could not be written is tried again after this. */
#define SETTLE_AGAIN_MS 1000

struct hosts {
    struct broker *broker;
    struct host *by_name;
    struct liveness *liveness;
    struct event *silence_timer;
    struct event *settle_timer;
};

static struct timeval distance_of(uint64_t ms)
{
    return (struct timeval){
        .tv_sec = (time_t)(ms / 1000),
        .tv_usec = (suseconds_t)(ms % 1000) * 1000,
    };
}

static struct host *host_new(struct hosts *hosts, const char *name)
{
    struct host *host = mem_new(struct host);

    host->name = mem_dup_text(name);
    host->broker = hosts->broker;
    TAILQ_INIT(&host->offers);
    HASH_ADD_STR(hosts->by_name, name, host);
    return host;
}

/* --- what the log says of it */

static int reach_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct reach_entry *reach = container_of(entry, struct reach_entry, entry);
    const struct host *host = reach->host;
    const struct host_unreachable unreachable = { .silent_ms = reach->silent_ms };
    autoarena arena = { 0 };
    struct host_row row;
    const struct notice notice = {
        .host = host->name,
        .schema = reach->is_reachable ? &host_reachable_schema : &host_unreachable_schema,
        .body = &unreachable,
    };
    int r;

    r = view_host(&turn->view, host->name, &row, &arena, err);
    if (r < 0)
        return r;
    /* A hello may have said it already, and who is lost is neither. */
    if ((row.state == HOST_REACHABLE) == reach->is_reachable || row.state == HOST_LOST)
        return 0;
    return notice_append(turn, &notice, NULL, err);
}

static void settle(struct hosts *hosts, struct host *host);

static void reach_done(struct commit_entry *entry, const struct error *failure)
{
    struct reach_entry *reach = container_of(entry, struct reach_entry, entry);
    struct host *host = reach->host;
    struct hosts *hosts = host->broker->hosts;
    struct timeval again = distance_of(SETTLE_AGAIN_MS);
    bool is_reachable = reach->is_reachable;

    host->reach = NULL;
    if (host->is_lost) { /* meanwhile */
        free(reach);
        return;
    }
    if (failure != NULL) {
        log_failure("host.not_recorded", failure);
        free(reach);
        (void)evtimer_add(hosts->settle_timer, &again);
        return;
    }
    free(reach);
    host->is_reachable = is_reachable;
    log_info(is_reachable ? "host.reachable" : "host.unreachable", "host=%s", host->name);
    settle(hosts, host);
}

static const struct commit_functions reach_functions = {
    .apply = reach_apply,
    .done = reach_done,
};

/* Let the log say what is heard of the host. */
static void settle(struct hosts *hosts, struct host *host)
{
    struct timeval again = distance_of(SETTLE_AGAIN_MS);
    struct reach_entry *reach;

    if (host->reach != NULL || host->is_heard == host->is_reachable)
        return;
    reach = mem_new(struct reach_entry);
    *reach = (struct reach_entry){
        .entry = { .functions = &reach_functions, .records = 1, .bytes = NAME_SIZE_MAX },
        .host = host,
        .is_reachable = host->is_heard,
        .silent_ms = host->silent_ms,
    };
    if (committer_add(hosts->broker->committer, &reach->entry, NULL) == 0) {
        host->reach = reach;
        return;
    }
    free(reach);
    (void)evtimer_add(hosts->settle_timer, &again);
}

static void settle_all(evutil_socket_t fd, short what, void *arg)
{
    struct hosts *hosts = arg;
    struct host *host, *next;

    (void)fd;
    (void)what;
    HASH_ITER(hh, hosts->by_name, host, next)
    {
        settle(hosts, host);
    }
}

/* --- what is heard of it */

/* The timer is never moved forward: when it fires early it is set again. */
static void watch_silence(struct hosts *hosts)
{
    uint64_t deadline = liveness_deadline(hosts->liveness);
    uint64_t now = clock_steady_ms();
    struct timeval distance;

    if (deadline == LIVENESS_NEVER || evtimer_pending(hosts->silence_timer, NULL))
        return;
    distance = distance_of(deadline > now ? deadline - now : 0);
    (void)evtimer_add(hosts->silence_timer, &distance);
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
    struct hosts *hosts = arg;
    struct silence silence;

    (void)fd;
    (void)what;
    while (liveness_next_silent(hosts->liveness, clock_steady_ms(), &silence)) {
        struct host *host = hosts_find(hosts, silence.host);

        assert(host != NULL); /* only what is in `hosts` is listened for, and nobody leaves it */
        host->is_heard = false;
        host->silent_ms = silence.silent_ms;
        settle(hosts, host);
        relay_end_host(hosts->broker->relay, host, "its worker has fallen silent");
    }
    watch_silence(hosts);
}

void hosts_heard(struct hosts *hosts, struct host *host)
{
    struct error err = { 0 };

    if (liveness_heard(hosts->liveness, host->name, clock_steady_ms(), NULL, &err) < 0) {
        log_failure("host.not_tracked", &err);
        return;
    }
    host->is_heard = true;
    settle(hosts, host);
    watch_silence(hosts);
}

struct host *hosts_find(struct hosts *hosts, const char *name)
{
    struct host *host;

    HASH_FIND_STR(hosts->by_name, name, host);
    return host;
}

bool hosts_has_room(const struct hosts *hosts)
{
    return HASH_COUNT(hosts->by_name) < HOSTS_MAX;
}

static void fence(struct held *held, const struct host *host)
{
    reply_failure(held_end(held), FAILURE_FENCED, "a newer worker speaks for the host %s",
                  host->name);
}

/* What waits for the host's former worker has to end. */
static void fence_former(struct hosts *hosts, struct host *host)
{
    fence(&host->poll, host);
    fence(&host->accept, host);
    relay_end_host(hosts->broker->relay, host, "its worker has started again");
}

static void begin_voice(struct host *host)
{
    host->voice++;
    host->voices = 0;
    host->speaker = NULL;
}

static void reply_lost(struct sp_request *request, const struct host *host)
{
    reply_failure(request, FAILURE_HOST_LOST, "host %s was given up", host->name);
}

void hosts_give_up(struct hosts *hosts, struct host *host)
{
    host->is_lost = true;
    host->is_reachable = false;
    host->is_heard = false;
    begin_voice(host);
    liveness_forget(hosts->liveness, host->name);
    reply_lost(held_end(&host->poll), host);
    reply_lost(held_end(&host->accept), host);
    relay_end_host(hosts->broker->relay, host, "it was given up");
}

/* Its worker has spoken on this connection, perhaps for the first time. */
static void hear_voice(struct host *host, struct peer *peer)
{
    host->speaker = peer;
    if (peer->host == host && peer->voice == host->voice)
        return;
    hosts_peer_gone(peer); /* it spoke for another one */
    peer->host = host;
    peer->voice = host->voice;
    host->voices++;
}

void hosts_peer_gone(struct peer *peer)
{
    struct host *host = peer->host;

    peer->host = NULL;
    if (host == NULL || peer->voice != host->voice)
        return;
    host->voices--;
    if (host->speaker == peer)
        host->speaker = NULL;
}

bool hosts_is_spoken_for(const struct host *host)
{
    return host->voices > 0 && host->is_heard;
}

struct host *hosts_welcome(struct hosts *hosts, const struct hello *said, struct peer *peer)
{
    struct host *host = hosts_find(hosts, said->host);

    if (host == NULL && !hosts_has_room(hosts))
        return NULL;
    if (host == NULL)
        host = host_new(hosts, said->host);
    if (host->incarnation != said->incarnation || host->session != said->session ||
        !command_id_equal(host->journal, said->journal)) {
        fence_former(hosts, host);
        begin_voice(host);
    }
    if (peer != NULL)
        hear_voice(host, peer);
    host->incarnation = said->incarnation;
    host->journal = said->journal;
    host->session = said->session;
    host->is_lost = false;
    host->is_reachable = true;
    hosts_heard(hosts, host);
    return host;
}

/* Whether what it claims is less than what is known, or more: why it may not speak. */
static bool is_refused(struct sp_request *request, const struct host *host,
                       const struct worker_claim *claim)
{
    bool has_session = host != NULL && host->session != 0 && claim->session != 0;

    if (host != NULL && !command_id_equal(claim->journal, host->journal))
        reply_failure(request, FAILURE_FENCED,
                      "a worker with another state directory speaks for the host %s", host->name);
    else if (host != NULL && host->is_lost)
        reply_lost(request, host);
    else if (host == NULL || claim->incarnation > host->incarnation)
        reply_failure(request, FAILURE_NO_HOST,
                      "no worker has said hello for the host %.255s with incarnation %llu",
                      claim->host, (unsigned long long)claim->incarnation);
    else if (claim->incarnation < host->incarnation)
        reply_failure(request, FAILURE_FENCED,
                      "a newer worker speaks for the host %s: its incarnation is %llu, this one's "
                      "%llu",
                      host->name, (unsigned long long)host->incarnation,
                      (unsigned long long)claim->incarnation);
    else if (has_session && claim->session != host->session)
        reply_failure(request, FAILURE_FENCED,
                      "a worker with a copy of this state directory speaks for the host %s",
                      host->name);
    else
        return false;
    return true;
}

struct host *hosts_of_worker(struct broker *broker, struct request *request,
                             const struct worker_claim *claim)
{
    struct host *host;
    struct error err;

    if (!identity_speaks_for(&request->peer->identity, claim->host)) {
        (void)error_set(&err, -EPERM, "%s may not speak for the host %.255s",
                        request->peer->identity.actor, claim->host);
        dispatch_deny(broker, request, err.text);
        return NULL;
    }
    host = hosts_find(broker->hosts, claim->host);
    if (is_refused(request->sp, host, claim))
        return NULL;
    hear_voice(host, request->peer);
    hosts_heard(broker->hosts, host);
    return host;
}

/* --- the start and the end */

static int load_host(void *owner, struct bytes key, struct bytes value)
{
    struct hosts *hosts = owner;
    autoarena arena = { 0 };
    struct host_row row;
    struct host *host;
    struct error err = { 0 };

    (void)key;
    if (schema_decode(&host_row_schema, value, &row, &arena, &err) < 0) {
        log_failure("host.row_damaged", &err);
        return -EUCLEAN;
    }
    host = host_new(hosts, row.name);
    host->incarnation = row.incarnation;
    host->journal = row.journal;
    host->session = row.session;
    host->is_lost = row.state == HOST_LOST;
    host->is_reachable = row.state == HOST_REACHABLE;
    host->is_heard = host->is_reachable;
    if (host->is_heard)
        return liveness_heard(hosts->liveness, host->name, clock_steady_ms(), NULL, NULL);
    return liveness_add_silent(hosts->liveness, host->name, NULL);
}

static int load(struct hosts *hosts, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct view view;
    int r;

    r = log_begin(hosts->broker->log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    view = view_store_in(txn);
    r = view.functions->walk(view.store, VIEW_HOSTS, (struct bytes){ 0 }, load_host, hosts, err);
    if (r < 0)
        return error_set(err, r, "load the hosts of the view");
    watch_silence(hosts);
    return 0;
}

int hosts_new(struct broker *broker, struct hosts **ret, struct error *err)
{
    struct hosts *hosts = mem_new(struct hosts);
    int r;

    hosts->broker = broker;
    hosts->liveness = liveness_new(HOST_SILENCE_MS, HOSTS_MAX);
    hosts->silence_timer = evtimer_new(broker->loop, on_silence, hosts);
    hosts->settle_timer = evtimer_new(broker->loop, settle_all, hosts);
    r = load(hosts, err);
    if (r < 0) {
        hosts_destroy(hosts);
        return r;
    }
    *ret = hosts;
    return 0;
}

void hosts_destroy(struct hosts *hosts)
{
    struct host *host, *next;

    if (hosts == NULL)
        return;
    host = hosts->by_name;
    HASH_CLEAR(hh, hosts->by_name); /* the hosts stay linked */
    for (; host != NULL; host = next) {
        next = host->hh.next;
        free(host->refusals);
        free(host->name);
        free(host);
    }
    event_free(hosts->silence_timer);
    event_free(hosts->settle_timer);
    liveness_destroy(hosts->liveness);
    free(hosts);
}
