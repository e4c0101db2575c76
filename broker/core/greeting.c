/* What a worker's hello means for the log; see the header. */
#include "broker/core/greeting.h"

/* Positions of commands that a worker can have seen: beyond, its word is nonsense. */
#define CURSOR_MAX (UINT64_C(1) << 54)

/* It has exchanged something with the log that it names. */
static bool has_worked(const struct hello *said)
{
    return !command_id_is_zero(said->log) && (said->acked > 0 || said->cursor > 0);
}

static bool is_of_another_log(const struct greeting_question *question)
{
    return has_worked(question->said) && !command_id_equal(question->said->log, question->log);
}

/* The log is older than what the worker has done by it. */
static bool is_ahead(const struct greeting_question *question)
{
    uint64_t told = question->row == NULL ? 0 : question->row->journal_seq;

    return question->said->cursor > question->commands_head || question->said->first > told + 1;
}

static void recover(const struct greeting_question *question, uint64_t from, struct greeting *ret)
{
    uint64_t first = question->said->first;

    ret->is_recovery = true;
    ret->from = from > first ? from : first;
    if (ret->from == 0)
        ret->from = 1;
}

static void refuse_other_log(const struct greeting_question *question, struct greeting *ret)
{
    (void)refuse(&ret->refusal, FAILURE_WRONG_JOURNAL,
                 "the worker of host %s has worked with another log: give this broker its log "
                 "back, or if that is lost start it with --recover, and the workers will tell what "
                 "they know",
                 question->said->host);
}

bool greeting_is_same(const struct hello *said, const struct host_row *row)
{
    return command_id_equal(said->journal, row->journal) && said->incarnation == row->incarnation &&
           said->session == row->session;
}

static uint64_t session_at(struct bytes sessions, size_t i)
{
    uint64_t session = 0;

    for (size_t byte = 8 * i; byte < 8 * (i + 1); byte++)
        session = session << 8 | sessions.data[byte];
    return session;
}

/* It goes on from the start of the worker that was welcomed last; who says no session may. */
static bool is_successor(const struct hello *said, const struct host_row *row)
{
    if (said->session == 0 || row->session == 0 || said->session == row->session)
        return true;
    if (said->incarnation <= row->incarnation)
        return false;
    for (size_t i = 0; i < said->before.size / 8; i++) {
        if (session_at(said->before, i) == row->session)
            return true;
    }
    return false;
}

static void refuse_taken(const struct greeting_question *question, struct greeting *ret)
{
    (void)refuse(&ret->refusal, FAILURE_HOST_TAKEN,
                 "another worker (%s) speaks for the host %s: stop that one, or give this one "
                 "another --host, and an empty --state if it was copied; this one is let in when "
                 "the other has gone",
                 question->speaker != NULL ? question->speaker : "just let in",
                 question->said->host);
}

static void judge_copy(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;

    if (question->is_accepted)
        recover(question, said->acked + 1, ret);
    else
        (void)refuse(&ret->refusal, FAILURE_JOURNAL_COPIED,
                     "another worker has gone on with the journal of host %s: this state directory "
                     "is a copy, or an old one; give this worker an empty one and another --host, "
                     "or take its word with gantry-broker --accept-journal %s",
                     said->host, said->host);
}

/* The operator's word stands, until he says otherwise. */
static void judge_lost(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;

    if (question->is_accepted)
        recover(question, is_of_another_log(question) ? 1 : said->acked + 1, ret);
    else
        (void)refuse(&ret->refusal, FAILURE_HOST_LOST,
                     "host %s was given up at %llu, and its containers with it: begin with an "
                     "empty state directory, or take this journal's word again with gantry-broker "
                     "--accept-journal %s",
                     said->host, (unsigned long long)question->row->pos, said->host);
}

/* Whether this start of the worker may speak for the host at all. */
static void judge_start(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;
    const struct host_row *row = question->row;

    if (said->incarnation < row->incarnation)
        (void)refuse(&ret->refusal, FAILURE_FENCED,
                     "a newer worker speaks for the host %s: its incarnation is %llu, this one's "
                     "%llu",
                     said->host, (unsigned long long)row->incarnation,
                     (unsigned long long)said->incarnation);
    else if (row->state == HOST_LOST)
        judge_lost(question, ret);
    else if (!is_successor(said, row))
        judge_copy(question, ret);
    else if (question->is_taken && said->session != 0)
        refuse_taken(question, ret);
}

/* The same journal as before, or the first of this host. */
static void judge_known(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;
    const struct host_row *row = question->row;
    bool is_recovering = row != NULL && row->recovery != 0;

    if (row != NULL)
        judge_start(question, ret);
    if (ret->refusal.failure != FAILURE_NONE || ret->is_recovery)
        return;
    if (is_of_another_log(question) && !question->is_recovering && !is_recovering)
        refuse_other_log(question, ret);
    else if (is_of_another_log(question) || is_recovering)
        recover(question, 1, ret);
    else if (question->is_recovering && has_worked(said) && is_ahead(question))
        recover(question, row == NULL ? 1 : row->journal_seq + 1, ret);
}

/* Another journal than before. */
static void judge_other(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;

    if (question->is_taken) {
        refuse_taken(question, ret);
        return;
    }
    ret->is_takeover = true;
    if (is_of_another_log(question)) {
        if (question->is_accepted)
            recover(question, 1, ret);
        else
            refuse_other_log(question, ret);
        return;
    }
    if (!has_worked(said))
        return;
    if (question->is_accepted)
        recover(question, said->acked + 1, ret);
    else
        (void)refuse(&ret->refusal, FAILURE_WRONG_JOURNAL,
                     "this journal of host %s was replaced by another one: give the worker that "
                     "one's state directory, or take this one's word again with gantry-broker "
                     "--accept-journal %s",
                     said->host, said->host);
}

void greeting_judge(const struct greeting_question *question, struct greeting *ret)
{
    const struct host_row *row = question->row;

    *ret = (struct greeting){ 0 };
    if (question->said->cursor > CURSOR_MAX)
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "hello of %s: no command lies at %llu", question->said->host,
                     (unsigned long long)question->said->cursor);
    else if (row != NULL && !command_id_equal(row->journal, question->said->journal))
        judge_other(question, ret);
    else
        judge_known(question, ret);
}
