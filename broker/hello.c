/*
 * hello: a worker begins to speak for its host. Its incarnation fences the ones before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/core/greeting.h"
#include "broker/core/refusals.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/hosts.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/recovery.h"
#include "broker/reply.h"
#include "broker/takeover.h"
#include "common/arena.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/events.h"

struct hello_entry {
    struct commit_entry entry;
    struct held held;
    struct broker *broker;
    struct arena arena; /* of the message */
    struct hello hello;
    char actor[ACTOR_SIZE];
    struct host_row known;    /* who spoke for the host when it came; no name: nobody ever did */
    bool is_taken;            /* and is heard: if that is another one */
    char speaker[ACTOR_SIZE]; /* who that is */
    struct welcome welcome;   /* what came of it: this, or the refusal */
    struct refusal refusal;
};

static int append_hello(const struct hello_entry *hello, struct commit_turn *turn, uint64_t *ret,
                        struct error *err)
{
    const struct host_hello said = {
        .incarnation = hello->hello.incarnation,
        .journal = hello->hello.journal,
        .facts = hello->hello.facts,
        .session = hello->hello.session,
    };
    const struct notice notice = {
        .actor = hello->actor,
        .host = hello->hello.host,
        .schema = &host_hello_schema,
        .body = &said,
    };

    return notice_append(turn, &notice, ret, err);
}

/* Another journal takes the host: the one that is known is given up, if it may be. */
static int give_up_known(struct hello_entry *hello, struct commit_turn *turn, bool is_accepted,
                         struct error *err)
{
    static const struct takeover_failure failure = {
        .before = UINT64_MAX,
        .failure = FAILURE_WRONG_JOURNAL,
        .text = "the host's worker came back without its journal: nobody knows whether this "
                "command was carried out",
    };
    const struct takeover_loss loss = {
        .text = "its host's worker came back without its journal",
        .actor = hello->actor,
    };
    const char *host = hello->hello.host;
    uint64_t failed, lost;
    int r;

    r = takeover_check(&turn->view, host, is_accepted, &hello->refusal, err);
    if (r < 0 || hello->refusal.failure != FAILURE_NONE)
        return r;
    r = takeover_fail_commands(turn, host, &failure, &failed, err);
    return r == 0 ? takeover_lose_containers(turn, host, &loss, &lost, err) : r;
}

/* Let it in as was judged. */
static int let_in(struct hello_entry *hello, struct commit_turn *turn,
                  const struct greeting *greeting, struct error *err)
{
    const struct hello *said = &hello->hello;
    uint64_t pos = 0;
    int r;

    if (greeting->is_recovery)
        log_skip(turn->txn, said->cursor);
    r = append_hello(hello, turn, &pos, err);
    if (r == 0 && greeting->is_recovery)
        return recovery_begin(turn, said, hello->actor, greeting->from, pos, err);
    return r == 0 && greeting->is_takeover ? takeover_set_start(turn->txn, said->host, pos, err)
                                           : r;
}

/* No command for the host lies beyond: its stream's last, or where that begins for this worker. */
static int read_commands_head(struct log_txn *txn, const char *host, uint64_t *ret,
                              struct error *err)
{
    char stream[NAME_SIZE_MAX + sizeof(STREAM_COMMANDS_PREFIX)];
    uint64_t start;
    int r;

    (void)snprintf(stream, sizeof(stream), STREAM_COMMANDS_PREFIX "%s", host);
    r = log_stream_head(txn, stream, ret, err);
    if (r == 0)
        r = takeover_start(txn, host, &start, err);
    if (r == 0 && *ret < start)
        *ret = start;
    return r;
}

static bool is_known(const struct hello_entry *hello, const struct host_row *row)
{
    const struct host_row *known = &hello->known;

    return command_id_equal(known->journal, row->journal) &&
           known->incarnation == row->incarnation && known->session == row->session;
}

