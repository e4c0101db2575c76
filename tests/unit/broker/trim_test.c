/* Trimming: what goes, what holds it, and that nothing of its meaning is lost. */
#include "broker/trim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/view_base.h"
#include "broker/view_store.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/events.h"
#include "tests/support/broker_log.h"
#include "tests/support/fleet_log.h"

/* A log with its view as the broker keeps it, and the same fold in memory beside it. */
struct scene {
    struct broker_log *place;
    struct fleet_log *fleet;
};

static void say(struct scene *scene, struct record record)
{
    struct error err = { 0 };
    struct log_txn *txn;
    struct view view;

    if (fleet_log_apply(scene->fleet, &record, &err) < 0)
        fail_msg("%s", err.text);
    if (record.stream == NULL)
        record.stream = arena_text(&scene->fleet->arena, STREAM_SYSTEM);
    assert_int_equal(log_begin(scene->place->log, LOG_WRITE, &txn, &err), 0);
    assert_int_equal(log_append(txn, &record, &err), 0);
    view = view_store_in(txn);
    assert_int_equal(fleet_apply(&view, &record, &err), 0);
    assert_int_equal(log_commit(txn, &err), 0);
}

/* A container's creation, with its outcome or without: three or two records. */
static void create(struct scene *scene, unsigned number, bool is_answered)
{
    char *name = arena_printf(&scene->fleet->arena, "c%u", number);
    char *id = fleet_log_container(scene->fleet, number);
    struct container_create create = { .config = fleet_log_config(scene->fleet, name) };
    struct container_created created = { .config = create.config };
    struct record command = fleet_log_command(scene->fleet, "container.create", id, &create);

    say(scene, command);
    say(scene, fleet_log_event(scene->fleet, "container.created", id, 0, &created));
    if (is_answered)
        say(scene, fleet_log_outcome(scene->fleet, "command.done", command.id));
}

static int setup(void **state)
{
    struct scene *scene = mem_new(struct scene);
    struct host_facts facts = { 0 };
    struct host_hello hello = { .incarnation = 1, .journal.bytes = { 1 }, .facts = &facts };
    void *place = NULL;
    uint64_t folded;

    assert_int_equal(broker_log_setup(&place), 0);
    scene->place = place;
    scene->fleet = fleet_log_new_empty();
    facts.version = arena_text(&scene->fleet->arena, "0.1.0");
    assert_int_equal(view_store_prepare(scene->place->log, &folded, NULL), 0);
    say(scene, fleet_log_system(scene->fleet, "host.hello", LOG_HOST, &hello));
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    void *place = scene->place;

    fleet_log_destroy(scene->fleet);
    free(scene);
    return broker_log_teardown(&place);
}

static int try_trim(struct scene *scene, const struct trim_wish *wish, struct trimmed *ret,
                    struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct view view;
    int r;

    assert_int_equal(log_begin(scene->place->log, LOG_WRITE, &txn, NULL), 0);
    view = view_store_in(txn);
    r = trim_log(txn, &view, wish, ret, err);
    return r < 0 ? r : log_commit(steal_ptr(txn), err);
}

static struct trimmed trim(struct scene *scene, uint64_t before_ns)
{
    const struct trim_wish wish = { .before_ns = before_ns, .records_max = TRIM_RECORDS_USUAL };
    struct trimmed trimmed = { 0 };
    struct error err = { 0 };

    if (try_trim(scene, &wish, &trimmed, &err) < 0)
        fail_msg("%s", err.text);
    return trimmed;
}

static uint64_t hash_of(struct scene *scene)
{
    struct log_txn *txn;
    struct view view;
    uint64_t hash = 0;

    assert_int_equal(log_begin(scene->place->log, LOG_READ, &txn, NULL), 0);
    view = view_store_in(txn);
    assert_int_equal(view_hash(&view, &hash, NULL), 0);
    log_abort(txn);
    return hash;
}

