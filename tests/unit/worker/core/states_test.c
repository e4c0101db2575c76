/*
 * Every cell of BEHAVIOUR.md section 2 against the engine itself: each operation, and what happens
 * by itself, in each state. The tables are written out once more by hand; the host carries out
 * whatever the engine asks of it.
 *
 * A container is left in its state by nobody who is at work on it: stopped is one whose clean-up
 * has failed, removing one whose removal has, stopping one that SIGKILL did not end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>

#include "common/fleet/container_state.h"
#include "schemas/commands.h"
#include "schemas/images.h"
#include "tests/support/engine_script.h"

#define GONE     CONTAINER_STATE_COUNT
#define PATIENCE 60001 /* ms: beyond any wait of a stop */

/* clang-format off */
#define CONF CONTAINER_CONFIGURED
#define CREA CONTAINER_CREATED
#define RUN  CONTAINER_RUNNING
#define STOP CONTAINER_STOPPED
#define PAU  CONTAINER_PAUSED
#define EXIT CONTAINER_EXITED
#define REM  CONTAINER_REMOVING
#define SING CONTAINER_STOPPING

/* Refusals are below zero. */
#define E  (-1) /* state-improper */
#define ES (-2) /* already-stopped */
#define EX (-3) /* container-exists */
#define NO (-4) /* no-container */

static const char *const refusals[] = { "", "state-improper", "already-stopped", "container-exists", "no-container" };

static const enum container_state states[] = { GONE, CONF, CREA, RUN, STOP, PAU, EXIT, REM, SING };
#define STATES (sizeof(states) / sizeof(*states))

static char text[] = "text";
static char path[] = "/text";
static const struct container_remove by_force = { .force = true };
static const struct container_kill with_kill = { .signal = SIGKILL };
static const struct container_kill with_usr1 = { .signal = SIGUSR1 };
static const struct container_rename to_text = { .name = text };
static const struct container_update to_memory = { .memory_bytes = { .is_set = true, .value = 1 << 30 } };
static const struct container_commit to_image = { .reference = text };
static const struct container_copy to_path = { .upload = text, .path = path };

/* The state that the operation leads to, or how it is refused. */
static const struct cell_row {
    const char *type;
    const void *body;
    int after[STATES];
} rows[] = {
    /*                                            gone  conf  crea  run   stop  pau   exit  rem   stopping */
    { "container.init", NULL,                   { NO,   CREA, E,    E,    CREA, E,    CREA, E,    E } },
    { "container.start", NULL,                  { NO,   RUN,  RUN,  E,    RUN,  E,    RUN,  E,    E } },
    { "container.stop", NULL,                   { NO,   E,    EXIT, EXIT, ES,   E,    ES,   E,    EXIT } },
    { "container.kill", &with_kill,             { NO,   E,    E,    EXIT, E,    EXIT, E,    E,    EXIT } },
    { "container.kill", &with_usr1,             { NO,   E,    E,    RUN,  E,    PAU,  E,    E,    SING } },
    { "container.pause", NULL,                  { NO,   E,    E,    PAU,  E,    E,    E,    E,    E } },
    { "container.unpause", NULL,                { NO,   E,    E,    E,    E,    RUN,  E,    E,    E } },
    { "container.restart", NULL,                { NO,   RUN,  RUN,  RUN,  RUN,  E,    RUN,  E,    E } },
    { "container.cleanup", NULL,                { NO,   CONF, CONF, E,    EXIT, E,    EXIT, E,    EXIT } },
    { "container.remove", NULL,                 { NO,   GONE, GONE, E,    GONE, E,    GONE, GONE, E } },
    { "container.remove", &by_force,            { NO,   GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE } },
    { "container.rename", &to_text,             { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, E,    SING } },
    { "container.update", &to_memory,           { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, E,    SING } },
    { "container.commit", &to_image,            { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, E,    SING } },
    { "container.copy", &to_path,               { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, E,    SING } },
    { "container.mount", NULL,                  { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, E,    SING } },
    { "container.unmount", NULL,                { NO,   CONF, CREA, RUN,  STOP, PAU,  EXIT, E,    SING } },
};

