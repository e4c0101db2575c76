/*
 * submit: a command enters the log, or is refused.
 *
 * It is judged in the transaction that appends it, so that two commands of one batch see each
 * other. Saying it again gets the first answer again.
 */
#include <stdio.h>

#include "broker/borrowed.h"
#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/core/admission.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/hosts.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/poll.h"
#include "broker/reply.h"
#include "common/arena.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

struct submit_entry {
    struct commit_entry entry;
    struct held held;
    struct broker *broker;
    struct arena arena;    /* of the record and what is added to it */
    struct record command; /* as its author sent it, with actor and stream */
    enum role role;
    struct admission admission; /* what came of it */
    uint64_t pos;               /* of the record that is the answer */
};

static int append_command(struct submit_entry *submit, struct commit_turn *turn, struct error *err)
{
    struct record record = submit->command;
    int r;

    r = commit_append(turn, &record, err);
    if (r < 0)
        return r;
    submit->pos = record.pos;
    return 0;
}

static int append_refusal(struct submit_entry *submit, struct commit_turn *turn, struct error *err)
{
    const struct record *command = &submit->command;
    const struct command_failed why = {
        .code = borrowed(failure_name(submit->admission.refusal.failure)),
        .text = submit->admission.refusal.text,
    };
    const struct notice notice = {
        .actor = command->actor,
        .host = command->host,
        .container = command->container,
        .cause = command->id,
        .schema = &command_refused_schema,
        .body = &why,
    };

    return notice_append(turn, &notice, &submit->pos, err);
}

static int submit_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct submit_entry *submit = container_of(entry, struct submit_entry, entry);
    const struct admission_context context = {
        .now_ns = turn->now_ns,
        .role = submit->role,
        .is_recovering = submit->broker->options->is_recovering,
    };
    struct admission *admission = &submit->admission;
    int r;

    r = admission_check(&turn->view, &submit->command, &context, admission, err);
    if (r < 0)
        return r;
    submit->pos = admission->pos;
    if (admission->result == ADMISSION_ACCEPT)
        return append_command(submit, turn, err);
    if (admission->result == ADMISSION_REFUSE && admission->is_recorded)
        return append_refusal(submit, turn, err);
    return 0;
}

static void submit_free(struct submit_entry *submit)
{
    arena_done(&submit->arena);
    free(submit);
}

static void answer(struct submit_entry *submit, struct sp_request *request)
{
    struct admission *admission = &submit->admission;
    struct submitted submitted = {
        .pos = submit->pos,
        .is_duplicate = admission->result == ADMISSION_DUPLICATE,
    };

    if (admission->refusal.failure != FAILURE_NONE) {
        submitted.code = borrowed(failure_name(admission->refusal.failure));
        submitted.text = admission->refusal.text;
    }
    reply_message(request, &submitted_schema, &submitted);
}

static void submit_done(struct commit_entry *entry, const struct error *failure)
{
    struct submit_entry *submit = container_of(entry, struct submit_entry, entry);
    struct sp_request *request = held_end(&submit->held);
    struct host *host;

    if (failure != NULL) {
        log_failure("submit.not_written", failure);
        reply_error(request, failure);
        submit_free(submit);
        return;
    }
    answer(submit, request);
    if (submit->admission.result == ADMISSION_ACCEPT) {
        host = hosts_find(submit->broker->hosts, submit->command.host);
        if (host != NULL)
            poll_wake(host);
    }
    submit_free(submit);
}

static const struct commit_functions submit_functions = {
    .apply = submit_apply,
    .done = submit_done,
};

static const struct held_functions held_functions = { 0 };

/* What the broker knows of a command before it is judged; the rest of its part is emptied. */
static void stamp(struct record *command, const struct peer *peer, struct arena *arena)
{
    command->stream = arena_printf(arena, STREAM_COMMANDS_PREFIX "%s",
                                   command->host != NULL ? command->host : "");
    command->actor = arena_text(arena, peer->identity.actor);
    command->pos = command->prev = command->time = 0;
    command->incarnation = command->journal_seq = 0;
    command->run = 0;
    command->cause = (struct command_id){ 0 };
}

static void write_command(struct broker *broker, struct request *request,
                          const struct record *command)
{
    struct submit_entry *submit = mem_new(struct submit_entry);
    struct error err = { 0 };

    submit->broker = broker;
    submit->command = *command;
    submit->role = request->peer->identity.role;
    stamp(&submit->command, request->peer, request->arena);
    submit->entry = (struct commit_entry){
        .functions = &submit_functions,
        .records = 1,
        .bytes = request->arena->used,
    };
    submit->arena = request_take_arena(request);
    held_begin(&submit->held, &held_functions, request->sp);
    if (committer_add(broker->committer, &submit->entry, &err) == 0)
        return;
    reply_busy(held_end(&submit->held), err.text);
    submit_free(submit);
}

void handle_submit(struct broker *broker, struct request *request)
{
    const struct submit *asked = request->message;
    struct error err = { 0 };
    struct record command;

    if (committer_is_busy(broker->committer)) {
        reply_busy(request->sp, "too much waits to be written: try again later");
        return;
    }
    /* The worker's event repeats the configuration: what is larger could never be reported. */
    if (asked->record.bytes.size > SUBMIT_BYTES_MAX) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT,
                      "the command has %zu bytes, and at most %d are taken: make it smaller",
                      asked->record.bytes.size, SUBMIT_BYTES_MAX);
        return;
    }
    if (schema_decode(&record_schema, asked->record.bytes, &command, request->arena, &err) < 0) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "%s", err.text);
        return;
    }
    if (command.kind != RECORD_COMMAND) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT,
                      "only commands are submitted, and %.64s is of kind %u", command.type,
                      (unsigned)command.kind);
        return;
    }
    write_command(broker, request, &command);
}
