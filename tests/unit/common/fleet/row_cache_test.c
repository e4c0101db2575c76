/* Rows kept as messages: read once, written once, and always what was put last. */
#include "common/fleet/row_cache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/memory_view.h"
#include "common/fleet/view.h"
#include "tests/support/fleet_log.h"

/* A cache over a view in memory, through which all that reaches it is counted. */
struct scene {
    struct fleet_log *log; /* folds through the cache */
    struct row_cache *rows;
    struct view counted;
    unsigned gets[VIEW_TABLE_COUNT];
    unsigned puts[VIEW_TABLE_COUNT];
    int failure; /* of the next put */
};

static const struct view *beneath(const struct scene *scene)
{
    return memory_view_view(scene->log->memory);
}

static int count_get(void *store, enum view_table table, struct bytes key, struct bytes *ret)
{
    struct scene *scene = store;

    scene->gets[table]++;
    return beneath(scene)->functions->get(scene->log->memory, table, key, ret);
}

static int count_put(void *store, enum view_table table, struct bytes key, struct bytes value,
                     struct error *err)
{
    struct scene *scene = store;
    int failure = scene->failure;

    scene->puts[table]++;
    scene->failure = 0;
    if (failure < 0)
        return error_set(err, failure, "no room");
    return beneath(scene)->functions->put(scene->log->memory, table, key, value, err);
}

static int pass_remove(void *store, enum view_table table, struct bytes key, struct error *err)
{
    struct scene *scene = store;

    return beneath(scene)->functions->remove(scene->log->memory, table, key, err);
}

static int pass_walk(void *store, enum view_table table, struct bytes from,
                     int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                     struct error *err)
{
    struct scene *scene = store;

    return beneath(scene)->functions->walk(scene->log->memory, table, from, visit, owner, err);
}

static const struct view_functions counting = {
    .get = count_get,
    .put = count_put,
    .remove = pass_remove,
    .walk = pass_walk,
};

static void forget_counts(struct scene *scene)
{
    memset(scene->gets, 0, sizeof(scene->gets));
    memset(scene->puts, 0, sizeof(scene->puts));
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    scene->log = fleet_log_new();
    scene->rows = row_cache_new(100000);
    scene->counted = (struct view){ .functions = &counting, .store = scene };
    scene->log->view = row_cache_over(scene->rows, &scene->counted);
    fleet_log_create(scene->log, fleet_log_container(scene->log, 1), "web");
    fleet_log_created(scene->log, fleet_log_container(scene->log, 1), "web");
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    row_cache_forget(scene->rows);
    forget_counts(scene);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    row_cache_destroy(scene->rows);
    fleet_log_destroy(scene->log);
    free(scene);
    return 0;
}

static void say_lives(struct scene *scene, unsigned first, unsigned count)
{
    const char *id = fleet_log_container(scene->log, 1);

    for (unsigned run = first; run < first + count; run++) {
        struct container_died died = { .exit_code = 3 };

        fleet_log_initialized(scene->log, id, run);
        fleet_log_must(scene->log, fleet_log_event(scene->log, "container.started", id, run, NULL));
        fleet_log_must(scene->log, fleet_log_event(scene->log, "container.died", id, run, &died));
        fleet_log_must(scene->log, fleet_log_event(scene->log, "container.cleaned", id, run, NULL));
    }
}

static uint64_t hash_beneath(const struct scene *scene)
{
    uint64_t hash = 0;

    assert_int_equal(view_hash(beneath(scene), &hash, NULL), 0);
    return hash;
}

static struct container_row row_in(const struct view *view, struct scene *scene)
{
    struct container_row row = { 0 };
    int r = view_container_sealed(view, fleet_log_container(scene->log, 1), &row,
                                  &scene->log->arena, NULL);

    assert_int_equal(r, 0);
    return row;
}

static void a_hundred_events_read_and_write_a_row_once(void **state)
{
    struct scene *scene = *state;

    say_lives(scene, 1, 25);
    assert_int_equal(scene->puts[VIEW_CONTAINERS], 0);
    assert_int_equal(row_in(scene->log->view, scene).run, 25);
    assert_int_equal(row_in(beneath(scene), scene).run, 0);

    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_int_equal(row_in(beneath(scene), scene).run, 25);
    for (unsigned table = 0; table < VIEW_TABLE_COUNT; table++) {
        bool is_changed = table == VIEW_HOSTS || table == VIEW_CONTAINERS;

        assert_int_equal(scene->gets[table], is_changed ? 1 : 0);
        assert_int_equal(scene->puts[table], is_changed ? 1 : 0);
    }
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_int_equal(scene->puts[VIEW_CONTAINERS], 1);
}

static void what_was_written_is_kept_and_what_is_forgotten_is_read_again(void **state)
{
    struct scene *scene = *state;

    say_lives(scene, 1, 1);
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    say_lives(scene, 2, 1);
    assert_int_equal(scene->gets[VIEW_CONTAINERS], 1);
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    row_cache_forget(scene->rows);
    say_lives(scene, 3, 1);
    assert_int_equal(scene->gets[VIEW_CONTAINERS], 2);
}