/* What happens by itself. */
static const int after_exit[STATES] =           { GONE, CONF, EXIT, EXIT, STOP, EXIT, EXIT, REM,  EXIT };
static const int after_restart[STATES] =        { GONE, CONF, CREA, RUN,  EXIT, PAU,  EXIT, GONE, SING };
static const int after_reboot[STATES] =         { GONE, CONF, CONF, EXIT, EXIT, EXIT, EXIT, GONE, EXIT };
/* clang-format on */

static bool ends_it(const struct world_action *action)
{
    return action->step == STEP_SIGNAL_STOP || action->step == STEP_SIGNAL_KILL ||
           (action->step == STEP_SIGNAL_ASKED && action->signal == SIGKILL);
}

/* The host does what it is asked, and who is told to end ends. */
static void carry_out(struct engine_world *world)
{
    static char runtime[] = "crun";
    const struct step_result done = { .init = {
                                          .pid = 100, .conmon_pid = 99, .runtime = runtime } };

    while (world_action_count(world) > 0) {
        const struct world_action action = world_action(world, 0);

        world_answer(world, 0, &done);
        if (action.kind == ACTION_STEP && ends_it(&action))
            script_exit(world, action.run, 128 + SIGKILL);
    }
}

static void be_exited(struct engine_world *world)
{
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
}

static void be_stopped(struct engine_world *world)
{
    script_exit(world, 1, 0);
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_INTERNAL);
}

static void be_paused(struct engine_world *world)
{
    (void)world_submit(world, "container.pause", SCRIPT_ID, NULL);
    script_succeed(world, STEP_PAUSE);
}

static void be_removing(struct engine_world *world)
{
    (void)world_submit(world, "container.remove", SCRIPT_ID, NULL);
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_INTERNAL);
}

static void be_stopping(struct engine_world *world)
{
    uint64_t pos = script_stop(world, 0);

    script_succeed(world, STEP_SIGNAL_KILL);
    world_advance_ms(world, PATIENCE);
    script_expect_outcome(world, pos, "command.failed", world_outcome_code(world, pos));
}

static void be_created(struct engine_world *world)
{
    (void)world_submit(world, "container.init", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
}

static void bring_to(struct engine_world *world, enum container_state state)
{
    static void (*const of_running[CONTAINER_STATE_COUNT])(struct engine_world * world) = {
        [STOP] = be_stopped, [PAU] = be_paused, [EXIT] = be_exited, [SING] = be_stopping
    };

    if (state != GONE)
        script_create(world, NULL, false);
    if (state == CREA)
        be_created(world);
    if (state == REM)
        be_removing(world);
    if (state == RUN || (state < GONE && of_running[state] != NULL))
        script_start(world);
    if (state < GONE && of_running[state] != NULL)
        of_running[state](world);
    script_expect_nothing(world);
    assert_int_equal(world_state(world, SCRIPT_ID), state);
}

static const char *name_of(enum container_state state)
{
    return state == GONE ? "gone" : container_state_name(state);
}

/* What is wrong with a cell is said with its names. */
static void expect(const struct engine_world *world, const char *what, enum container_state before,
                   enum container_state after)
{
    enum container_state state = world_state(world, SCRIPT_ID);

    if (state != after)
        fail_msg("%s of a container that is %s: it is %s, not %s", what, name_of(before),
                 name_of(state), name_of(after));
}

static void expect_outcome(const struct engine_world *world, const char *what,
                           enum container_state before, uint64_t pos, int after)
{
    const char *wanted = after < 0 ? "command.refused" : "command.done";
    const char *code = after < 0 ? refusals[-after] : "";
    unsigned count = 0;
    const char *outcome = world_outcome(world, pos, &count);

    if (count != 1 || strcmp(outcome, wanted) != 0 ||
        strcmp(world_outcome_code(world, pos), code) != 0)
        fail_msg("%s of a container that is %s: %s %s, %u times", what, name_of(before),
                 outcome != NULL ? outcome : "no outcome",
                 outcome != NULL ? world_outcome_code(world, pos) : "", count);
}

static void check_cell(const struct cell_row *row, enum container_state before, int after)
{
    void *state = NULL;
    struct engine_world *world;
    uint64_t pos;

    (void)script_set_up(&state);
    world = state;
    bring_to(world, before);
    pos = world_submit(world, row->type, SCRIPT_ID, row->body);
    carry_out(world);
    expect_outcome(world, row->type, before, pos, after);
    expect(world, row->type, before, after < 0 ? before : (enum container_state)after);
    assert_int_equal(script_tear_down(&state), 0);
}

static void every_operation_in_every_state(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (size_t j = 0; j < STATES; j++)
            check_cell(&rows[i], states[j], rows[i].after[j]);
    }
}

