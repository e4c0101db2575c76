/* What containers require of each other: order, culprits, and nobody left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "schemas/commands.h"
#include "tests/support/engine_script.h"

#define FIRST  "1111111111111111111111111111111111111111111111111111111111111111"
#define SECOND "2222222222222222222222222222222222222222222222222222222222222222"

#define THIRD "3333333333333333333333333333333333333333333333333333333333333333"

static uint64_t ask(struct engine_world *world, const char *type, const char *id)
{
    return world_submit(world, type, id, NULL);
}

static void create_requiring(struct engine_world *world, const char *id, const char *name,
                             const char *required)
{
    uint64_t pos = world_create_requiring(world, id, name, required);

    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
}

/* web requires app requires db */
static void create_chain(struct engine_world *world)
{
    script_create_named(world, FIRST, "db");
    create_requiring(world, SECOND, "app", "db");
    create_requiring(world, THIRD, "web", SECOND);
}

static void assert_states(struct engine_world *world, enum container_state first,
                          enum container_state second, enum container_state third)
{
    assert_int_equal(world_state(world, FIRST), first);
    assert_int_equal(world_state(world, SECOND), second);
    assert_int_equal(world_state(world, THIRD), third);
    assert_null(world_check_fold(world));
}

static void a_start_starts_what_is_required_before(void **state)
{
    struct engine_world *world = *state;
    const struct step_result done = { .init = { .runtime = (char[]){ "crun" } } };
    static const char *const order[] = { FIRST, FIRST, SECOND, SECOND, THIRD, THIRD };
    uint64_t pos;

    create_chain(world);
    pos = ask(world, "container.start", THIRD);
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        assert_int_equal(world_action_count(world), 1);
        assert_string_equal(world_action(world, 0).id, order[i]);
        world_answer(world, 0, &done);
    }
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_states(world, CONTAINER_RUNNING, CONTAINER_RUNNING, CONTAINER_RUNNING);
}

static void what_does_not_depend_on_each_other_starts_side_by_side(void **state)
{
    struct engine_world *world = *state;
    char *words[] = { (char[]){ "db" }, (char[]){ "cache" }, (char[]){ "db" } };
    char *argv[] = { (char[]){ "/bin/true" } };
    struct container_config config = { .name = (char[]){ "web" },
                                       .rootfs = (char[]){ "/rootfs" },
                                       .command = { .items = argv, .count = 1 },
                                       .requires = { .items = words, .count = 3 } };
    uint64_t pos;

    script_create_named(world, FIRST, "db");
    script_create_named(world, SECOND, "cache");
    (void)world_submit(world, "container.create", THIRD,
                       &(struct container_create){ .config = &config });
    script_carry_out(world);
    pos = ask(world, "container.start", THIRD);
    assert_int_equal(world_action_count(world), 2);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_states(world, CONTAINER_RUNNING, CONTAINER_RUNNING, CONTAINER_RUNNING);
}

static void a_failure_goes_up_to_who_asked(void **state)
{
    struct engine_world *world = *state;
    const struct step_result no = { .code = -EIO, .failure = FAILURE_RUNTIME, .text = "no luck" };
    uint64_t pos;

    create_chain(world);
    pos = ask(world, "container.start", THIRD);
    world_answer(world, 0, &no);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.failed");
    assert_string_equal(world_outcome_code(world, pos), "dependency");
    assert_states(world, CONTAINER_CONFIGURED, CONTAINER_CONFIGURED, CONTAINER_CONFIGURED);
}

static void a_paused_one_does_not_run(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    create_chain(world);
    (void)ask(world, "container.start", FIRST);
    script_carry_out(world);
    (void)ask(world, "container.pause", FIRST);
    script_carry_out(world);
    pos = ask(world, "container.start", SECOND);
    assert_int_equal(world_action_count(world), 0);
    assert_string_equal(world_outcome(world, pos, NULL), "command.failed");
    assert_string_equal(world_outcome_code(world, pos), "dependency");
}

static void what_runs_is_left_alone(void **state)
{
    struct engine_world *world = *state;
    struct engine_container container;

    create_chain(world);
    (void)ask(world, "container.start", SECOND);
    script_carry_out(world);
    (void)ask(world, "container.start", THIRD);
    assert_int_equal(world_action_count(world), 1);
    assert_string_equal(world_action(world, 0).id, THIRD);
    script_carry_out(world);
    assert_true(engine_find(world_engine(world), FIRST, &container));
    assert_int_equal(container.row->run, 1);
}

