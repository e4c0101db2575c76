/*
 * Random records, legal and not, through the fold: a view built again from the same records is the
 * same to the byte, a refused record changes nothing that it must not, and the tables agree with
 * each other all the time. The seeds are fixed; GANTRY_SEED tries another.
 */
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

#include "common/crc32c.h"
#include "common/fleet/container_state.h"
#include "common/fleet/memory_view.h"
#include "common/fleet/row_cache.h"
#include "common/fleet/view.h"
#include "schemas/codec.h"
#include "tests/support/dice.h"
#include "tests/support/fleet_log.h"

#define STEPS      2000
#define CENSUS     10 /* steps between two counts of everything */
#define WRITE      7  /* records between two writes of kept rows */
#define FORGET     9  /* writes until all of them are forgotten */
#define HOSTS      3
#define CONTAINERS 6
#define NAMES      4
#define CLIENTS    4

struct world {
    struct dice dice;
    struct fleet_log *log;
    struct buffer records[STEPS]; /* as they would be stored */
    size_t count;
    struct command_id asked[STEPS]; /* commands so far, refused ones among them */
    size_t asked_count;
    uint64_t sequences[CLIENTS];
    uint64_t journals[HOSTS]; /* journal_seq of each host */
    uint64_t incarnations[HOSTS];
    uint64_t refused;
};

static const char *host_name(unsigned host)
{
    static const char *const names[HOSTS] = { "a", "ab", "b" };

    return names[host];
}

static struct container_config *any_config(struct world *world)
{
    char name[] = { (char)('m' + (char)dice_below(&world->dice, NAMES)), '\0' };

    return fleet_log_config(world->log, dice_one_in(&world->dice, 40) ? "no name" : name);
}

static struct record make_command(struct world *world)
{
    static const char *const types[] = { "container.create", "container.create", "container.start",
                                         "container.stop", "container.rename" };
    const char *type = types[dice_below(&world->dice, 5)];
    unsigned client = dice_below(&world->dice, CLIENTS);
    struct container_create create = { .config = any_config(world) };
    struct container_rename renaming = { .name = create.config->name };
    const void *body = NULL;
    struct record record;

    if (strcmp(type, "container.create") == 0)
        body = &create;
    else if (strcmp(type, "container.rename") == 0)
        body = &renaming;
    record = fleet_log_command(
        world->log, type, fleet_log_container(world->log, dice_below(&world->dice, CONTAINERS)),
        dice_one_in(&world->dice, 30) ? NULL : body);

    if (!dice_one_in(&world->dice, 10))
        world->sequences[client] += 1 + dice_below(&world->dice, 2);
    record.id = command_id_make(client, world->sequences[client]);
    record.host = arena_text(&world->log->arena, host_name(dice_below(&world->dice, HOSTS)));
    world->asked[world->asked_count++] = record.id;
    return record;
}

static struct command_id any_cause(struct world *world)
{
    if (world->asked_count == 0 || dice_one_in(&world->dice, 20))
        return command_id_make(99, 1 + dice_below(&world->dice, 5));
    if (dice_one_in(&world->dice, 3))
        return world->asked[dice_below(&world->dice, (unsigned)world->asked_count)];
    return world->asked[world->asked_count - 1 - dice_below(&world->dice, 8) % world->asked_count];
}

