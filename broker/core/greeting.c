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

/* The same journal as before, or the first of this host. */
static void judge_known(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;
    const struct host_row *row = question->row;

    if (row != NULL && said->incarnation < row->incarnation)
        (void)refuse(&ret->refusal, FAILURE_FENCED,
                     "a newer worker speaks for the host %s: its incarnation is %llu, this one's "
                     "%llu",
                     said->host, (unsigned long long)row->incarnation,
                     (unsigned long long)said->incarnation);
    else if (row != NULL && row->state == HOST_LOST)
        judge_lost(question, ret);
    else if (row != NULL && row->recovery != 0)
        recover(question, 1, ret);
    else if (is_of_another_log(question) && !question->is_recovering)
        refuse_other_log(question, ret);
    else if (is_of_another_log(question))
        recover(question, 1, ret);
    else if (question->is_recovering && has_worked(said) && is_ahead(question))
        recover(question, row == NULL ? 1 : row->journal_seq + 1, ret);
}

/* Another journal than before. */
static void judge_other(const struct greeting_question *question, struct greeting *ret)
{
    const struct hello *said = question->said;

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
