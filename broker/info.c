/* info: about the broker, and whom it takes the asker for. */
#include <unistd.h>

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/peer.h"
#include "broker/recovery.h"
#include "broker/reply.h"
#include "broker/snapshots.h"
#include "broker/view_store.h"
#include "common/io/log.h"
#include "schemas/bus.h"

/* What the log is, and since when. */
struct history {
    struct log_state state;
    uint64_t rebuilt;
    uint64_t lost_until;
};

static int read_history(struct log *log, struct history *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r == 0)
        r = log_state(txn, &ret->state, err);
    if (r == 0)
        r = view_store_number(txn, RECOVERY_REBUILT, &ret->rebuilt, err);
    if (r == 0)
        r = view_store_number(txn, RECOVERY_LOST_UNTIL, &ret->lost_until, err);
    return r;
}

void handle_info(struct broker *broker, struct request *request)
{
    const struct commit_counters counters = committer_counters(broker->committer);
    const struct past_counts past = snapshots_counts(broker->snapshots);
    struct peer *peer = request->peer;
    struct history history = { 0 };
    struct info_is info;
    struct error err = { 0 };

    if (read_history(broker->log, &history, &err) < 0) {
        log_failure("info.unreadable", &err);
        reply_error(request->sp, &err);
        return;
    }
    info = (struct info_is){
        .version = borrowed(GANTRY_VERSION),
        .log = history.state.id,
        .epoch = history.state.epoch,
        .head = history.state.head,
        .floor = history.state.floor,
        .log_bytes = history.state.bytes,
        .started = broker->started_ns,
        .peers = sp_counters(broker->server).peers,
        .commits = counters.commits,
        .records = counters.records,
        .actor = peer->identity.actor,
        .role = borrowed(role_name(peer->identity.role)),
        .pid = (uint32_t)getpid(),
        .rebuilt = history.rebuilt,
        .lost_until = history.lost_until,
        .past_first = past.first,
        .past_last = past.last,
        .past_snapshots = past.snapshots,
        .past_bytes = past.bytes,
    };
    reply_message(request->sp, &info_is_schema, &info);
}