static const void *event_body(struct world *world, const char *type)
{
    struct arena *arena = &world->log->arena;

    if (strcmp(type, "container.created") == 0) {
        struct container_created *body = arena_zeroed(arena, sizeof(*body));

        body->config = any_config(world);
        return body;
    }
    if (strcmp(type, "container.initialized") == 0) {
        struct container_initialized *body = arena_zeroed(arena, sizeof(*body));

        *body = (struct container_initialized){ .pid = 1 + dice_below(&world->dice, 1000),
                                                .conmon_pid = 2,
                                                .runtime = arena_text(arena, "crun") };
        return body;
    }
    if (strcmp(type, "container.died") == 0) {
        struct container_died *body = arena_zeroed(arena, sizeof(*body));

        *body = (struct container_died){ .exit_code = (int32_t)dice_below(&world->dice, 256),
                                         .is_unknown = dice_one_in(&world->dice, 5) };
        return body;
    }
    if (strcmp(type, "container.renamed") == 0) {
        struct container_renamed *body = arena_zeroed(arena, sizeof(*body));

        body->name = any_config(world)->name;
        return body;
    }
    if (strcmp(type, "container.updated") == 0) {
        struct container_update *body = arena_zeroed(arena, sizeof(*body));

        body->memory_bytes =
            (struct maybe_i64){ .is_set = true,
                                .value = (int64_t)dice_below(&world->dice, 10) - 2 };
        return body;
    }
    if (strcmp(type, "container.stopping") == 0 || strcmp(type, "container.signalled") == 0 ||
        strcmp(type, "container.restarting") == 0) {
        static const struct container_stopping stopping = { .signal = 15, .timeout_s = 10 };
        static const struct container_signalled signalled = { .signal = 9 };
        static const struct container_restarting restarting = { .count = 2 };

        if (strcmp(type, "container.stopping") == 0)
            return &stopping;
        return strcmp(type, "container.signalled") == 0 ? (const void *)&signalled : &restarting;
    }
    return NULL;
}

/* Mostly what is legal now, so that containers get somewhere. */
static enum container_event any_event(struct world *world, enum container_state state)
{
    enum container_event event = CONTAINER_EVENT_NONE;

    for (unsigned tries = 0; tries < 40; tries++) {
        event = (enum container_event)(1 + dice_below(&world->dice, CONTAINER_EVENT_COUNT - 1));
        if (container_state_after(state, event) != CONTAINER_STATE_COUNT ||
            dice_one_in(&world->dice, 40))
            break;
    }
    return event;
}

static void set_host(struct world *world, struct record *record, const char *host)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        if (strcmp(host, host_name(i)) != 0)
            continue;
        /* Else it is one that was there before; a worker's first has number 1. */
        if (world->journals[i] == 0 || !dice_one_in(&world->dice, 30))
            world->journals[i]++;
        record->journal_seq = world->journals[i];
    }
    record->host = arena_text(&world->log->arena, host);
}

static struct record make_container_event(struct world *world)
{
    char *id = fleet_log_container(world->log, dice_below(&world->dice, CONTAINERS));
    struct container_row row = fleet_log_row(world->log, id);
    enum container_event event = any_event(world, (enum container_state)row.state);
    const char *type = container_event_type(event);
    uint32_t run = row.run + (event == CONTAINER_EVENT_INITIALIZED ? 1 : 0);
    struct record record;

    if (dice_one_in(&world->dice, 30))
        run += dice_below(&world->dice, 3) - 1;
    record = fleet_log_event(world->log, type, id, run, event_body(world, type));
    set_host(world, &record,
             row.id == NULL || dice_one_in(&world->dice, 30)
                 ? host_name(dice_below(&world->dice, HOSTS))
                 : row.host);
    if (dice_one_in(&world->dice, 2))
        record.cause = any_cause(world);
    return record;
}

static struct record make_outcome(struct world *world)
{
    static const char *const types[] = { "command.done", "command.failed", "command.refused",
                                         "command.expired" };
    struct record record =
        fleet_log_outcome(world->log, types[dice_below(&world->dice, 4)], any_cause(world));
    struct command_row row = fleet_log_command_row(world->log, record.cause);

    if (dice_one_in(&world->dice, 4)) { /* the broker's own word */
        record.journal_seq = 0;
        if (dice_one_in(&world->dice, 2))
            record.cause = command_id_make(0, ++world->sequences[0]);
        return record;
    }
    set_host(world, &record,
             row.host == NULL || dice_one_in(&world->dice, 20)
                 ? host_name(dice_below(&world->dice, HOSTS))
                 : row.host);
    return record;
}

static struct record make_host_event(struct world *world)
{
    static const char *const types[] = { "host.unreachable", "host.reachable", "access.denied" };
    unsigned host = dice_below(&world->dice, HOSTS);
    struct host_lost lost = { .journal = command_id_make(host, world->incarnations[host] / 1000) };
    struct host_facts facts = { .version = arena_text(&world->log->arena, "1") };
    struct host_hello hello = { .facts = &facts };

