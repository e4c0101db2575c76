/* What a hello means, by what the log knows and what the worker has done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/greeting.h"

static const struct command_id this_log = { .bytes = { 1 } };
static const struct command_id lost_log = { .bytes = { 2 } };
static const struct command_id this_journal = { .bytes = { 3 } };
static const struct command_id other_journal = { .bytes = { 4 } };

static char host[] = "a";

/* A worker that has worked with this log, and the row that the log has of it. */
static struct hello worked(void)
{
    return (struct hello){
        .host = host,
        .incarnation = 7,
        .journal = this_journal,
        .log = this_log,
        .acked = 20,
        .cursor = 50,
        .first = 5,
        .last = 22,
    };
}

static struct host_row known(void)
{
    return (struct host_row){
        .name = host, .incarnation = 6, .journal = this_journal, .journal_seq = 20
    };
}

static struct greeting_question question_of(const struct hello *said, const struct host_row *row)
{
    return (
        struct greeting_question){ .said = said, .row = row, .log = this_log, .commands_head = 60 };
}

static struct greeting judged(struct greeting_question question)
{
    struct greeting greeting;

    greeting_judge(&question, &greeting);
    return greeting;
}

static void assert_goes_on(struct greeting_question question)
{
    struct greeting greeting = judged(question);

    assert_int_equal(greeting.refusal.failure, FAILURE_NONE);
    assert_false(greeting.is_takeover);
    assert_false(greeting.is_recovery);
}

static void assert_refused(struct greeting_question question, enum failure failure,
                           const char *word)
{
    struct greeting greeting = judged(question);

    assert_int_equal(greeting.refusal.failure, failure);
    assert_non_null(strstr(greeting.refusal.text, word));
}

static void assert_recovers(struct greeting_question question, uint64_t from)
{
    struct greeting greeting = judged(question);

    assert_int_equal(greeting.refusal.failure, FAILURE_NONE);
    assert_true(greeting.is_recovery);
    assert_int_equal(greeting.from, from);
}

static void a_worker_goes_on_where_it_was(void **unused)
{
    struct hello said = worked();
    struct host_row row = known();

    (void)unused;
    assert_goes_on(question_of(&said, &row));
    row.incarnation = 8;
    assert_refused(question_of(&said, &row), FAILURE_FENCED, "newer");
}

static void a_host_that_was_given_up_takes_another_journal_only(void **unused)
{
    struct hello said = worked();
    struct host_row row = known();
    struct greeting_question question = question_of(&said, &row);

    (void)unused;
    row.state = HOST_LOST;
    row.pos = 77;
    assert_refused(question, FAILURE_HOST_LOST, "given up at 77");
    assert_refused(question, FAILURE_HOST_LOST, "--accept-journal a");
    question.is_accepted = true; /* it was not lost after all */
    assert_recovers(question, said.acked + 1);

    question.is_accepted = false;
    said = (struct hello){ .host = host, .incarnation = 1, .journal = other_journal };
    assert_true(judged(question).is_takeover);
    assert_int_equal(judged(question).refusal.failure, FAILURE_NONE);
}

/* What a worker of the sessions 1 to `session` says, of which the first was welcomed. */
static struct hello started(uint64_t session, uint8_t before[static 64])
{
    struct hello said = worked();

    said.session = session;
    said.incarnation = session;
    for (uint8_t i = 1; i < session; i++)
        before[8 * i - 1] = i;
    said.before = bytes_at(before, 8 * (session - 1));
    return said;
}

static void who_has_started_again_goes_on(void **unused)
{
    uint8_t before[64] = { 0 };
    struct hello said = started(4, before);
    struct host_row row = known();

    (void)unused;
    for (row.session = 1; row.session < 4; row.session++) {
        row.incarnation = row.session;
        assert_goes_on(question_of(&said, &row));
    }
    row.session = row.incarnation = 4; /* said twice */
    assert_goes_on(question_of(&said, &row));
}

static void a_copy_of_the_journal_is_refused_whatever_its_incarnation(void **unused)
{
    uint8_t before[64] = { 0 };
    struct hello said = started(4, before);
    struct host_row row = known();
    struct greeting_question question = question_of(&said, &row);

    (void)unused;
    row.session = 77; /* that of another start after they had parted */
    row.incarnation = 4;
    assert_refused(question, FAILURE_JOURNAL_COPIED, "is a copy");
    row.incarnation = 3;
    assert_refused(question, FAILURE_JOURNAL_COPIED, "--accept-journal a");
    row.incarnation = 5;
    assert_refused(question, FAILURE_FENCED, "newer");
    row.incarnation = 4;
    row.session = 2; /* it knows that one, but not as one of this incarnation */
    assert_refused(question, FAILURE_JOURNAL_COPIED, "is a copy");
    question.is_accepted = true;
    assert_recovers(question, said.acked + 1);
    said.session = 0; /* an older worker does not say */
    question.is_accepted = false;
    assert_goes_on(question);
}

