/* Words for tests of the engine; see the header. */
#include "tests/support/engine_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "schemas/commands.h"

int script_set_up(void **state)
{
    *state = engine_world_new();
    return 0;
}

int script_tear_down(void **state)
{
    struct engine_world *world = *state;
    autofree char *wrong = world_check_fold(world);

    if (wrong != NULL)
        (void)fprintf(stderr, "%s\n", wrong);
    engine_world_destroy(world);
    return wrong == NULL ? 0 : -1;
}

static void skip_forgets(struct engine_world *world)
{
    while (world_action_count(world) > 0 && world_action(world, 0).kind == ACTION_FORGET_EXIT)
        world_answer(world, 0, NULL);
}

void script_expect_nothing(struct engine_world *world)
{
    skip_forgets(world);
    if (world_action_count(world) > 0)
        fail_msg("nothing is to be done, but %s is asked for",
                 step_name(world_action(world, 0).step));
}

struct world_action script_expect_step(struct engine_world *world, enum step step)
{
    skip_forgets(world);
    if (world_action_count(world) != 1)
        fail_msg("%s is expected, and %zu actions wait", step_name(step),
                 world_action_count(world));
    if (world_action(world, 0).step != step)
        fail_msg("%s is expected, and %s is asked for", step_name(step),
                 step_name(world_action(world, 0).step));
    return world_action(world, 0);
}

void script_succeed(struct engine_world *world, enum step step)
{
    static char runtime[] = "crun";
    struct step_result result = {
        .init = { .pid = 100, .pid_started = 1, .conmon_pid = 99, .runtime = runtime },
    };

    (void)script_expect_step(world, step);
    world_answer(world, 0, &result);
    skip_forgets(world);
}

void script_fail(struct engine_world *world, enum step step, enum failure failure)
{
    struct step_result result = { .code = -EIO, .failure = failure, .text = "no, says the host" };

    (void)script_expect_step(world, step);
    world_answer(world, 0, &result);
    skip_forgets(world);
}

void script_expect_outcome(struct engine_world *world, uint64_t pos, const char *type,
                           const char *code)
{
    unsigned count = 0;
    const char *outcome = world_outcome(world, pos, &count);

    assert_int_equal(count, 1);
    assert_string_equal(outcome, type);
    assert_string_equal(world_outcome_code(world, pos), code);
}

void script_expect_refused(struct engine_world *world, uint64_t pos, const char *code)
{
    script_expect_outcome(world, pos, "command.refused", code);
}

void script_expect_pending(struct engine_world *world, uint64_t pos)
{
    assert_null(world_outcome(world, pos, NULL));
}

void script_expect_trace(struct engine_world *world, size_t mark, const char *expected)
{
    autofree char *trace = world_trace(world, mark);

    assert_string_equal(trace, expected);
}

void script_create(struct engine_world *world, const char *policy, bool auto_remove)
{
    uint64_t pos = world_create(world, SCRIPT_ID, "web", policy, auto_remove);

    script_succeed(world, STEP_MAKE_DIRECTORIES);
    script_expect_outcome(world, pos, "command.done", "");
}

void script_start(struct engine_world *world)
{
    uint64_t pos = world_submit(world, "container.start", SCRIPT_ID, NULL);

    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

void script_running(struct engine_world *world, const char *policy, bool auto_remove)
{
    script_create(world, policy, auto_remove);
    script_start(world);
}

void script_carry_out(struct engine_world *world)
{
    static char crun[] = "crun";
    const struct step_result done = { .init = { .pid = 10, .conmon_pid = 9, .runtime = crun } };

    while (world_action_count(world) > 0)
        world_answer(world, 0, &done);
}

void script_create_named(struct engine_world *world, const char *id, const char *name)
{
    uint64_t pos = world_create(world, id, name, NULL, false);

    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
}

void script_exit(struct engine_world *world, uint32_t run, int32_t code)
{
    struct container_died died = { .exit_code = code, .finished = world_now(world).wall_ns };

    world_exit(world, SCRIPT_ID, run, &died);
}

uint64_t script_stop(struct engine_world *world, uint32_t timeout_s)
{
    struct container_stop stop = { .timeout_s = { .is_set = true, .value = timeout_s } };

    return world_submit(world, "container.stop", SCRIPT_ID, &stop);
}

uint64_t script_kill(struct engine_world *world, uint32_t signal)
{
    struct container_kill message = { .signal = signal };

    return world_submit(world, "container.kill", SCRIPT_ID, &message);
}