    if (dice_one_in(&world->dice, 20))
        return fleet_log_system(world->log, "host.lost", host_name(host), &lost);
    if (dice_one_in(&world->dice, 2))
        return fleet_log_system(world->log, types[dice_below(&world->dice, 3)], host_name(host),
                                NULL);
    if (dice_one_in(&world->dice, 6)) {
        world->incarnations[host] += 1000; /* another journal */
        world->journals[host] = 0;
    }
    world->incarnations[host] += dice_below(&world->dice, 3);
    hello.incarnation = world->incarnations[host] % 1000 + dice_below(&world->dice, 2);
    hello.journal = command_id_make(host, world->incarnations[host] / 1000);
    return fleet_log_system(world->log, "host.hello", host_name(host), &hello);
}

static struct record make_record(struct world *world)
{
    unsigned what = dice_below(&world->dice, 20);

    if (world->count < HOSTS * 4 || what == 0)
        return make_host_event(world);
    if (what < 5)
        return make_command(world);
    if (what < 9)
        return make_outcome(world);
    return make_container_event(world);
}

/* Mostly on, sometimes by hours, sometimes back. */
static void let_time_pass(struct world *world)
{
    if (dice_one_in(&world->dice, 100))
        world->log->now_ns -= dice_below(&world->dice, 100) * LOG_HOUR;
    else if (dice_one_in(&world->dice, 20))
        world->log->now_ns += dice_below(&world->dice, 30) * LOG_HOUR;
    else
        world->log->now_ns += dice_below(&world->dice, 100) * LOG_SECOND;
}

struct table_hash {
    uint32_t crc[VIEW_TABLE_COUNT];
    uint64_t rows[VIEW_TABLE_COUNT];
    unsigned table;
};

static int hash_row(void *owner, struct bytes key, struct bytes value)
{
    struct table_hash *hash = owner;
    uint32_t *crc = &hash->crc[hash->table];

    *crc = crc32c(crc32c(*crc, key.data, key.size), value.data, value.size);
    hash->rows[hash->table]++;
    return 0;
}

static void walk(const struct view *view, unsigned table,
                 int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner)
{
    assert_int_equal(view->functions->walk(view->store, (enum view_table)table, (struct bytes){ 0 },
                                           visit, owner, NULL),
                     0);
}

static struct table_hash hash_tables(const struct view *view)
{
    struct table_hash hash = { 0 };

    for (; hash.table < VIEW_TABLE_COUNT; hash.table++)
        walk(view, hash.table, hash_row, &hash);
    return hash;
}

static void assert_unchanged(const struct record *record, const struct table_hash *before,
                             const struct table_hash *after)
{
    for (unsigned table = 0; table < VIEW_TABLE_COUNT; table++) {
        bool may_change =
            record->kind == RECORD_EVENT
                ? table == VIEW_HOSTS && record->journal_seq != 0
                : table != VIEW_CONTAINERS && table != VIEW_NAMES && table != VIEW_HOSTS;

        if (!may_change && before->crc[table] != after->crc[table])
            fail_msg("a refused %s changed %s", record->type,
                     view_table_name((enum view_table)table));
    }
}

/* What the invariants count while they walk. */
struct census {
    struct fleet_log *log;
    uint64_t pending[HOSTS];
    uint64_t finished;
    uint64_t names;
};

static bool is_name(const struct census *census, struct bytes key, const char *host,
                    const char *name)
{
    return bytes_equal(key, bytes_of_text(arena_printf(&census->log->arena, "%s/%s", host, name)));
}

/* A name that is no container's own, and what waits to be called so. */
struct held_name {
    struct census *census;
    struct bytes key;
    const char *id;
    bool is_found;
};

