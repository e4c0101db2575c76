/*
 * host.lose: an operator says that a host is gone for good, with its disk. Nobody else can: a
 * host that is silent is only that, for as long as nobody knows better.
 */
#include <errno.h>
#include <stdlib.h>

#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/hosts.h"
#include "broker/peer.h"
#include "broker/reply.h"
#include "broker/takeover.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"

struct loss_entry {
    struct commit_entry entry;
    struct held held;
    struct broker *broker;
    struct host *host;
    char actor[ACTOR_SIZE];
    struct host_lose_is answer; /* what came of it: this, or the refusal */
    bool is_new;
    struct refusal refusal;
};

static void refuse_heard(struct loss_entry *loss)
{
    (void)refuse(&loss->refusal, FAILURE_HOST_TAKEN,
                 "host %s is still heard of: stop its worker, and say it again when the host is "
                 "unreachable",
                 loss->host->name);
}

static int loss_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct loss_entry *loss = container_of(entry, struct loss_entry, entry);
    autoarena arena = { 0 };
    struct host_row row;
    int r;

    loss->refusal = (struct refusal){ 0 };
    loss->answer = (struct host_lose_is){ 0 };
    loss->is_new = false;
    r = view_host_sealed(&turn->view, loss->host->name, &row, &arena, err);
    if (r < 0)
        return r;
    loss->answer.pos = row.pos;
    if (row.state == HOST_LOST)
        return 0;
    if (row.state != HOST_UNREACHABLE) {
        refuse_heard(loss);
        return 0;
    }
    loss->is_new = true;
    return takeover_lose_host(turn, &row, loss->actor, &loss->answer, err);
}

static void loss_done(struct commit_entry *entry, const struct error *failure)
{
    struct loss_entry *loss = container_of(entry, struct loss_entry, entry);
    const struct host_lose_is *answer = &loss->answer;
    struct sp_request *request = held_end(&loss->held);

    if (failure != NULL) {
        log_failure("host.not_given_up", failure);
        reply_error(request, failure);
    } else if (loss->refusal.failure != FAILURE_NONE) {
        reply_failure(request, loss->refusal.failure, "%s", loss->refusal.text);
    } else {
        if (loss->is_new) {
            hosts_give_up(loss->broker->hosts, loss->host);
            log_warning("host.lost", "host=%s actor=%s containers=%llu commands=%llu",
                        loss->host->name, loss->actor, (unsigned long long)answer->containers,
                        (unsigned long long)answer->commands);
        }
        reply_message(request, &host_lose_is_schema, answer);
    }
    free(loss);
}

static const struct commit_functions loss_functions = {
    .apply = loss_apply,
    .done = loss_done,
};

static const struct held_functions held_functions = { 0 };

void handle_host_lose(struct broker *broker, struct request *request)
{
    const struct host_lose *asked = request->message;
    struct host *host = hosts_find(broker->hosts, asked->host);
    struct loss_entry *loss;
    struct error err = { 0 };

    if (host == NULL) {
        reply_failure(request->sp, FAILURE_NO_HOST, "no host is called %.255s: check the name",
                      asked->host);
        return;
    }
    loss = mem_new(struct loss_entry);
    *loss = (struct loss_entry){
        .entry = { .functions = &loss_functions,
                   .records = COMMIT_BATCH_RECORDS_MAX /* all of a host: a batch of its own */ },
        .broker = broker,
        .host = host,
    };
    (void)stpcpy(loss->actor, request->peer->identity.actor);
    if (host->is_heard) {
        refuse_heard(loss);
        reply_failure(request->sp, loss->refusal.failure, "%s", loss->refusal.text);
        free(loss);
        return;
    }
    held_begin(&loss->held, &held_functions, request->sp);
    if (committer_add(broker->committer, &loss->entry, &err) == 0)
        return;
    reply_busy(held_end(&loss->held), err.text);
    free(loss);
}
