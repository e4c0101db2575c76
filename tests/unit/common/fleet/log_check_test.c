/* What a log promises, and logs that break it in one place each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/log_check.h"
#include "common/mem.h"
#include "tests/support/fleet_log.h"

#define STREAM_COUNT 3
#define RECORDS_MAX  64

/* A log as the broker would have written it: with streams and what each record names before it. */
struct written {
    struct fleet_log *log;
    struct record records[RECORDS_MAX];
    size_t count;
    uint64_t heads[STREAM_COUNT];
};

static struct written *written_new(void)
{
    struct written *written = mem_new(struct written);

    written->log = fleet_log_new_empty();
    return written;
}

static void written_destroy(struct written *written)
{
    fleet_log_destroy(written->log);
    free(written);
}
DEFINE_AUTODESTROY(written)

static struct record *append(struct written *written, struct record record)
{
    static const char *const streams[STREAM_COUNT] = { "sys", "cmd/a", "evt/a" };
    size_t stream = record.kind == RECORD_COMMAND ? 1 : record.journal_seq != 0 ? 2 : 0;
    struct error err = { 0 };

    assert_true(written->count < RECORDS_MAX);
    if (fleet_log_apply(written->log, &record, &err) < 0)
        fail_msg("%s", err.text);
    record.stream = arena_text(&written->log->arena, streams[stream]);
    record.prev = written->heads[stream];
    written->heads[stream] = record.pos;
    written->records[written->count] = record;
    return &written->records[written->count++];
}

static struct record *append_hello(struct written *written, uint64_t journal)
{
    struct host_facts facts = { .version = arena_text(&written->log->arena, "0.1.0") };
    struct host_hello hello = { .incarnation = 1,
                                .journal = command_id_make(journal, 1),
                                .facts = &facts };

    return append(written, fleet_log_system(written->log, "host.hello", LOG_HOST, &hello));
}

static struct record *append_outcome(struct written *written, struct command_id command)
{
    return append(written, fleet_log_outcome(written->log, "command.done", command));
}

/* Two lives of containers: hello, and five records for each. */
static struct written *write_log(void)
{
    struct written *written = written_new();
    struct fleet_log *log = written->log;

    append_hello(written, 1);
    for (unsigned number = 1; number <= 2; number++) {
        char *id = fleet_log_container(log, number);
        struct container_config *config = fleet_log_config(log, number == 1 ? "web" : "db");
        struct command_id create =
            append(written, fleet_log_command(log, "container.create", id,
                                              &(struct container_create){ .config = config }))
                ->id;

        append(written, fleet_log_event(log, "container.created", id, 0,
                                        &(struct container_created){ .config = config }));
        append_outcome(written, create);
        append_outcome(written,
                       append(written, fleet_log_command(log, "container.start", id, NULL))->id);
    }
    return written;
}

static struct log_check *check(const struct written *written, uint64_t beginning)
{
    struct log_check *checked = log_check_new(beginning);
    struct error err = { 0 };

    for (size_t i = 0; i < written->count; i++) {
        if (written->records[i].pos > beginning &&
            log_check_add(checked, &written->records[i], &err) < 0)
            fail_msg("%s", err.text);
    }
    return checked;
}

/* The log has this fault and no other. */
static void assert_fault(const struct written *written, uint64_t pos, const char *text)
{
    autodestroy(log_check) struct log_check *checked = check(written, 0);
    const struct log_fault *fault = log_check_fault_at(checked, 0);

    assert_non_null(fault);
    if (fault->pos != pos || strstr(fault->text, text) == NULL)
        fail_msg("record %llu: %s", (unsigned long long)fault->pos, fault->text);
    if (log_check_fault_at(checked, 1) != NULL)
        fail_msg("and: %s", log_check_fault_at(checked, 1)->text);
}

/* As if the record had never been: what comes after keeps its numbers. */
static void lose(struct written *written, size_t index)
{
    written->count--;
    memmove(&written->records[index], &written->records[index + 1],
            (written->count - index) * sizeof(*written->records));
}

static void a_good_log_has_no_faults_and_folds_to_the_same_view(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    autodestroy(log_check) struct log_check *checked = check(written, 0);
    struct log_counts counts = log_check_counts(checked);
    uint64_t hash = 0;

    (void)unused;
    assert_null(log_check_fault_at(checked, 0));
    assert_int_equal(counts.records, 11);
    assert_int_equal(counts.commands, 4);
    assert_int_equal(counts.outcomes, 4);
    assert_int_equal(counts.streams, 3);
    assert_int_equal(counts.journals, 1);
    assert_int_equal(counts.unfollowed, 0);
    assert_int_equal(log_check_pos(checked), 11);
    assert_int_equal(view_hash(log_check_view(checked), &hash, NULL), 0);
    assert_int_equal(hash, fleet_log_hash(written->log));
}

static void positions_grow(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    struct record last = written->records[written->count - 1];

    (void)unused;
    last.type = arena_text(&written->log->arena, "host.odd");
    last.kind = RECORD_EVENT;
    last.stream = arena_text(&written->log->arena, "sys");
    last.prev = written->heads[0];
    last.journal_seq = 0;
    written->records[written->count++] = last;
    assert_fault(written, 11, "positions do not grow");
}

