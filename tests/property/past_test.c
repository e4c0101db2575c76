/*
 * Snapshots of a log of random records: a fold that begins with one is, record by record, what a
 * fold from the log's beginning is; whether it was made as the log grew, or later from all of it.
 * The seed is fixed; GANTRY_SEED tries another.
 */
#include "broker/past_maker.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/past_view.h"
#include "broker/trim.h"
#include "broker/view_base.h"
#include "broker/view_store.h"
#include "common/crc32c.h"
#include "common/fleet/fleet.h"
#include "common/fleet/memory_view.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "tests/support/broker_log.h"
#include "tests/support/random_fleet.h"

#define STEPS       24000
#define AT_ONCE     200 /* records in a transaction */
#define LOOK        97  /* records between two comparisons */
#define STORE_BYTES (256ULL * 1024 * 1024)

struct world {
    struct random_fleet *fleet;
    struct broker_log *place;
    struct past_store *store;
    char *directory; /* of the store */
    struct log_txn *txn;
    unsigned in_txn;
};

static void commit(struct world *world)
{
    struct error err = { 0 };

    if (world->txn != NULL && log_commit(steal_ptr(world->txn), &err) < 0)
        fail_msg("%s", err.text);
    world->in_txn = 0;
}

/* As the committer does: into the log and into the view, in one transaction. */
static void append(struct world *world, struct record record)
{
    const struct view view = view_store_in(world->txn);
    struct error err = { 0 };
    int r = log_append(world->txn, &record, &err);

    if (r == 0)
        r = fleet_apply(&view, &record, &err);
    if (r < 0 && r != -EPROTO)
        fail_msg("%s", err.text);
    if (++world->in_txn == AT_ONCE)
        commit(world);
}

static void begin(struct world *world)
{
    if (world->txn == NULL)
        assert_int_equal(log_begin(world->place->log, LOG_WRITE, &world->txn, NULL), 0);
}

static void say(struct world *world)
{
    struct view view;

    begin(world);
    view = view_store_in(world->txn);
    append(world, random_fleet_next(world->fleet, &view));
}

/* No command holds what is to be trimmed. */
static void end_all_commands(struct world *world)
{
    for (size_t i = 0; i < random_fleet_commands(world->fleet); i++) {
        begin(world);
        append(world, random_fleet_end(world->fleet, i));
    }
    commit(world);
}

static uint64_t trim(struct world *world)
{
    const struct trim_wish wish = { .bytes_max = 400 * 1024, .records_max = TRIM_RECORDS_USUAL };
    struct trimmed trimmed = { .has_more = true };
    uint64_t floor = 0;

    while (trimmed.has_more) {
        struct log_txn *txn;
        struct view view;

        assert_int_equal(log_begin(world->place->log, LOG_WRITE, &txn, NULL), 0);
        view = view_store_in(txn);
        assert_int_equal(trim_log(txn, &view, &wish, &trimmed, NULL), 0);
        assert_int_equal(log_commit(txn, NULL), 0);
        floor = trimmed.floor != 0 ? trimmed.floor : floor;
    }
    return floor;
}

/* --- the comparison */

struct print {
    enum view_table table;
    uint32_t crc;
};

/* Of commands and totals only what a snapshot holds. */
static int print_row(void *owner, struct bytes key, struct bytes value)
{
    struct print *print = owner;
    autoarena arena = { 0 };
    struct command_row row;

    if (print->table == VIEW_COMMANDS) {
        assert_int_equal(schema_decode(&command_row_schema, value, &row, &arena, NULL), 0);
        if (row.state != COMMAND_PENDING)
            return 0;
    }
    if (print->table == VIEW_TOTALS && (key.size < 8 || memcmp(key.data, "pending/", 8) != 0))
        return 0;
    print->crc = crc32c(print->crc, key.data, key.size);
    print->crc = crc32c(print->crc, value.data, value.size);
    return 0;
}

static void compare(const struct view *one, const struct view *other, uint64_t pos)
{
    static const enum view_table tables[] = { VIEW_HOSTS, VIEW_CONTAINERS, VIEW_NAMES,
                                              VIEW_COMMANDS, VIEW_TOTALS };

    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        struct print a = { .table = tables[i] };
        struct print b = { .table = tables[i] };

        (void)one->functions->walk(one->store, tables[i], (struct bytes){ 0 }, print_row, &a, NULL);
        (void)other->functions->walk(other->store, tables[i], (struct bytes){ 0 }, print_row, &b,
                                     NULL);
        if (a.crc != b.crc)
            fail_msg("at %" PRIu64 " the table %s is another", pos, view_table_name(tables[i]));
    }
}