static int look_for_rename(void *owner, struct bytes key, struct bytes value)
{
    struct held_name *held = owner;
    struct command_row row;

    (void)key;
    assert_int_equal(
        schema_decode(&command_row_schema, value, &row, &held->census->log->arena, NULL), 0);
    if (row.state == COMMAND_PENDING && row.name != NULL && strcmp(row.container, held->id) == 0 &&
        is_name(held->census, held->key, row.host, row.name))
        held->is_found = true;
    return held->is_found;
}

static int check_name(void *owner, struct bytes key, struct bytes value)
{
    struct census *census = owner;
    struct container_row row;
    char id[CONTAINER_ID_SIZE + 1] = { 0 };
    struct held_name held = { .census = census, .key = key, .id = id };

    assert_int_equal(value.size, CONTAINER_ID_SIZE);
    memcpy(id, value.data, value.size);
    row = fleet_log_row(census->log, id);
    if (row.id != NULL && is_name(census, key, row.host, row.config->name)) {
        census->names++;
        return 0;
    }
    walk(census->log->view, VIEW_COMMANDS, look_for_rename, &held);
    assert_true(held.is_found);
    return 0;
}

static int check_container(void *owner, struct bytes key, struct bytes value)
{
    struct census *census = owner;
    struct container_row row;
    struct host_row host;

    (void)key;
    assert_int_equal(schema_decode(&container_row_schema, value, &row, &census->log->arena, NULL),
                     0);
    assert_true(row.state < CONTAINER_STATE_COUNT);
    assert_true(row.pos > 0 && row.pos <= census->log->pos);
    if (row.state == CONTAINER_RUNNING || row.state == CONTAINER_PAUSED)
        assert_true(row.run > 0 && row.pid != 0 && !row.has_exited);
    if (row.state == CONTAINER_EXITED || row.state == CONTAINER_CONFIGURED)
        assert_true(row.pid == 0 && row.conmon_pid == 0);
    if (row.state != CONTAINER_UNKNOWN)
        assert_int_equal(view_host(census->log->view, row.host, &host, &census->log->arena, NULL),
                         0);
    census->names--;
    return 0;
}

static int check_command(void *owner, struct bytes key, struct bytes value)
{
    struct census *census = owner;
    struct command_row row;

    (void)key;
    assert_int_equal(schema_decode(&command_row_schema, value, &row, &census->log->arena, NULL), 0);
    for (unsigned i = 0; i < HOSTS && row.state == COMMAND_PENDING; i++)
        census->pending[i] += strcmp(row.host, host_name(i)) == 0;
    assert_int_equal(row.outcome_pos == 0, row.state == COMMAND_PENDING);
    census->finished += row.state != COMMAND_PENDING;
    return 0;
}

static int check_finished(void *owner, struct bytes key, struct bytes value)
{
    struct census *census = owner;
    struct command_id id;

    assert_int_equal(value.size, VIEW_NUMBER_SIZE + COMMAND_ID_SIZE);
    memcpy(&id, value.data + VIEW_NUMBER_SIZE, sizeof(id));
    assert_int_equal(fleet_log_command_row(census->log, id).outcome_pos,
                     view_read_number(key.data));
    return 0;
}

/* A row that is being created has a command that is pending, and that command no other row. */
static int check_reservation(void *owner, struct bytes key, struct bytes value)
{
    struct census *census = owner;
    struct command_row row;
    struct container_row container;

    (void)key;
    assert_int_equal(schema_decode(&command_row_schema, value, &row, &census->log->arena, NULL), 0);
    if (strcmp(row.type, "container.create") != 0 || row.state == COMMAND_PENDING)
        return 0;
    container = fleet_log_row(census->log, row.container);
    assert_false(container.id != NULL && container.state == CONTAINER_UNKNOWN &&
                 container.pos == row.pos);
    return 0;
}

static void assert_total(const struct view *view, const char *key, uint64_t expected)
{
    uint64_t total = 0;

    assert_int_equal(view_total(view, key, &total, NULL), 0);
    assert_int_equal(total, expected);
}