static void a_lost_command_shows_in_its_stream(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    autodestroy(log_check) struct log_check *checked = NULL;

    (void)unused;
    lose(written, 4); /* container.start of the first one */
    checked = check(written, 0);
    assert_int_equal(log_check_counts(checked).faults, 2);
    assert_non_null(strstr(log_check_fault_at(checked, 0)->text, "never said"));
    assert_int_equal(log_check_fault_at(checked, 1)->pos, 7);
    assert_non_null(strstr(log_check_fault_at(checked, 1)->text,
                           "it names 5 as the record before it in cmd/a, and that is 2"));
}

static void a_lost_event_shows_in_its_journal(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    autodestroy(log_check) struct log_check *checked = NULL;

    (void)unused;
    lose(written, 2); /* container.created of the first one */
    checked = check(written, 0);
    assert_int_equal(log_check_counts(checked).faults, 2);
    assert_non_null(strstr(log_check_fault_at(checked, 0)->text, "evt/a, and that is 0"));
    assert_non_null(strstr(log_check_fault_at(checked, 1)->text,
                           "it is event 2 of the journal of host a, and 1 was to come"));
}

static void a_record_in_the_wrong_stream_is_seen(void **unused)
{
    autodestroy(written) struct written *written = write_log();

    (void)unused;
    written->records[written->count - 2].stream = arena_text(&written->log->arena, "cmd/b");
    written->records[written->count - 2].prev = 0;
    assert_fault(written, 10, "it is in the stream cmd/b, and belongs in cmd/a");
}

static void a_second_outcome_is_seen(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    struct record again = written->records[written->count - 1];

    (void)unused;
    again.pos++;
    again.prev = again.pos - 1;
    again.journal_seq++;
    written->records[written->count++] = again;
    assert_fault(written, 12, "is the second outcome of the command at 10, which ended at 11");
}

static void a_refusal_at_the_door_needs_no_command(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    autodestroy(log_check) struct log_check *checked = NULL;
    static char text[] = "no";
    struct record refusal =
        fleet_log_system(written->log, "command.refused", LOG_HOST,
                         &(struct command_failed){ .code = text, .text = text });

    (void)unused;
    refusal.cause = command_id_make(LOG_CLIENT, 100);
    append(written, refusal);
    checked = check(written, 0);
    assert_null(log_check_fault_at(checked, 0));
}

static void another_journal_counts_anew(void **unused)
{
    autodestroy(written) struct written *written = write_log();
    autodestroy(log_check) struct log_check *checked = NULL;
    struct container_config *config = fleet_log_config(written->log, "new");

    (void)unused;
    append_hello(written, 1);
    append_hello(written, 2);
    written->log->journal_seq = 0;
    append(written,
           fleet_log_event(written->log, "container.created", fleet_log_container(written->log, 9),
                           0, &(struct container_created){ .config = config }));
    checked = check(written, 0);
    assert_null(log_check_fault_at(checked, 0));
    assert_int_equal(log_check_counts(checked).journals, 2);
}

static void nothing_is_expected_of_what_is_no_longer_kept(void **unused)
{
    autodestroy(written) struct written *written = write_log();

    (void)unused;
    for (uint64_t beginning = 0; beginning < written->count; beginning++) {
        autodestroy(log_check) struct log_check *checked = check(written, beginning);
        const struct log_fault *fault = log_check_fault_at(checked, 0);

        if (fault != NULL)
            fail_msg("from %llu on: record %llu: %s", (unsigned long long)beginning,
                     (unsigned long long)fault->pos, fault->text);
    }
}

static void all_faults_are_counted_and_some_told(void **unused)
{
    autodestroy(log_check) struct log_check *checked = log_check_new(0);

    (void)unused;
    for (unsigned i = 0; i < LOG_CHECK_FAULTS_MAX + 5; i++)
        log_check_fault(checked, i, "fault %u", i);
    assert_int_equal(log_check_counts(checked).faults, LOG_CHECK_FAULTS_MAX + 5);
    assert_string_equal(log_check_fault_at(checked, LOG_CHECK_FAULTS_MAX - 1)->text, "fault 99");
    assert_null(log_check_fault_at(checked, LOG_CHECK_FAULTS_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_log_has_no_faults_and_folds_to_the_same_view),
        cmocka_unit_test(positions_grow),
        cmocka_unit_test(a_lost_command_shows_in_its_stream),
        cmocka_unit_test(a_lost_event_shows_in_its_journal),
        cmocka_unit_test(a_record_in_the_wrong_stream_is_seen),
        cmocka_unit_test(a_second_outcome_is_seen),
        cmocka_unit_test(a_refusal_at_the_door_needs_no_command),
        cmocka_unit_test(another_journal_counts_anew),
        cmocka_unit_test(nothing_is_expected_of_what_is_no_longer_kept),
        cmocka_unit_test(all_faults_are_counted_and_some_told),
    };

    return cmocka_run_group_tests_name("log_check", tests, NULL, NULL);
}
