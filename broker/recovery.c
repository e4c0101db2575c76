/* A worker tells what the log has lost; see the header. */
#include "broker/recovery.h"

#include "broker/notice.h"
#include "broker/takeover.h"
#include "broker/view_store.h"
#include "common/io/clock.h"
#include "schemas/events.h"

int recovery_mark(struct log *log, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_rebuilt rebuilt = { 0 };
    const struct notice notice = { .schema = &log_rebuilt_schema, .body = &rebuilt };
    struct commit_turn turn = { .now_ns = clock_wall_ns() };
    struct log_state state;
    int r;

    r = log_begin(log, LOG_WRITE, &txn, err);
    if (r == 0)
        r = log_state(txn, &state, err);
    if (r < 0 || state.head != 0)
        return r;
    turn.txn = txn;
    turn.view = view_store_in(txn);
    rebuilt.epoch = state.epoch;
    r = notice_append(&turn, &notice, NULL, err);
    if (r == 0)
        r = view_store_put_number(txn, RECOVERY_REBUILT, turn.now_ns, err);
    return r == 0 ? log_commit(steal_ptr(txn), err) : r;
}

static int note_loss(struct log_txn *txn, uint64_t lost_until, struct error *err)
{
    uint64_t known;
    int r;

    r = view_store_number(txn, RECOVERY_LOST_UNTIL, &known, err);
    if (r < 0 || lost_until <= known)
        return r;
    return view_store_put_number(txn, RECOVERY_LOST_UNTIL, lost_until, err);
}

int recovery_begin(struct commit_turn *turn, const struct hello *said, const char *actor,
                   uint64_t from, uint64_t hello_pos, struct error *err)
{
    const struct host_recovering recovering = {
        .log = said->log,
        .from = from,
        .lost_until = said->lost_until,
    };
    const struct notice notice = {
        .actor = actor,
        .host = said->host,
        .schema = &host_recovering_schema,
        .body = &recovering,
    };
    int r;

    r = notice_append(turn, &notice, NULL, err);
    if (r == 0)
        r = note_loss(turn->txn, said->lost_until, err);
    return r == 0 ? takeover_set_start(turn->txn, said->host, hello_pos, err) : r;
}

int recovery_end(struct commit_turn *turn, const char *host, const char *actor, uint64_t recovery,
                 uint64_t told, struct error *err)
{
    const struct takeover_failure failure = {
        .before = recovery,
        .failure = FAILURE_WRONG_JOURNAL,
        .text = "the log was lost behind this command, and the host's worker does not know it any "
                "more: nobody knows whether it was carried out",
    };
    struct host_recovered recovered = { .told = told };
    const struct notice notice = {
        .actor = actor,
        .host = host,
        .schema = &host_recovered_schema,
        .body = &recovered,
    };
    int r;

    r = takeover_fail_commands(turn, host, &failure, &recovered.failed, err);
    return r == 0 ? notice_append(turn, &notice, NULL, err) : r;
}