static void a_killed_worker_goes_on_waiting(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    create_chain(world);
    pos = ask(world, "container.start", THIRD);
    world_restart(world, false, NULL, NULL);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_states(world, CONTAINER_RUNNING, CONTAINER_RUNNING, CONTAINER_RUNNING);
}

static void an_init_starts_nothing(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    create_chain(world);
    pos = ask(world, "container.init", SECOND);
    assert_string_equal(world_outcome(world, pos, NULL), "command.refused");
    assert_string_equal(world_outcome_code(world, pos), "dependency");
    (void)ask(world, "container.start", FIRST);
    script_carry_out(world);
    pos = ask(world, "container.init", SECOND);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
}

/* Refused before anything is stopped, with force too. */
static void nobody_is_left_behind(void **state)
{
    struct engine_world *world = *state;
    const struct container_remove force = { .force = true };
    uint64_t pos;

    create_chain(world);
    (void)ask(world, "container.start", FIRST);
    script_carry_out(world);
    pos = world_submit(world, "container.remove", FIRST, &force);
    assert_int_equal(world_action_count(world), 0);
    assert_string_equal(world_outcome(world, pos, NULL), "command.refused");
    assert_string_equal(world_outcome_code(world, pos), "dependants");
    assert_int_equal(world_state(world, FIRST), CONTAINER_RUNNING);
    world_restart(world, false, NULL, NULL);
    assert_string_equal(world_outcome_code(world, ask(world, "container.remove", SECOND)),
                        "dependants");
    (void)ask(world, "container.remove", THIRD);
    script_carry_out(world);
    pos = ask(world, "container.remove", SECOND);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
}

/* --rm of what is required waits for the last who requires it. */
static void an_ended_one_that_is_required_is_removed_later(void **state)
{
    struct engine_world *world = *state;
    const struct container_died died = { .exit_code = 0 };

    (void)world_create(world, FIRST, "db", NULL, true);
    script_carry_out(world);
    create_requiring(world, SECOND, "app", "db");
    (void)ask(world, "container.start", FIRST);
    script_carry_out(world);
    world_exit(world, FIRST, 1, &died);
    script_carry_out(world);
    assert_int_equal(world_state(world, FIRST), CONTAINER_EXITED);
    (void)ask(world, "container.remove", SECOND);
    script_carry_out(world);
    assert_int_equal(world_state(world, SECOND), CONTAINER_STATE_COUNT);
    assert_int_equal(world_state(world, FIRST), CONTAINER_STATE_COUNT);
}

static void a_create_names_what_is_there(void **state)
{
    struct engine_world *world = *state;
    struct engine_container container;
    static char other[] = "other";
    uint64_t pos;

    pos = world_create_requiring(world, FIRST, "app", "nobody");
    assert_string_equal(world_outcome(world, pos, NULL), "command.refused");
    assert_string_equal(world_outcome_code(world, pos), "dependency");
    pos = world_create_requiring(world, FIRST, "app", "app");
    assert_string_equal(world_outcome_code(world, pos), "dependency");
    pos = world_create_requiring(world, FIRST, "app", FIRST);
    assert_string_equal(world_outcome_code(world, pos), "dependency");
    script_create_named(world, FIRST, "db");
    (void)ask(world, "container.remove", FIRST);
    pos = world_create_requiring(world, SECOND, "app", "db");
    assert_string_equal(world_outcome_code(world, pos), "dependency");
    script_carry_out(world);

    /* A name is an id from then on: a rename changes nothing. */
    script_create_named(world, FIRST, "db");
    create_requiring(world, SECOND, "app", "db");
    (void)world_submit(world, "container.rename", FIRST,
                       &(struct container_rename){ .name = other });
    assert_true(engine_find(world_engine(world), SECOND, &container));
    assert_string_equal(container.config->requires.items[0], FIRST);
    pos = ask(world, "container.start", SECOND);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(a_start_starts_what_is_required_before),
        SCRIPT_TEST(what_does_not_depend_on_each_other_starts_side_by_side),
        SCRIPT_TEST(a_failure_goes_up_to_who_asked),
        SCRIPT_TEST(a_paused_one_does_not_run),
        SCRIPT_TEST(what_runs_is_left_alone),
        SCRIPT_TEST(a_killed_worker_goes_on_waiting),
        SCRIPT_TEST(an_init_starts_nothing),
        SCRIPT_TEST(nobody_is_left_behind),
        SCRIPT_TEST(an_ended_one_that_is_required_is_removed_later),
        SCRIPT_TEST(a_create_names_what_is_there),
    };

    return cmocka_run_group_tests_name("requirements", tests, NULL, NULL);
}
