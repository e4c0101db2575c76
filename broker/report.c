/*
 * report: events of a worker's journal enter the log, each once and in the journal's order.
 *
 * What the worker says of itself is checked before, what it has said already is looked up in the
 * transaction that appends: the number after the last one is appended, those up to it are skipped,
 * a larger one is answered by `expect`.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/hosts.h"
#include "broker/outcome.h"
#include "broker/peer.h"
#include "broker/reply.h"
#include "common/arena.h"
#include "common/fleet/refusal.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

struct report_entry {
    struct commit_entry entry;
    struct held held;
    struct broker *broker;
    struct arena arena; /* of the records */
    struct host *host;
    uint64_t incarnation;
    struct command_id journal;
    uint64_t session;
    struct record *records; /* with stream, incarnation and actor */
    size_t count;
    uint64_t upto; /* what came of it: the last number in the log */
    uint64_t pos;  /* of that record */
    bool is_gap;   /* a record was beyond upto + 1 */
    struct refusal refusal;
};

static bool is_outcome(const char *type)
{
    static const struct schema *const outcomes[] = {
        &command_done_schema,
        &command_failed_schema,
        &command_refused_schema,
        &command_expired_schema,
    };

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (strcmp(outcomes[i]->name, type) == 0)
            return true;
    }
    return false;
}

static bool is_of_row(const struct report_entry *report, const struct host_row *row)
{
    return row->incarnation == report->incarnation &&
           command_id_equal(row->journal, report->journal) &&
           (row->session == report->session || row->session == 0 || report->session == 0);
}

/* A newer worker may have said hello in this very batch. */
static void check_fence(struct report_entry *report, const struct host_row *row)
{
    if (row->state == HOST_LOST)
        (void)refuse(&report->refusal, FAILURE_HOST_LOST, "host %s was given up", row->name);
    else if (!is_of_row(report, row))
        (void)refuse(&report->refusal, FAILURE_FENCED,
                     "a newer worker speaks for the host %s: its incarnation is %llu, this one's "
                     "%llu",
                     row->name, (unsigned long long)row->incarnation,
                     (unsigned long long)report->incarnation);
}

static int append_new(struct report_entry *report, struct commit_turn *turn, struct error *err)
{
    for (size_t i = 0; i < report->count; i++) {
        struct record record = report->records[i];
        int r;

        if (record.journal_seq <= report->upto)
            continue;
        report->is_gap = record.journal_seq > report->upto + 1;
        if (report->is_gap)
            return 0;
        r = commit_append(turn, &record, err);
        if (r < 0)
            return r;
        report->upto = record.journal_seq;
    }
    return 0;
}

static int report_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct report_entry *report = container_of(entry, struct report_entry, entry);
    char stream[NAME_SIZE_MAX + sizeof(STREAM_EVENTS_PREFIX)];
    autoarena arena = { 0 };
    struct host_row row;
    int r;

    report->is_gap = false;
    report->refusal = (struct refusal){ 0 };
    r = view_host_sealed(&turn->view, report->host->name, &row, &arena, err);
    if (r < 0)
        return r;
    check_fence(report, &row);
    if (report->refusal.failure != FAILURE_NONE)
        return 0;
    report->upto = row.journal_seq;
    r = append_new(report, turn, err);
    if (r < 0)
        return r;
    (void)snprintf(stream, sizeof(stream), STREAM_EVENTS_PREFIX "%s", report->host->name);
    return log_stream_head(turn->txn, stream, &report->pos, err);
}

static void report_free(struct report_entry *report)
{
    arena_done(&report->arena);
    free(report);
}

static void answer(const struct report_entry *report, struct sp_request *request)
{
    const struct expect expect = { .next = report->upto + 1 };
    const struct ack ack = { .upto = report->upto, .pos = report->pos };

    if (report->refusal.failure != FAILURE_NONE)
        reply_failure(request, report->refusal.failure, "%s", report->refusal.text);
    else if (report->is_gap)
        reply_message(request, &expect_schema, &expect);
    else
        reply_message(request, &ack_schema, &ack);
}

static void report_done(struct commit_entry *entry, const struct error *failure)
{
    struct report_entry *report = container_of(entry, struct report_entry, entry);
    struct sp_request *request = held_end(&report->held);

    if (failure != NULL) {
        log_failure("report.not_written", failure);
        reply_error(request, failure);
        report_free(report);
        return;
    }
    answer(report, request);
    for (size_t i = 0; i < report->count; i++) {
        if (is_outcome(report->records[i].type))
            outcomes_wake(report->broker->outcomes, report->records[i].cause);
    }
    report_free(report);
}

static const struct commit_functions report_functions = {
    .apply = report_apply,
    .done = report_done,
};

static const struct held_functions held_functions = { 0 };

/* Of what a host has. */
static bool is_of_host(const char *type)
{
    static const char *const beginnings[] = { "container.", "image.", "volume." };

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
        if (strncmp(type, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

/* What a worker may say: events of what its own host has, and outcomes of commands. */
static int check_record(const struct record *record, const struct host *host, struct error *err)
{
    if (record->kind != RECORD_EVENT || record->journal_seq == 0)
        return error_set(err, -EINVAL, "%.64s is no event of a journal", record->type);
    if (record->host == NULL || strcmp(record->host, host->name) != 0)
        return error_set(err, -EINVAL, "event %llu is not of the host %s",
                         (unsigned long long)record->journal_seq, host->name);
    if (!is_of_host(record->type) && !is_outcome(record->type))
        return error_set(err, -EINVAL, "event %llu: a worker does not say %.64s",
                         (unsigned long long)record->journal_seq, record->type);
    return 0;
}

static int decode_records(const struct report *asked, const struct host *host, const char *actor,
                          struct report_entry *report, struct error *err)
{
    struct arena *arena = &report->arena;
    char *stream = arena_printf(arena, STREAM_EVENTS_PREFIX "%s", host->name);
    char *said_by = arena_text(arena, actor);
    int r;

    report->count = asked->records.count;
    report->records = arena_zeroed(arena, report->count * sizeof(struct record));
    for (size_t i = 0; i < report->count; i++) {
        struct record *record = &report->records[i];

        r = schema_decode(&record_schema, asked->records.items[i].bytes, record, arena, err);
        if (r < 0)
            return r;
        r = check_record(record, host, err);
        if (r < 0)
            return r;
        record->stream = stream;
        record->actor = said_by;
        record->incarnation = report->incarnation;
        record->deadline = 0;
        record->id = (struct command_id){ 0 };
    }
    return 0;
}

void handle_report(struct broker *broker, struct request *request)
{
    const struct report *asked = request->message;
    const struct worker_claim claim = { asked->host, asked->incarnation, asked->journal,
                                        asked->session };
    struct host *host = hosts_of_worker(broker, request, &claim);
    struct report_entry *report;
    struct error err = { 0 };

    if (host == NULL)
        return;
    report = mem_new(struct report_entry);
    report->broker = broker;
    report->host = host;
    report->incarnation = asked->incarnation;
    report->journal = asked->journal;
    report->session = asked->session;
    report->arena = request_take_arena(request);
    if (decode_records(asked, host, request->peer->identity.actor, report, &err) < 0) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "report of %s: %s", host->name,
                      err.text);
        report_free(report);
        return;
    }
    report->entry = (struct commit_entry){
        .functions = &report_functions,
        .records = (unsigned)report->count,
        .bytes = report->arena.used,
    };
    held_begin(&report->held, &held_functions, request->sp);
    if (committer_add(broker->committer, &report->entry, &err) == 0)
        return;
    reply_busy(held_end(&report->held), err.text);
    report_free(report);
}