static void check_invariants(struct world *world, const struct table_hash *hash)
{
    const struct view *view = world->log->view;
    struct census census = { .log = world->log };

    walk(view, VIEW_NAMES, check_name, &census);
    walk(view, VIEW_CONTAINERS, check_container, &census);
    assert_int_equal(census.names, 0); /* each container has its name, and one of its own */
    walk(view, VIEW_COMMANDS, check_command, &census);
    walk(view, VIEW_COMMANDS, check_reservation, &census);
    walk(view, VIEW_FINISHED, check_finished, &census);
    assert_int_equal(hash->rows[VIEW_FINISHED], census.finished);
    assert_int_equal(hash->rows[VIEW_CLIENTS], hash->rows[VIEW_CLIENT_HOURS]);
    assert_total(view, "finished", census.finished);
    assert_total(view, "clients", hash->rows[VIEW_CLIENTS]);
    for (unsigned i = 0; i < HOSTS; i++)
        assert_total(view, view_pending_key(host_name(i), &world->log->arena), census.pending[i]);
}

static void step(struct world *world)
{
    struct record record = make_record(world);
    struct table_hash before = hash_tables(world->log->view);
    struct table_hash after;
    int r;

    let_time_pass(world);
    r = fleet_log_apply(world->log, &record, NULL);
    assert_true(r == 0 || r == -EPROTO);
    schema_encode(&record_schema, &record, &world->records[world->count++]);
    after = hash_tables(world->log->view);
    if (r < 0) {
        world->refused++;
        assert_unchanged(&record, &before, &after);
    }
    if (world->count % CENSUS == 0)
        check_invariants(world, &after);
}

static void fold_stored(const struct view *view, const struct buffer *stored)
{
    autoarena arena = { 0 };
    struct record record;
    int r;

    assert_int_equal(schema_decode(&record_schema, buffer_bytes(stored), &record, &arena, NULL), 0);
    r = fleet_apply(view, &record, NULL);
    assert_true(r == 0 || r == -EPROTO);
}

static uint64_t rebuild(const struct world *world)
{
    autodestroy(memory_view) struct memory_view *memory = memory_view_new();
    uint64_t hash = 0;

    for (size_t i = 0; i < world->count; i++)
        fold_stored(memory_view_view(memory), &world->records[i]);
    assert_int_equal(view_hash(memory_view_view(memory), &hash, NULL), 0);
    return hash;
}

/* The same by way of rows that are kept as messages, written and forgotten now and then. */
static uint64_t rebuild_through_rows(const struct world *world)
{
    autodestroy(memory_view) struct memory_view *memory = memory_view_new();
    autodestroy(row_cache) struct row_cache *rows = row_cache_new(0);
    const struct view *view = row_cache_over(rows, memory_view_view(memory));
    uint64_t hash = 0;

    for (size_t i = 0; i < world->count; i++) {
        fold_stored(view, &world->records[i]);
        if (i % WRITE == 0)
            assert_int_equal(row_cache_write(rows, NULL), 0);
        if (i % (FORGET * WRITE) == 0)
            row_cache_forget(rows);
    }
    assert_int_equal(row_cache_write(rows, NULL), 0);
    assert_int_equal(view_hash(memory_view_view(memory), &hash, NULL), 0);
    return hash;
}

static void run_world(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));

    print_message("seed %" PRIu64 "\n", seed);
    world->dice.state = seed;
    world->log = fleet_log_new_empty();
    while (world->count < STEPS) {
        step(world);
        if (world->count % 500 == 0) {
            assert_int_equal(rebuild(world), fleet_log_hash(world->log));
            assert_int_equal(rebuild_through_rows(world), fleet_log_hash(world->log));
        }
    }
    /* The dice are good: neither nothing nor everything is refused. */
    assert_true(world->refused > STEPS / 100 && world->refused < STEPS / 2);
    for (size_t i = 0; i < world->count; i++)
        buffer_done(&world->records[i]);
    fleet_log_destroy(world->log);
    free(world);
}

static void the_fold_is_the_same_however_often_it_is_done(void **unused)
{
    const char *seed = getenv("GANTRY_SEED");

    (void)unused;
    if (seed != NULL) {
        run_world(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t i = 1; i <= 3; i++)
        run_world(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fold_is_the_same_however_often_it_is_done),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