static bool is_tried(const char *name, bool with_force)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].type + strlen("container."), name) == 0 &&
            (rows[i].body == &by_force) == with_force)
            return true;
    }
    return false;
}

static void no_operation_is_left_out(void **unused)
{
    (void)unused;
    for (unsigned i = CONTAINER_OPERATION_CREATE + 1; i < CONTAINER_OPERATION_COUNT; i++) {
        const char *name = container_operation_name((enum container_operation)i);

        if (!is_tried(name, i == CONTAINER_OPERATION_FORCE_REMOVE))
            fail_msg("%s is not in the table", name);
    }
}

static void a_create_where_there_is_one(void **unused)
{
    (void)unused;
    for (size_t j = 1; j < STATES; j++) {
        void *state = NULL;

        (void)script_set_up(&state);
        bring_to(state, states[j]);
        expect_outcome(state, "container.create", states[j],
                       world_create(state, SCRIPT_ID, "other", NULL, false), EX);
        expect(state, "container.create", states[j], states[j]);
        assert_int_equal(script_tear_down(&state), 0);
    }
}

static void by_itself(const char *what, void (*happen)(struct engine_world *world),
                      const int after[STATES])
{
    for (size_t j = 0; j < STATES; j++) {
        void *state = NULL;

        (void)script_set_up(&state);
        bring_to(state, states[j]);
        happen(state);
        carry_out(state);
        expect(state, what, states[j], (enum container_state)after[j]);
        assert_int_equal(script_tear_down(&state), 0);
    }
}

static void have_exited(struct engine_world *world)
{
    script_exit(world, 1, 7);
}

static void an_exit_in_every_state(void **unused)
{
    (void)unused;
    by_itself("an exit", have_exited, after_exit);
}

static void be_killed(struct engine_world *world)
{
    world_restart(world, false, NULL, NULL);
    world_advance_ms(world, PATIENCE);
}

static void a_killed_worker_in_every_state(void **unused)
{
    (void)unused;
    by_itself("a restart of the worker", be_killed, after_restart);
}

static bool knows_no_exit(void *owner, const char *id, uint32_t run, struct container_died *ret)
{
    (void)owner;
    (void)id;
    (void)run;
    (void)ret;
    return false;
}

static void be_rebooted(struct engine_world *world)
{
    world_reboot(world, knows_no_exit, NULL);
    world_advance_ms(world, PATIENCE);
}

static void a_reboot_in_every_state(void **unused)
{
    (void)unused;
    by_itself("a reboot", be_rebooted, after_reboot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_in_every_state),
        cmocka_unit_test(no_operation_is_left_out),
        cmocka_unit_test(a_create_where_there_is_one),
        cmocka_unit_test(an_exit_in_every_state),
        cmocka_unit_test(a_killed_worker_in_every_state),
        cmocka_unit_test(a_reboot_in_every_state),
    };
    return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