static void a_host_is_not_taken_from_a_worker_that_is_heard(void **unused)
{
    uint8_t before[64] = { 0 };
    struct hello said = started(4, before);
    struct host_row row = known();
    struct greeting_question question = question_of(&said, &row);

    (void)unused;
    row.session = row.incarnation = 3;
    question.is_taken = true;
    question.speaker = "tcp:10.0.0.7:4711";
    assert_refused(question, FAILURE_HOST_TAKEN, "(tcp:10.0.0.7:4711) speaks for the host a");
    said = (struct hello){ .host = host, .incarnation = 1, .journal = other_journal };
    assert_refused(question, FAILURE_HOST_TAKEN, "another --host");
    question.is_accepted = true; /* that is about the journal */
    assert_refused(question, FAILURE_HOST_TAKEN, "another --host");
    question.is_taken = false;
    assert_true(judged(question).is_takeover);
}

static void a_new_worker_is_welcome(void **unused)
{
    struct hello said = { .host = host, .incarnation = 1, .journal = this_journal };

    (void)unused;
    assert_goes_on(question_of(&said, NULL));
    said.log = lost_log; /* welcomed there once, and no more */
    assert_goes_on(question_of(&said, NULL));
}

static void another_logs_worker_is_refused_or_tells_all(void **unused)
{
    struct hello said = worked();
    struct host_row row = known();
    struct greeting_question question = question_of(&said, NULL);

    (void)unused;
    said.log = lost_log;
    assert_refused(question, FAILURE_WRONG_JOURNAL, "--recover");
    question.is_recovering = true;
    assert_recovers(question, 5);
    /* It was this log's once: what it did since is not known here either. */
    question.row = &row;
    assert_recovers(question, 5);
    question.is_recovering = false;
    assert_refused(question, FAILURE_WRONG_JOURNAL, "--recover");
}

static void what_has_begun_to_be_told_is_told_anew(void **unused)
{
    struct hello said = worked();
    struct host_row row = known();

    (void)unused;
    row.recovery = 70;
    assert_recovers(question_of(&said, &row), 5);
    said.log = lost_log;
    assert_recovers(question_of(&said, &row), 5);
}

static void a_log_that_went_back_is_told_the_rest_when_it_is_asked_for(void **unused)
{
    struct hello said = worked();
    struct host_row row = known();
    struct greeting_question question = question_of(&said, &row);

    (void)unused;
    question.commands_head = 49;
    assert_goes_on(question); /* the worker sees it, and stops */
    question.is_recovering = true;
    assert_recovers(question, 21);
    question.commands_head = 60;
    assert_goes_on(question);
    said.first = 22;
    assert_recovers(question, 22);
    question.row = NULL;
    assert_recovers(question, 22);
}

static void another_journal_takes_over_what_may_be_given_up(void **unused)
{
    struct hello said = { .host = host, .incarnation = 1, .journal = other_journal };
    struct host_row row = known();
    struct greeting greeting = judged(question_of(&said, &row));

    (void)unused;
    assert_int_equal(greeting.refusal.failure, FAILURE_NONE);
    assert_true(greeting.is_takeover);
    assert_false(greeting.is_recovery);
}

static void a_journal_that_was_replaced_comes_back_by_the_operators_word_only(void **unused)
{
    struct hello said = worked();
    struct host_row row = known();
    struct greeting_question question = question_of(&said, &row);

    (void)unused;
    row.journal = other_journal;
    assert_refused(question, FAILURE_WRONG_JOURNAL, "--accept-journal a");
    question.is_accepted = true;
    assert_recovers(question, 21); /* the log has the events before */
    assert_true(judged(question).is_takeover);
}

static void a_cursor_that_no_log_can_have_is_refused(void **unused)
{
    struct hello said = worked();

    (void)unused;
    said.cursor = UINT64_MAX - 1;
    assert_refused(question_of(&said, NULL), FAILURE_INVALID_ARGUMENT, "no command");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_goes_on_where_it_was),
        cmocka_unit_test(a_host_that_was_given_up_takes_another_journal_only),
        cmocka_unit_test(who_has_started_again_goes_on),
        cmocka_unit_test(a_copy_of_the_journal_is_refused_whatever_its_incarnation),
        cmocka_unit_test(a_host_is_not_taken_from_a_worker_that_is_heard),
        cmocka_unit_test(a_new_worker_is_welcome),
        cmocka_unit_test(another_logs_worker_is_refused_or_tells_all),
        cmocka_unit_test(what_has_begun_to_be_told_is_told_anew),
        cmocka_unit_test(a_log_that_went_back_is_told_the_rest_when_it_is_asked_for),
        cmocka_unit_test(another_journal_takes_over_what_may_be_given_up),
        cmocka_unit_test(a_journal_that_was_replaced_comes_back_by_the_operators_word_only),
        cmocka_unit_test(a_cursor_that_no_log_can_have_is_refused),
    };
    return cmocka_run_group_tests_name("greeting", tests, NULL, NULL);
}
