/* A container is called by another name: at its turn, once, and never by a name that is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "schemas/commands.h"
#include "tests/support/engine_script.h"

#define FIRST  "1111111111111111111111111111111111111111111111111111111111111111"
#define SECOND "2222222222222222222222222222222222222222222222222222222222222222"

static uint64_t ask_rename(struct engine_world *world, const char *id, char *name)
{
    return world_submit(world, "container.rename", id, &(struct container_rename){ .name = name });
}

static void assert_name(struct engine_world *world, const char *id, const char *name)
{
    struct engine_container container;

    assert_true(engine_find(world_engine(world), id, &container));
    assert_string_equal(container.row->config->name, name);
    assert_null(world_check_fold(world));
}

static void a_rename_is_done_at_once_and_frees_the_old_name(void **state)
{
    struct engine_world *world = *state;
    static char shop[] = "shop";
    uint64_t pos;

    script_create_named(world, FIRST, "web");
    pos = ask_rename(world, FIRST, shop);
    assert_int_equal(world_action_count(world), 0);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_name(world, FIRST, "shop");
    script_create_named(world, SECOND, "web");
    world_restart(world, false, NULL, NULL);
    assert_name(world, FIRST, "shop");
    assert_name(world, SECOND, "web");
}

static void a_running_container_is_renamed_and_keeps_running(void **state)
{
    struct engine_world *world = *state;
    static char shop[] = "shop";

    script_create_named(world, FIRST, "web");
    (void)world_submit(world, "container.start", FIRST, NULL);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, ask_rename(world, FIRST, shop), NULL), "command.done");
    assert_int_equal(world_state(world, FIRST), CONTAINER_RUNNING);
    assert_name(world, FIRST, "shop");
}

static void a_name_that_is_taken_is_refused(void **state)
{
    struct engine_world *world = *state;
    static char db[] = "db";
    static char web[] = "web";
    uint64_t pos;

    script_create_named(world, FIRST, "web");
    script_create_named(world, SECOND, "db");
    pos = ask_rename(world, FIRST, db);
    assert_string_equal(world_outcome(world, pos, NULL), "command.refused");
    assert_string_equal(world_outcome_code(world, pos), "container-exists");
    pos = ask_rename(world, FIRST, web);
    assert_string_equal(world_outcome_code(world, pos), "container-exists");
    assert_name(world, FIRST, "web");
}

/* It waits behind a start; until its outcome nobody else gets the name, not even over a crash. */
static void a_rename_that_waits_holds_its_name(void **state)
{
    struct engine_world *world = *state;
    static char shop[] = "shop";
    uint64_t waiting;
    uint64_t other;

    script_create_named(world, FIRST, "web");
    (void)world_submit(world, "container.start", FIRST, NULL);
    waiting = ask_rename(world, FIRST, shop);
    assert_null(world_outcome(world, waiting, NULL));
    world_restart(world, false, NULL, NULL);
    other = world_create(world, SECOND, "shop", NULL, false);
    assert_string_equal(world_outcome_code(world, other), "container-exists");
    script_carry_out(world);
    assert_string_equal(world_outcome(world, waiting, NULL), "command.done");
    assert_name(world, FIRST, "shop");
    script_create_named(world, SECOND, "web");
}

static void a_rename_that_comes_to_nothing_frees_its_name(void **state)
{
    struct engine_world *world = *state;
    static char shop[] = "shop";
    uint64_t late;

    script_create_named(world, FIRST, "web");
    (void)world_submit(world, "container.remove", FIRST, NULL);
    late = ask_rename(world, FIRST, shop);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, late, NULL), "command.refused");
    assert_string_equal(world_outcome_code(world, late), "no-container");
    script_create_named(world, SECOND, "shop");
    script_create_named(world, FIRST, "web");
}

static void nonsense_is_refused(void **state)
{
    struct engine_world *world = *state;
    static char nonsense[] = "no/name";

    script_create_named(world, FIRST, "web");
    assert_string_equal(world_outcome_code(world, ask_rename(world, FIRST, nonsense)),
                        "invalid-argument");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(a_rename_is_done_at_once_and_frees_the_old_name),
        SCRIPT_TEST(a_running_container_is_renamed_and_keeps_running),
        SCRIPT_TEST(a_name_that_is_taken_is_refused),
        SCRIPT_TEST(a_rename_that_waits_holds_its_name),
        SCRIPT_TEST(a_rename_that_comes_to_nothing_frees_its_name),
        SCRIPT_TEST(nonsense_is_refused),
    };

    return cmocka_run_group_tests_name("rename", tests, NULL, NULL);
}