/* Both folds, the one from the beginning and the one from the last snapshot. */
struct race {
    struct world *world;
    struct memory_view *whole;
    struct memory_view *late; /* NULL: there was no snapshot, or it is of no use any more */
    uint64_t latest;
    unsigned snapshots;
    unsigned lost;
};

static bool snapshot_at(struct past_store *store, uint64_t pos, struct past_snapshot *ret)
{
    const struct past_bound bound = { .pos = pos, .time = UINT64_MAX };

    return past_store_find(store, &bound, ret, NULL) == 0 && ret->pos == pos;
}

static void begin_late(struct race *race, const struct record *record)
{
    struct past_snapshot snapshot;
    struct error err = { 0 };

    if (!snapshot_at(race->world->store, record->pos, &snapshot))
        return;
    memory_view_destroy(race->late);
    race->late = memory_view_new();
    if (past_view_load(race->world->store, &snapshot, memory_view_view(race->late), &err) < 0)
        fail_msg("%s", err.text);
    assert_true(snapshot.time == record->time && snapshot.latest == race->latest);
    compare(memory_view_view(race->whole), memory_view_view(race->late), record->pos);
    race->snapshots++;
}

static void fold(struct memory_view *memory, const struct record *record)
{
    int r = fleet_apply(memory_view_view(memory), record, NULL);

    assert_true(r == 0 || r == -EPROTO);
}

static void run_on(struct race *race, const struct log_entry *entry)
{
    autoarena arena = { 0 };
    struct record record;

    assert_int_equal(schema_decode(&record_schema, entry->record, &record, &arena, NULL), 0);
    race->latest = record.time > race->latest ? record.time : race->latest;
    fold(race->whole, &record);
    if (race->late != NULL && strcmp(record.type, "command.recovered") == 0) {
        memory_view_destroy(race->late); /* as whoever folds from a snapshot has to */
        race->late = NULL;
        race->lost++;
    }
    if (race->late != NULL)
        fold(race->late, &record);
    if (race->late != NULL && record.pos % LOOK == 0)
        compare(memory_view_view(race->whole), memory_view_view(race->late), record.pos);
    begin_late(race, &record);
}

static unsigned check_all(struct world *world)
{
    struct race race = { .world = world, .whole = memory_view_new() };
    struct log_cursor *cursor;
    struct log_entry entry;
    struct log_txn *txn;

    assert_int_equal(log_begin(world->place->log, LOG_READ, &txn, NULL), 0);
    if (broker_log_state(world->place).floor > 0)
        assert_int_equal(view_base_copy(txn, memory_view_view(race.whole), NULL), 0);
    assert_int_equal(log_walk(txn, NULL, 0, &cursor, NULL), 0);
    while (log_next(cursor, &entry, NULL) > 0)
        run_on(&race, &entry);
    log_walk_end(cursor);
    log_abort(txn);
    memory_view_destroy(race.whole);
    memory_view_destroy(race.late);
    assert_true(race.lost > 0);
    return race.snapshots;
}

/* --- the worlds */

static void open_store(struct world *world)
{
    struct error err = { 0 };

    if (past_store_open(world->directory, STORE_BYTES, &world->store, &err) < 0)
        fail_msg("%s", err.text);
}

static struct past_maker *new_maker(struct world *world)
{
    struct past_maker *maker = NULL;
    struct error err = { 0 };

    if (past_maker_new(world->place->log, world->store, &maker, &err) < 0)
        fail_msg("%s", err.text);
    return maker;
}

/* Until there is nothing to do; true when an old log was folded. */
static bool make(struct past_maker *maker)
{
    struct past_progress progress = { 0 };
    struct error err = { 0 };
    bool has_built = false;

    while (progress.wait_records == 0) {
        if (past_maker_step(maker, &progress, &err) < 0)
            fail_msg("%s", err.text);
        has_built = has_built || progress.built != 0;
    }
    return has_built;
}