static void set_number(struct scene *scene, const char *name, uint64_t number)
{
    struct log_txn *txn;

    assert_int_equal(log_begin(scene->place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(view_store_put_number(txn, name, number, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
}

/* Fold the view again, and hold it against the fold that never lost a record. */
static void assert_view_can_be_made_anew(struct scene *scene, uint64_t records)
{
    struct error err = { 0 };
    uint64_t folded = 0;

    assert_int_equal(hash_of(scene), fleet_log_hash(scene->fleet));
    set_number(scene, "view_version", 0);
    if (view_store_prepare(scene->place->log, &folded, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(folded, records);
    assert_int_equal(hash_of(scene), fleet_log_hash(scene->fleet));
}

static void what_is_old_goes_and_its_meaning_stays(void **state)
{
    struct scene *scene = *state;
    struct trimmed trimmed;

    create(scene, 1, true);
    scene->fleet->now_ns += LOG_HOUR;
    create(scene, 2, true);
    trimmed = trim(scene, LOG_START + 1);
    assert_int_equal(trimmed.records, 4);
    assert_int_equal(trimmed.floor, 4);
    assert_false(trimmed.has_more);
    assert_int_equal(broker_log_state(scene->place).floor, 4);
    assert_view_can_be_made_anew(scene, 3);
    assert_int_equal(trim(scene, LOG_START + 1).records, 0);
}

/* Trimmed to the bone, step by step, with the view made anew after each of them. */
static void a_view_can_be_made_anew_after_every_step(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 1; i <= 5; i++) {
        scene->fleet->now_ns += LOG_HOUR;
        create(scene, i, true);
        (void)trim(scene, LOG_START + i * LOG_HOUR);
        assert_view_can_be_made_anew(scene, 3);
        broker_log_reopen(scene->place);
    }
}

static void a_command_without_an_outcome_holds_the_log(void **state)
{
    struct scene *scene = *state;
    struct trimmed trimmed;

    create(scene, 1, true);
    create(scene, 2, false);
    create(scene, 3, true);
    trimmed = trim(scene, UINT64_MAX);
    assert_int_equal(trimmed.records, 4);
    assert_int_equal(trimmed.held_by, 5);
    assert_int_equal(trim(scene, UINT64_MAX).records, 0);
    assert_int_equal(trim(scene, UINT64_MAX).held_by, 5);
    assert_view_can_be_made_anew(scene, 5);
}

static void the_last_record_stays(void **state)
{
    struct scene *scene = *state;

    create(scene, 1, true);
    assert_int_equal(trim(scene, UINT64_MAX).records, 3);
    assert_int_equal(broker_log_state(scene->place).head, 4);
    assert_view_can_be_made_anew(scene, 1);
}

static void what_is_too_much_goes_whatever_its_age(void **state)
{
    struct scene *scene = *state;
    struct trim_wish wish = { .records_max = TRIM_RECORDS_USUAL };
    struct trimmed trimmed = { 0 };
    uint64_t before;

    for (unsigned i = 1; i <= 120; i++)
        create(scene, i, true);
    before = broker_log_state(scene->place).record_bytes;
    wish.bytes_max = before / 2;
    assert_int_equal(try_trim(scene, &wish, &trimmed, NULL), 0);
    assert_in_range(trimmed.records, 1, 1000);
    for (unsigned i = 0; i < 10 && trimmed.records > 0; i++)
        assert_int_equal(try_trim(scene, &wish, &trimmed, NULL), 0);
    assert_true(broker_log_state(scene->place).record_bytes <= wish.bytes_max);
    assert_true(broker_log_state(scene->place).record_bytes > wish.bytes_max / 2);
    assert_view_can_be_made_anew(scene, broker_log_state(scene->place).head -
                                            broker_log_state(scene->place).floor);
}

static void say_trimmed(struct scene *scene)
{
    const struct log_trimmed said = { .floor = 1, .records = 1 };

    say(scene, fleet_log_system(scene->fleet, "log.trimmed", NULL, &said));
}

/* Or else each trimming, which is told by a record, would be the reason for the next. */
static void tellings_of_trimming_do_not_go_alone(void **state)
{
    struct scene *scene = *state;

    say_trimmed(scene);
    say_trimmed(scene);
    assert_int_equal(trim(scene, UINT64_MAX).records, 2); /* host.hello goes, and takes one along */
    say_trimmed(scene);
    assert_int_equal(trim(scene, UINT64_MAX).records, 0);
    create(scene, 1, true);
    assert_int_equal(trim(scene, UINT64_MAX).records, 4);
}

static void one_transaction_takes_so_many_and_no_more(void **state)
{
    struct scene *scene = *state;
    struct trimmed trimmed;

    (void)broker_log_append(scene->place, "sys", "x", TRIM_RECORDS_USUAL + 500);
    trimmed = trim(scene, UINT64_MAX);
    assert_int_equal(trimmed.records, TRIM_RECORDS_USUAL);
    assert_true(trimmed.has_more);
    trimmed = trim(scene, UINT64_MAX);
    assert_int_equal(trimmed.records, 500);
    assert_false(trimmed.has_more);
}

static void a_look_says_whether_there_is_something_to_do(void **state)
{
    struct scene *scene = *state;
    const struct trim_wish old = { .before_ns = UINT64_MAX, .records_max = 1 };
    const struct trim_wish young = { .before_ns = LOG_START, .records_max = 1 };
    struct log_txn *txn;
    struct view view;
    uint64_t held_by = 7;
    bool is_due = false;

    create(scene, 1, false);
    assert_int_equal(log_begin(scene->place->log, LOG_READ, &txn, NULL), 0);
    view = view_store_in(txn);
    assert_int_equal(trim_is_due(txn, &view, &old, &is_due, &held_by, NULL), 0);
    assert_true(is_due);
    assert_int_equal(held_by, 0);
    assert_int_equal(trim_is_due(txn, &view, &young, &is_due, &held_by, NULL), 0);
    assert_false(is_due);
    log_abort(txn);
    assert_int_equal(trim(scene, UINT64_MAX).records, 1);
    assert_int_equal(log_begin(scene->place->log, LOG_READ, &txn, NULL), 0);
    view = view_store_in(txn);
    assert_int_equal(trim_is_due(txn, &view, &old, &is_due, &held_by, NULL), 0);
    assert_false(is_due);
    assert_int_equal(held_by, 2);
    log_abort(txn);
}

/* Other rules, and the records that they would need are gone: said, and not papered over. */
static void a_base_of_other_rules_is_refused(void **state)
{
    struct scene *scene = *state;
    struct error err = { 0 };
    struct trimmed trimmed;
    uint64_t folded;

    create(scene, 1, true);
    assert_int_equal(trim(scene, UINT64_MAX).records, 3);
    set_number(scene, "base_version", VIEW_VERSION + 1);
    assert_int_equal(view_store_prepare(scene->place->log, &folded, &err), 0); /* not needed */
    set_number(scene, "view_version", VIEW_VERSION + 1);
    assert_int_equal(view_store_prepare(scene->place->log, &folded, &err), -ENODATA);
    assert_non_null(strstr(err.text, "use the Gantry that wrote it"));
    create(scene, 2, true);
    assert_int_equal(try_trim(scene,
                              &(struct trim_wish){ .before_ns = UINT64_MAX, .records_max = 1 },
                              &trimmed, &err),
                     -ENODATA);
    assert_int_equal(broker_log_state(scene->place).floor, 3);
}

#define TRIM_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRIM_TEST(what_is_old_goes_and_its_meaning_stays),
        TRIM_TEST(a_view_can_be_made_anew_after_every_step),
        TRIM_TEST(a_command_without_an_outcome_holds_the_log),
        TRIM_TEST(the_last_record_stays),
        TRIM_TEST(what_is_too_much_goes_whatever_its_age),
        TRIM_TEST(tellings_of_trimming_do_not_go_alone),
        TRIM_TEST(one_transaction_takes_so_many_and_no_more),
        TRIM_TEST(a_look_says_whether_there_is_something_to_do),
        TRIM_TEST(a_base_of_other_rules_is_refused),
    };

    return cmocka_run_group_tests_name("trim", tests, NULL, NULL);
}