/* A transaction is undone: what it changed never was. */
static void what_was_not_written_is_forgotten_too(void **state)
{
    struct scene *scene = *state;
    uint64_t before = hash_beneath(scene);

    say_lives(scene, 1, 1);
    row_cache_forget(scene->rows);
    assert_int_equal(hash_beneath(scene), before);
    assert_int_equal(row_in(scene->log->view, scene).run, 0);
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_int_equal(hash_beneath(scene), before);
}

static void a_row_that_cannot_be_written_is_not_taken_for_written(void **state)
{
    struct scene *scene = *state;
    struct error err = { 0 };

    say_lives(scene, 1, 1);
    scene->failure = -ENOSPC;
    assert_int_equal(row_cache_write(scene->rows, &err), -ENOSPC);
    assert_string_equal(err.text, "no room");
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_int_equal(row_in(beneath(scene), scene).run, 1);
}

/* Whoever takes the container's configuration, or the rows in order, sees what was put last. */
static void whole_rows_and_walks_see_what_was_put(void **state)
{
    struct scene *scene = *state;
    const struct view *view = scene->log->view;
    const char *id = fleet_log_container(scene->log, 1);
    struct container_row row = { 0 };
    uint64_t hash;

    say_lives(scene, 1, 1);
    assert_int_equal(view_container(view, id, &row, &scene->log->arena, NULL), 0);
    assert_int_equal(row.run, 1);
    assert_string_equal(row.config->name, "web");

    say_lives(scene, 2, 1);
    assert_int_equal(view_hash(view, &hash, NULL), 0);
    assert_int_equal(hash, hash_beneath(scene));
    assert_int_equal(row_in(beneath(scene), scene).run, 2);

    row.run = 7;
    assert_int_equal(view_put_row(view, VIEW_CONTAINERS, bytes_of_text(id), &row, NULL), 0);
    assert_int_equal(row_in(view, scene).run, 7);
}

static void a_removed_row_is_gone_and_may_come_again(void **state)
{
    struct scene *scene = *state;
    const struct view *view = scene->log->view;
    const struct client_row row = { .sequence = 3 };
    const struct bytes key = bytes_of_text("01234567");
    struct client_row found;

    assert_int_equal(view_put_row(view, VIEW_CLIENTS, key, &row, NULL), 0);
    assert_int_equal(view->functions->remove(view->store, VIEW_CLIENTS, key, NULL), 0);
    assert_int_equal(view_get_row(view, VIEW_CLIENTS, key, &found, &scene->log->arena, NULL),
                     -ENOENT);
    assert_int_equal(view->functions->remove(view->store, VIEW_CLIENTS, key, NULL), -ENOENT);
    assert_int_equal(view_put_row(view, VIEW_CLIENTS, key, &row, NULL), 0);
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_int_equal(
        view_get_row(beneath(scene), VIEW_CLIENTS, key, &found, &scene->log->arena, NULL), 0);
    assert_int_equal(found.sequence, 3);
}

static void assert_total(const struct view *view, uint64_t wanted)
{
    uint64_t total = 99;

    assert_int_equal(view_total(view, "finished", &total, NULL), 0);
    assert_int_equal(total, wanted);
}

static void totals_are_kept_and_a_zero_is_no_row(void **state)
{
    struct scene *scene = *state;
    const struct view *view = scene->log->view;
    uint64_t total;

    assert_total(view, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(view_add_to_total(view, "finished", 1, &total, NULL), 0);
    assert_total(view, 5);
    assert_total(beneath(scene), 0);
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_total(beneath(scene), 5);
    assert_int_equal(scene->gets[VIEW_TOTALS], 1);
    assert_int_equal(scene->puts[VIEW_TOTALS], 1);

    assert_int_equal(view_set_total(view, "finished", 0, NULL), 0);
    assert_total(view, 0);
    assert_int_equal(row_cache_write(scene->rows, NULL), 0);
    assert_total(beneath(scene), 0);
}

static void of_a_table_that_grows_too_large_nothing_is_kept(void **state)
{
    struct scene *scene = *state;
    uint64_t total;

    (void)row_in(scene->log->view, scene);
    assert_false(row_cache_is_full(scene->rows));
    for (unsigned i = 0; i < 1000; i++)
        (void)view_total(scene->log->view, arena_printf(&scene->log->arena, "pending/%u", i),
                         &total, NULL);
    assert_true(row_cache_is_full(scene->rows));
    forget_counts(scene);
    row_cache_trim(scene->rows);
    assert_false(row_cache_is_full(scene->rows));
    (void)row_in(scene->log->view, scene);
    (void)view_total(scene->log->view, "pending/1", &total, NULL);
    assert_int_equal(scene->gets[VIEW_CONTAINERS], 0);
    assert_int_equal(scene->gets[VIEW_TOTALS], 1);
}

#define with_scene(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_scene(a_hundred_events_read_and_write_a_row_once),
        with_scene(what_was_written_is_kept_and_what_is_forgotten_is_read_again),
        with_scene(what_was_not_written_is_forgotten_too),
        with_scene(a_row_that_cannot_be_written_is_not_taken_for_written),
        with_scene(whole_rows_and_walks_see_what_was_put),
        with_scene(a_removed_row_is_gone_and_may_come_again),
        with_scene(totals_are_kept_and_a_zero_is_no_row),
        with_scene(of_a_table_that_grows_too_large_nothing_is_kept),
    };
    return cmocka_run_group_tests_name("row_cache", tests, NULL, NULL);
}