static int setup(void **state)
{
    struct world *world = mem_new(struct world);
    const char *seed = getenv("GANTRY_SEED");
    void *place = NULL;

    assert_int_equal(broker_log_setup(&place), 0);
    world->place = place;
    world->fleet = random_fleet_new(seed != NULL ? strtoull(seed, NULL, 10) : 1, STEPS);
    world->directory = mem_text("%s/past", world->place->directory);
    open_store(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    void *place = world->place;

    past_store_close(world->store);
    random_fleet_destroy(world->fleet);
    free(world->directory);
    assert_int_equal(broker_log_teardown(&place), 0);
    free(world);
    return 0;
}

static void snapshots_made_as_the_log_grows_are_what_a_fold_gives(void **state)
{
    struct world *world = *state;
    struct dice *dice = random_fleet_dice(world->fleet);
    struct past_maker *maker = new_maker(world);

    for (unsigned step = 0; step < STEPS / 2; step++) {
        say(world);
        if (world->in_txn == 0 && dice_one_in(dice, 4))
            assert_false(make(maker));
        if (dice_one_in(dice, STEPS / 6)) { /* a broker that starts again */
            past_maker_destroy(maker);
            maker = new_maker(world);
        }
    }
    commit(world);
    past_maker_destroy(maker);
    assert_in_range(check_all(world), 3, STEPS / 2 / PAST_RECORDS_MIN);
}

static void snapshots_made_of_an_old_log_are_what_a_fold_gives(void **state)
{
    struct world *world = *state;
    struct past_maker *maker;

    for (unsigned step = 0; step < STEPS; step++)
        say(world);
    commit(world);
    maker = new_maker(world);
    assert_true(make(maker));
    past_maker_destroy(maker);
    assert_in_range(check_all(world), STEPS / PAST_RECORDS_MIN - 2, STEPS / PAST_RECORDS_MIN);
}

/* As a broker that was killed while it made them: what is there is of use, the rest is made. */
static void a_fold_that_was_broken_off_goes_on(void **state)
{
    struct world *world = *state;
    struct past_counts counts;
    struct past_maker *maker;

    for (unsigned step = 0; step < STEPS; step++)
        say(world);
    commit(world);
    maker = new_maker(world);
    assert_true(make(maker));
    past_maker_destroy(maker);
    for (uint64_t keep = 0; keep < 4; keep++) {
        assert_int_equal(past_store_counts(world->store, &counts, NULL), 0);
        while (counts.snapshots > keep) {
            assert_int_equal(past_store_drop(world->store, counts.last, NULL), 0);
            assert_int_equal(past_store_counts(world->store, &counts, NULL), 0);
        }
        maker = new_maker(world);
        assert_true(make(maker));
        past_maker_destroy(maker);
    }
    assert_in_range(check_all(world), STEPS / PAST_RECORDS_MIN - 2, STEPS / PAST_RECORDS_MIN);
}

/* From the base of a log whose beginning was trimmed; of one that is trimmed, below its floor none
 * stay. */
static void snapshots_of_a_trimmed_log_are_what_a_fold_gives(void **state)
{
    struct world *world = *state;
    struct past_maker *maker = new_maker(world);
    struct past_counts counts;
    uint64_t floor;

    for (unsigned step = 0; step < STEPS / 3; step++) {
        say(world);
        if (world->in_txn == 0)
            (void)make(maker);
    }
    end_all_commands(world);
    floor = trim(world);
    assert_in_range(floor, PAST_RECORDS_MIN, STEPS);
    (void)make(maker);
    assert_int_equal(past_store_counts(world->store, &counts, NULL), 0);
    assert_true(counts.snapshots > 0 && counts.first >= floor);
    for (unsigned step = STEPS / 3; step < STEPS; step++)
        say(world);
    commit(world);
    (void)make(maker);
    past_maker_destroy(maker);
    assert_true(check_all(world) > 1);
    assert_int_equal(past_store_clear(world->store, NULL), 0);
    maker = new_maker(world);
    assert_true(make(maker));
    past_maker_destroy(maker);
    assert_true(check_all(world) > 5);
}

#define PAST_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAST_TEST(snapshots_made_as_the_log_grows_are_what_a_fold_gives),
        PAST_TEST(snapshots_made_of_an_old_log_are_what_a_fold_gives),
        PAST_TEST(a_fold_that_was_broken_off_goes_on),
        PAST_TEST(snapshots_of_a_trimmed_log_are_what_a_fold_gives),
    };

    return cmocka_run_group_tests_name("past", tests, NULL, NULL);
}