/* Whether another one speaks for the host: as the loop saw it when this came, or let in since. */
static void note_speaker(const struct hello_entry *hello, const struct host_row *row,
                         struct greeting_question *question)
{
    if (greeting_is_same(&hello->hello, row))
        return;
    question->is_taken = hello->is_taken || !is_known(hello, row);
    if (hello->is_taken && is_known(hello, row))
        question->speaker = hello->speaker;
}

static int judge(struct hello_entry *hello, struct commit_turn *turn, struct error *err)
{
    const struct broker_options *options = hello->broker->options;
    const char *accepted = options->accepted_journal;
    struct greeting_question question = {
        .said = &hello->hello,
        .is_recovering = options->is_recovering,
        .is_accepted = accepted != NULL && strcmp(accepted, hello->hello.host) == 0,
    };
    autoarena arena = { 0 };
    struct greeting greeting;
    struct log_state state;
    struct host_row row;
    int r;

    r = view_host_sealed(&turn->view, hello->hello.host, &row, &arena, err);
    if (r == 0) {
        question.row = &row;
        note_speaker(hello, &row, &question);
    }
    if (r == 0 || r == -ENOENT)
        r = log_state(turn->txn, &state, err);
    if (r == 0)
        r = read_commands_head(turn->txn, hello->hello.host, &question.commands_head, err);
    if (r < 0)
        return r;
    question.log = state.id;
    greeting_judge(&question, &greeting);
    hello->refusal = greeting.refusal;
    if (hello->refusal.failure == FAILURE_NONE && greeting.is_takeover)
        r = give_up_known(hello, turn, question.is_accepted, err);
    if (r < 0 || hello->refusal.failure != FAILURE_NONE)
        return r;
    return let_in(hello, turn, &greeting, err);
}

static int fill_welcome(struct hello_entry *hello, struct commit_turn *turn, struct error *err)
{
    autoarena arena = { 0 };
    struct log_state state;
    struct host_row row;
    uint64_t commands_head;
    int r;

    r = view_host_sealed(&turn->view, hello->hello.host, &row, &arena, err);
    if (r == 0)
        r = log_state(turn->txn, &state, err);
    if (r == 0)
        r = read_commands_head(turn->txn, hello->hello.host, &commands_head, err);
    if (r < 0)
        return r;
    hello->welcome = (struct welcome){
        .log = state.id,
        .epoch = state.epoch,
        .head = state.head,
        .journal_seq = row.journal_seq,
        .commands_head = commands_head,
        .actor = hello->actor,
        .recovery = row.recovery,
    };
    return 0;
}

static int hello_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct hello_entry *hello = container_of(entry, struct hello_entry, entry);
    int r;

    hello->refusal = (struct refusal){ 0 };
    r = judge(hello, turn, err);
    if (r < 0 || hello->refusal.failure != FAILURE_NONE)
        return r;
    return fill_welcome(hello, turn, err);
}

static void hello_free(struct hello_entry *hello)
{
    arena_done(&hello->arena);
    free(hello);
}

/* Not again each time that it tries. */
static bool is_news(const struct hello_entry *hello, struct host *host)
{
    const struct refused_worker refused = {
        .journal = hello->hello.journal,
        .session = hello->hello.session,
        .incarnation = hello->hello.incarnation,
        .failure = hello->refusal.failure,
    };

    if (host->refusals == NULL)
        host->refusals = mem_new(struct refusals);
    return refusals_note(host->refusals, &refused, clock_steady_ms());
}

/* A host that nobody has spoken for yet has no place in the log. */
static void tell_refusal(const struct hello_entry *hello)
{
    const struct hello *said = &hello->hello;
    struct host *host = hosts_find(hello->broker->hosts, said->host);
    const struct host_refused refused = {
        .code = borrowed(failure_name(hello->refusal.failure)),
        .text = borrowed(hello->refusal.text),
        .incarnation = said->incarnation,
        .journal = said->journal,
        .session = said->session,
    };

    if (host != NULL && !is_news(hello, host))
        return;
    log_warning("hello.refused", "actor=%s host=%s incarnation=%llu reason=%s", hello->actor,
                said->host, (unsigned long long)said->incarnation, LOG_TEXT(hello->refusal.text));
    if (host != NULL)
        notice_write(hello->broker, &(struct notice){ .actor = hello->actor,
                                                      .host = said->host,
                                                      .schema = &host_refused_schema,
                                                      .body = &refused });
}

