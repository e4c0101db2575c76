/* info: about the broker, and whom it takes the asker for. */
#include <unistd.h>

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/peer.h"
#include "broker/reply.h"
#include "common/io/log.h"
#include "schemas/bus.h"

static int read_state(struct log *log, struct log_state *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    int r;

    r = log_begin(log, LOG_READ, &txn, err);
    if (r < 0)
        return r;
    return log_state(txn, ret, err);
}

void handle_info(struct broker *broker, struct request *request)
{
    const struct commit_counters counters = committer_counters(broker->committer);
    struct peer *peer = request->peer;
    struct log_state state;
    struct info_is info;
    struct error err = { 0 };

    if (read_state(broker->log, &state, &err) < 0) {
        log_failure("info.unreadable", &err);
        reply_error(request->sp, &err);
        return;
    }
    info = (struct info_is){
        .version = borrowed(GANTRY_VERSION),
        .log = state.id,
        .epoch = state.epoch,
        .head = state.head,
        .floor = state.floor,
        .log_bytes = state.bytes,
        .started = broker->started_ns,
        .peers = sp_counters(broker->server).peers,
        .commits = counters.commits,
        .records = counters.records,
        .actor = peer->identity.actor,
        .role = borrowed(role_name(peer->identity.role)),
        .pid = (uint32_t)getpid(),
    };
    reply_message(request->sp, &info_is_schema, &info);
}
