/* The broker: how its parts are wired; see the header. */
#include "broker/broker.h"

#include <stdlib.h>

#include <event2/event.h>

#include "broker/backup.h"
#include "broker/clocks.h"
#include "broker/commit.h"
#include "broker/dispatch.h"
#include "broker/held.h"
#include "broker/hosts.h"
#include "broker/outcome.h"
#include "broker/peer.h"
#include "broker/publisher.h"
#include "broker/recovery.h"
#include "broker/relay.h"
#include "broker/reply.h"
#include "broker/snapshots.h"
#include "broker/view_hash.h"
#include "broker/view_store.h"
#include "broker/watch.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/mem.h"

static void on_request(void *owner, struct sp_request *request, struct bytes body)
{
    struct broker *broker = owner;

    if (broker->on_drained != NULL)
        reply_busy(request, "the broker is stopping");
    else
        dispatch(broker, request, body);
}

static void on_connected(void *owner, struct sp_peer *sp)
{
    struct broker *broker = owner;
    const struct peer *peer;

    peer_begin(sp);
    peer = peer_of(sp);
    log_debug("peer.connected", "actor=%s role=%s", peer->identity.actor,
              role_name(peer->identity.role));
    if (!sp_peer_is_follower(sp))
        return;
    /* The feed says what watch says. */
    if (role_may(peer->identity.role, watch_schema.name)) {
        publisher_followed(broker->publisher);
        return;
    }
    log_warning("access.denied", "actor=%s role=%s request=feed", peer->identity.actor,
                role_name(peer->identity.role));
    sp_peer_close(sp);
}

static void on_closed(void *owner, struct sp_peer *sp)
{
    (void)owner;
    log_debug("peer.closed", "actor=%s", peer_of(sp)->identity.actor);
    hosts_peer_gone(peer_of(sp));
    peer_end(sp);
}

static void on_abandoned(void *owner, struct sp_request *request)
{
    (void)owner;
    held_abandon(request);
}

static void on_refused(void *owner, const struct sp_identity *identity, const struct error *why)
{
    (void)owner;
    log_warning("peer.refused", "address=%s reason=%s", identity->address, LOG_TEXT(why->text));
}

static const struct sp_handlers sp_handlers = {
    .on_request = on_request,
    .on_connected = on_connected,
    .on_closed = on_closed,
    .on_abandoned = on_abandoned,
    .on_refused = on_refused,
};

static void tell_drained(struct broker *broker)
{
    if (broker->on_drained != NULL && committer_is_idle(broker->committer))
        broker->on_drained(broker);
}

/* All who wrote have been answered: now those who wait for what was written. */
static void on_committed(void *owner)
{
    struct broker *broker = owner;

    watches_wake(broker->watches);
    publisher_publish(broker->publisher);
    snapshots_wake(broker->snapshots);
    retention_wake(broker->retention);
    tell_drained(broker);
}

static int open_log(struct broker *broker, struct error *err)
{
    uint64_t folded;
    int r;

    r = view_store_open_log(broker->options->state_directory, &broker->log, err);
    if (r < 0)
        return r;
    r = view_store_prepare(broker->log, &folded, err);
    if (r < 0)
        return r;
    if (folded > 0)
        log_info("view.folded", "records=%llu", (unsigned long long)folded);
    return broker->options->is_recovering ? recovery_mark(broker->log, err) : 0;
}

static int wire(struct broker *broker, struct error *err)
{
    int r;

    r = open_log(broker, err);
    if (r < 0)
        return r;
    r = committer_new(broker->loop, broker->log, on_committed, broker, &broker->committer, err);
    if (r < 0)
        return r;
    r = sp_server_new(broker->loop, &sp_handlers, broker, &broker->server, err);
    if (r < 0)
        return r;
    broker->watches = watches_new(broker);
    broker->outcomes = outcomes_new(broker);
    broker->relay = relay_new(broker);
    broker->publisher = publisher_new(broker);
    broker->clocks = clocks_new(broker);
    broker->retention = retention_new(broker, &broker->options->retention);
    r = backups_new(broker, &broker->backups, err);
    if (r < 0)
        return r;
    r = view_hashes_new(broker, &broker->view_hashes, err);
    if (r < 0)
        return r;
    r = snapshots_new(broker, &broker->snapshots, err);
    if (r < 0)
        return r;
    return hosts_new(broker, &broker->hosts, err);
}

int broker_new(struct event_base *loop, const struct broker_options *options, struct broker **ret,
               struct error *err)
{
    autodestroy(broker) struct broker *broker = mem_new(struct broker);
    int r;

    broker->loop = loop;
    broker->options = options;
    broker->started_ns = clock_wall_ns();
    r = wire(broker, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(broker);
    return 0;
}

static void on_drain_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_drained(arg);
}

void broker_drain(struct broker *broker, void (*on_drained)(struct broker *broker))
{
    static const struct timeval at_once;

    broker->on_drained = on_drained;
    (void)event_base_once(broker->loop, -1, EV_TIMEOUT, on_drain_turn, broker, &at_once);
}

void broker_destroy(struct broker *broker)
{
    if (broker == NULL)
        return;
    /* What works on other threads may hold requests: it goes first, and answers them. */
    committer_destroy(broker->committer);
    broker->committer = NULL;
    retention_destroy(broker->retention);
    clocks_destroy(broker->clocks);
    backups_destroy(broker->backups);
    view_hashes_destroy(broker->view_hashes);
    snapshots_destroy(broker->snapshots);
    broker->snapshots = NULL;
    sp_server_destroy(broker->server);
    relay_destroy(broker->relay);
    watches_destroy(broker->watches);
    outcomes_destroy(broker->outcomes);
    publisher_destroy(broker->publisher);
    hosts_destroy(broker->hosts);
    log_close(broker->log);
    free(broker);
}