static void hello_done(struct commit_entry *entry, const struct error *failure)
{
    struct hello_entry *hello = container_of(entry, struct hello_entry, entry);
    struct sp_request *request = held_end(&hello->held);
    const struct hello *said = &hello->hello;
    struct peer *peer = request != NULL ? peer_of(sp_request_peer(request)) : NULL;

    if (failure != NULL) {
        log_failure("hello.not_written", failure);
        reply_error(request, failure);
    } else if (hello->refusal.failure != FAILURE_NONE) {
        tell_refusal(hello);
        reply_failure(request, hello->refusal.failure, "%s", hello->refusal.text);
    } else if (hosts_welcome(hello->broker->hosts, said, peer) == NULL) {
        reply_busy(request, "this broker knows as many hosts as it can");
    } else {
        log_info("host.hello", "host=%s actor=%s incarnation=%llu journal_seq=%llu", said->host,
                 hello->actor, (unsigned long long)said->incarnation,
                 (unsigned long long)hello->welcome.journal_seq);
        if (hello->welcome.recovery != 0)
            log_warning("host.recovering", "host=%s from_seq=%llu last_seq=%llu", said->host,
                        (unsigned long long)hello->welcome.journal_seq + 1,
                        (unsigned long long)said->last);
        reply_message(request, &welcome_schema, &hello->welcome);
    }
    hello_free(hello);
}

static const struct commit_functions hello_functions = {
    .apply = hello_apply,
    .done = hello_done,
};

static const struct held_functions held_functions = { 0 };

/* Who speaks for the host now, as far as this thread knows. */
static void note_known(struct hello_entry *hello)
{
    const struct host *host = hosts_find(hello->broker->hosts, hello->hello.host);

    if (host == NULL)
        return;
    hello->known = (struct host_row){
        .name = host->name,
        .incarnation = host->incarnation,
        .journal = host->journal,
        .session = host->session,
    };
    hello->is_taken = hosts_is_spoken_for(host);
    if (host->speaker != NULL)
        (void)snprintf(hello->speaker, sizeof(hello->speaker), "%s", host->speaker->identity.actor);
}

static void write_hello(struct broker *broker, struct request *request)
{
    struct hello_entry *hello = mem_new(struct hello_entry);
    struct error err = { 0 };

    hello->broker = broker;
    hello->hello = *(const struct hello *)request->message;
    (void)stpcpy(hello->actor, request->peer->identity.actor);
    note_known(hello);
    hello->entry = (struct commit_entry){
        .functions = &hello_functions,
        .records = 1,
        .bytes = request->arena->used,
    };
    hello->arena = request_take_arena(request);
    held_begin(&hello->held, &held_functions, request->sp);
    if (committer_add(broker->committer, &hello->entry, &err) == 0)
        return;
    reply_busy(held_end(&hello->held), err.text);
    hello_free(hello);
}

void handle_hello(struct broker *broker, struct request *request)
{
    const struct hello *said = request->message;
    struct error err;

    if (!name_is_valid(said->host)) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "%.64s is no name for a host",
                      said->host);
        return;
    }
    if (!identity_speaks_for(&request->peer->identity, said->host)) {
        (void)error_set(&err, -EPERM, "%s may not speak for the host %s",
                        request->peer->identity.actor, said->host);
        dispatch_deny(broker, request, err.text);
        return;
    }
    if (said->incarnation == 0 || command_id_is_zero(said->journal)) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT,
                      "hello of %s: an incarnation begins at 1, and a journal has an id",
                      said->host);
        return;
    }
    if (hosts_find(broker->hosts, said->host) == NULL && !hosts_has_room(broker->hosts)) {
        reply_busy(request->sp, "this broker knows as many hosts as it can");
        return;
    }
    write_hello(broker, request);
}
