/*
 * Random commands, cancels, results, exits, crashes and reboots against the engine in a simulated
 * host: every command gets exactly one outcome, rows are the fold of the journal, operations end,
 * and what the rows say agrees with the host.
 *
 * GANTRY_SEED=n runs that seed alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/commands.h"
#include "tests/support/engine_world.h"

#define CONTAINERS 3
#define RUNS_MAX   4096
#define ROUNDS     250
#define SEEDS      500

/* One container on the simulated host. */
struct body {
    char id[CONTAINER_ID_SIZE + 1];
    bool has_directories;
    bool has_runtime; /* the runtime knows it */
    bool is_started;
    bool is_paused;
    bool is_alive;
    uint32_t run;
    bool has_exit;       /* an exit file of `exit_run` lies there */
    bool is_told;        /* the engine has heard of it since the worker's start */
    bool is_conmon_dead; /* no exit file will come */
    bool has_copy;       /* the disk has kept its exit over a restart of the host */
    bool is_copy_read;
    uint32_t exit_run;
    struct container_died died;
    uint64_t memory_bytes; /* the limit of the run */
};

struct host {
    struct engine_world *world;
    struct body bodies[CONTAINERS];
    uint64_t *targets; /* of cancels, by position; 0: another command */
    uint64_t random;
    uint64_t seed;
};

static uint32_t dice(struct host *host, uint32_t sides)
{
    host->random ^= host->random << 13;
    host->random ^= host->random >> 7;
    host->random ^= host->random << 17;
    return (uint32_t)(host->random >> 20) % sides;
}

static struct body *body_of(struct host *host, const char *id)
{
    for (unsigned i = 0; i < CONTAINERS; i++) {
        if (strcmp(host->bodies[i].id, id) == 0)
            return &host->bodies[i];
    }
    (void)fprintf(stderr, "no container %s\n", id);
    abort();
}

static void die(struct host *host, struct body *body, int32_t code)
{
    if (!body->is_alive)
        return;
    body->is_alive = false;
    body->is_paused = false;
    body->has_exit = true;
    body->is_told = false;
    body->exit_run = body->run;
    body->died =
        (struct container_died){ .exit_code = code, .finished = world_now(host->world).wall_ns };
    if (body->is_conmon_dead || dice(host, 8) == 0)
        body->died = (struct container_died){ .is_unknown = true,
                                              .finished = world_now(host->world).wall_ns };
}

static struct step_result refusal(enum failure failure)
{
    return (struct step_result){ .code = -EIO, .failure = failure, .text = "the host says no" };
}

/* The limit that its configuration says. */
static uint64_t memory_of(const struct host *host, const struct body *body)
{
    struct engine_container container;

    assert_true(engine_find(world_engine(host->world), body->id, &container));
    return container.config->memory_bytes;
}

static struct step_result create_runtime(struct host *host, struct body *body, uint32_t run)
{
    static char crun[] = "crun";
    struct step_result result = { 0 };

    if (dice(host, 8) == 0)
        return refusal(FAILURE_RUNTIME);
    body->has_runtime = true;
    body->is_alive = true;
    body->is_started = false;
    body->is_conmon_dead = false;
    body->run = run;
    body->memory_bytes = memory_of(host, body);
    result.init =
        (struct container_initialized){ .pid = 100 + run, .conmon_pid = 50 + run, .runtime = crun };
    return result;
}

static struct step_result resolve_create(struct host *host, struct body *body, uint32_t run)
{
    static char crun[] = "crun";
    struct step_result result = { 0 };

    if (body->has_runtime && body->is_alive && body->run == run) {
        result.init = (struct container_initialized){ .pid = 100 + run,
                                                      .conmon_pid = 50 + run,
                                                      .runtime = crun };
        return result;
    }
    if (body->run == run) {
        die(host, body, 137);
        body->has_runtime = false;
    }
    return refusal(FAILURE_INTERNAL);
}

static struct step_result start_runtime(struct host *host, struct body *body)
{
    if (!body->has_runtime || !body->is_alive)
        return refusal(FAILURE_RUNTIME);
    if (body->is_started)
        return (struct step_result){ 0 };
    if (dice(host, 8) == 0) {
        if (dice(host, 2) == 0)
            die(host, body, 1);
        return refusal(FAILURE_NOT_FOUND);
    }
    body->is_started = true;
    if (dice(host, 6) == 0)
        die(host, body, 0);
    return (struct step_result){ 0 };
}

static struct step_result send_signal(struct host *host, struct body *body, uint32_t signal)
{
    if (signal == SIGKILL || (signal == SIGTERM && dice(host, 3) != 0))
        die(host, body, 128 + (int32_t)signal);
    return (struct step_result){ 0 };
}

static struct step_result freeze(struct body *body, bool is_paused)
{
    if (!body->is_alive || !body->is_started)
        return refusal(FAILURE_RUNTIME);
    body->is_paused = is_paused;
    return (struct step_result){ 0 };
}

/* The run has the limit that the engine says now: the new one, or the old one again. */
static struct step_result update_limits(struct host *host, struct body *body)
{
    struct engine_container container;

    if (!body->is_alive)
        return (struct step_result){ 0 };
    assert_true(engine_find(world_engine(host->world), body->id, &container));
    body->memory_bytes = container.config->memory_bytes;
    /* What cannot be taken back is told in the outcome, and stays. */
    if (container.config != container.row->config && dice(host, 6) == 0)
        return refusal(FAILURE_RUNTIME);
    return (struct step_result){ 0 };
}

static struct step_result delete_runtime(struct host *host, struct body *body)
{
    if (dice(host, 12) == 0)
        return refusal(FAILURE_RUNTIME);
    die(host, body, 137);
    body->has_runtime = false;
    return (struct step_result){ 0 };
}

static struct step_result remove_directories(struct host *host, struct body *body)
{
    /* What a failed create could not take back either is told in its outcome, and stays. */
    bool may_fail = world_state(host->world, body->id) != CONTAINER_STATE_COUNT;

    if (may_fail && dice(host, 12) == 0)
        return refusal(FAILURE_DISK);
    body->has_directories = false;
    body->has_exit = false;
    return (struct step_result){ 0 };
}

/* The step, done to the host. */
static struct step_result perform(struct host *host, const struct world_action *action)
{
    struct body *body = body_of(host, action->id);

    switch (action->step) {
    case STEP_MAKE_DIRECTORIES:
        body->has_directories = true;
        return dice(host, 10) == 0 ? refusal(FAILURE_ROOTFS) : (struct step_result){ 0 };
    case STEP_CREATE_RUNTIME:
        return create_runtime(host, body, action->run);
    case STEP_RESOLVE_CREATE:
        return resolve_create(host, body, action->run);
    case STEP_START_RUNTIME:
        return start_runtime(host, body);
    case STEP_SIGNAL_STOP:
    case STEP_SIGNAL_ASKED:
    case STEP_SIGNAL_KILL:
        return send_signal(host, body, action->signal);
    case STEP_PAUSE:
        return freeze(body, true);
    case STEP_UNPAUSE:
        return freeze(body, false);
    case STEP_DELETE_RUNTIME:
        return delete_runtime(host, body);
    case STEP_UPDATE_LIMITS:
        return update_limits(host, body);
    case STEP_REMOVE_DIRECTORIES:
        return remove_directories(host, body);
    case STEP_COMMIT:
    case STEP_COPY:
    case STEP_MOUNT:
    case STEP_UNMOUNT:
        return (struct step_result){ 0 };
    case STEP_NONE:
    case STEP_PULL_IMAGE:
    case STEP_AWAIT_STOP:
    case STEP_AWAIT_DEATH:
    case STEP_AWAIT_REQUIREMENTS:
    case STEP_NOTE:
    case STEP_COUNT:
        break;
    }
    fail_msg("nobody can carry out %s", step_name(action->step));
    return refusal(FAILURE_INTERNAL);
}

static void forget_exit(struct host *host, const struct world_action *action)
{
    struct body *body = body_of(host, action->id);

    if (body->exit_run == action->run)
        body->has_exit = false;
}

/* A worker forgets an exit as soon as it is asked to: no later step comes before that. The first
 * such request in front of the action, or the action itself. */
static size_t first_before(const struct host *host, size_t index)
{
    struct world_action step = world_action(host->world, index);

    for (size_t i = 0; i < index; i++) {
        struct world_action action = world_action(host->world, i);

        if (action.kind == ACTION_FORGET_EXIT && strcmp(action.id, step.id) == 0)
            return i;
    }
    return index;
}

static void carry_out(struct host *host, size_t chosen)
{
    size_t index = first_before(host, chosen);
    struct world_action action = world_action(host->world, index);
    struct step_result result = { 0 };

    if (action.kind == ACTION_STEP)
        result = perform(host, &action);
    else
        forget_exit(host, &action);
    world_answer(host->world, index, &result);
}

static bool is_alive(void *owner, const char *id, uint32_t run)
{
    struct host *host = owner;
    struct body *body = body_of(host, id);
    bool alive = body->is_alive && body->run == run;

    if (!alive && (!body->has_exit || body->exit_run != run)) {
        /* It is gone without a trace: the hands will say that nobody knows how. */
        body->has_exit = true;
        body->exit_run = run;
        body->died = (struct container_died){ .is_unknown = true };
    }
    return alive;
}

/* A restarted worker finds every exit file again. */
static void find_exits_again(struct host *host)
{
    for (unsigned i = 0; i < CONTAINERS; i++)
        host->bodies[i].is_told = false;
}

/* Some end in good order, some are just gone; of what there was in memory, nothing is left. */
static void pull_the_plug(struct host *host, struct body *body)
{
    if (dice(host, 2) == 0)
        die(host, body, 143);
    body->has_copy = body->has_exit && dice(host, 4) != 0;
    body->is_copy_read = false;
    body->is_alive = false;
    body->is_paused = false;
    body->has_runtime = false;
    body->has_exit = false;
}

static bool find_copy(void *owner, const char *id, uint32_t run, struct container_died *ret)
{
    struct host *host = owner;
    struct body *body = body_of(host, id);

    if (!body->has_copy || body->exit_run != run)
        return false;
    *ret = body->died;
    body->is_copy_read = world_state(host->world, id) != CONTAINER_CREATED;
    return true;
}

/* What the disk has kept is what the row says. */
static void check_copy(const struct host *host, const struct body *body)
{
    struct engine_container container;

    if (!body->is_copy_read)
        return;
    assert_true(engine_find(world_engine(host->world), body->id, &container));
    assert_int_equal(container.row->run, body->exit_run);
    assert_true(container.row->has_exited);
    assert_int_equal(container.row->exit_unknown, body->died.is_unknown);
    assert_int_equal(container.row->exit_code, body->died.exit_code);
}

static void reboot(struct host *host)
{
    for (unsigned i = 0; i < CONTAINERS; i++)
        pull_the_plug(host, &host->bodies[i]);
    find_exits_again(host);
    world_reboot(host->world, find_copy, host);
    for (unsigned i = 0; i < CONTAINERS; i++)
        check_copy(host, &host->bodies[i]);
}

static void crash(struct host *host, bool is_rebooted)
{
    size_t count = world_action_count(host->world);

    /* Some of what was asked for was done before, without anybody hearing of it. */
    for (size_t i = 0; i < count; i++) {
        struct world_action action = world_action(host->world, i);

        if (action.kind == ACTION_STEP && first_before(host, i) == i && dice(host, 2) == 0)
            (void)perform(host, &action);
    }
    if (is_rebooted) {
        reboot(host);
        return;
    }
    find_exits_again(host);
    world_restart(host->world, false, is_alive, host);
}

static void tell_exit(struct host *host, struct body *body)
{
    if (!body->has_exit || body->is_told)
        return;
    body->is_told = true;
    world_exit(host->world, body->id, body->exit_run, &body->died);
}

/* Few enough that they are often taken. */
static char *any_name(struct host *host)
{
    static char names[][2] = { "p", "q", "r", "s" };

    return names[dice(host, 4)];
}

static struct container_update any_update(struct host *host)
{
    static char policies[][12] = { "no", "always", "on-failure" };
    struct container_update update = { 0 };

    update.memory_bytes.is_set = dice(host, 2) == 0;
    update.memory_bytes.value = dice(host, 4) * 1000000;
    update.memory_swap_bytes.is_set = dice(host, 4) == 0;
    update.memory_swap_bytes.value = 2000000; /* sometimes less than memory */
    if (dice(host, 3) == 0)
        update.restart_policy = policies[dice(host, 3)];
    return update;
}

static void submit_something(struct host *host)
{
    static const char *const types[] = {
        "container.init",    "container.start",   "container.start",   "container.pause",
        "container.stop",    "container.restart", "container.unpause", "container.kill",
        "container.cleanup", "container.remove",  "container.rename"
    };
    static const char *const policies[] = { NULL, "on-failure", "always" };
    static const uint32_t signals[] = { SIGKILL, SIGTERM, SIGHUP };
    struct body *body = &host->bodies[dice(host, CONTAINERS)];
    const char *type = types[dice(host, sizeof(types) / sizeof(*types))];
    struct maybe_u32 timeout_s = { .is_set = dice(host, 2) == 0, .value = dice(host, 3) * 5 };
    struct container_stop stop = { .timeout_s = timeout_s };
    struct container_kill kill_one = { .signal = signals[dice(host, 3)] };
    struct container_remove remove_one = { .force = dice(host, 2) == 0, .timeout_s = timeout_s };
    struct container_rename rename_one = { .name = any_name(host) };
    struct container_update update_one = any_update(host);
    const void *message = NULL;

    if (dice(host, 5) == 0) {
        if (dice(host, 2) == 0)
            (void)world_create_requiring(
                host->world, body->id, any_name(host),
                dice(host, 2) == 0 ? host->bodies[dice(host, CONTAINERS)].id : any_name(host));
        else
            (void)world_create(host->world, body->id, any_name(host), policies[dice(host, 3)],
                               dice(host, 4) == 0);
        return;
    }
    if (strcmp(type, "container.stop") == 0 || strcmp(type, "container.restart") == 0)
        message = &stop;
    else if (strcmp(type, "container.kill") == 0)
        message = &kill_one;
    else if (strcmp(type, "container.remove") == 0)
        message = &remove_one;
    else if (strcmp(type, "container.rename") == 0)
        message = &rename_one;
    else if (strcmp(type, "container.update") == 0)
        message = &update_one;
    (void)world_submit_until(host->world, type, body->id, message,
                             dice(host, 10) == 0 ? world_now(host->world).wall_ns + 1 : 0);
}

/* Of one of the last commands, which may itself be a cancel. */
static void cancel_something(struct host *host)
{
    uint64_t last = world_last_pos(host->world);
    uint64_t back = dice(host, 5);

    if (back < last)
        host->targets[last + 1] = last - back;
    if (back < last)
        (void)world_cancel(host->world, last - back);
}

/* A command alone, or several of which the worker hears later. */
static void say_something(struct host *host)
{
    submit_something(host);
    if (dice(host, 4) == 0)
        cancel_something(host);
    if (dice(host, 8) == 0)
        world_hold(host->world);
    else if (dice(host, 3) == 0)
        world_deliver(host->world);
}

static void do_something(struct host *host)
{
    size_t actions = world_action_count(host->world);
    struct body *body = &host->bodies[dice(host, CONTAINERS)];

    switch (dice(host, 12)) {
    case 0:
    case 1:
    case 2:
        say_something(host);
        break;
    case 3:
        if (dice(host, 3) == 0 && body->is_started && !body->is_paused)
            die(host, body, (int32_t)dice(host, 2));
        break;
    case 4:
        world_advance_ms(host->world, dice(host, 8000));
        break;
    case 5:
        if (dice(host, 6) == 0)
            crash(host, dice(host, 4) == 0);
        if (dice(host, 6) == 0)
            engine_set_full(world_engine(host->world), dice(host, 3) == 0);
        break;
    case 6:
        tell_exit(host, body);
        break;
    default:
        if (actions > 0)
            carry_out(host, dice(host, (uint32_t)actions));
        break;
    }
    if (dice(host, 2) == 0)
        world_commit(host->world);
}

/* Let everything that is under way end: nobody asks for more, nothing fails for want of time. */
static void drain(struct host *host)
{
    world_deliver(host->world);
    engine_set_full(world_engine(host->world), false);
    for (unsigned round = 0; round < 3000; round++) {
        world_commit(host->world);
        while (world_action_count(host->world) > 0) {
            carry_out(host, 0);
            world_commit(host->world);
        }
        for (unsigned i = 0; i < CONTAINERS; i++)
            tell_exit(host, &host->bodies[i]);
        world_commit(host->world);
        if (world_action_count(host->world) == 0 &&
            engine_deadline_ms(world_engine(host->world)) == UINT64_MAX)
            return;
        world_advance_ms(host->world, 700);
    }
    for (unsigned i = 0; i < CONTAINERS; i++)
        (void)fprintf(stderr, "container %.4s is %s\n", host->bodies[i].id,
                      container_state_name(world_state(host->world, host->bodies[i].id)));
    fail_msg("seed %llu: operations do not end: %zu commands are left, %zu actions wait",
             (unsigned long long)host->seed, world_kept_commands(host->world),
             world_action_count(host->world));
}

static void check_outcomes(const struct host *host)
{
    for (uint64_t pos = 1; pos <= world_last_pos(host->world); pos++) {
        unsigned count = 0;

        (void)world_outcome(host->world, pos, &count);
        if (count != 1)
            fail_msg("seed %llu: command %llu has %u outcomes", (unsigned long long)host->seed,
                     (unsigned long long)pos, count);
    }
}

/* What was cancelled had one cancel that was carried out, and each of these has one command. */
static void check_cancels(const struct host *host)
{
    autofree unsigned *cancelled = mem_zeroed((world_last_pos(host->world) + 1) * sizeof(unsigned));

    for (uint64_t pos = 1; pos <= world_last_pos(host->world); pos++) {
        if (host->targets[pos] != 0 &&
            strcmp(world_outcome(host->world, pos, NULL), "command.done") == 0)
            cancelled[host->targets[pos]]++;
    }
    for (uint64_t pos = 1; pos <= world_last_pos(host->world); pos++) {
        bool is_cancelled = strcmp(world_outcome_code(host->world, pos), "cancelled") == 0;

        if (cancelled[pos] != (is_cancelled ? 1 : 0))
            fail_msg("seed %llu: command %llu ended as %s, and %u cancels of it were carried out",
                     (unsigned long long)host->seed, (unsigned long long)pos,
                     world_outcome(host->world, pos, NULL), cancelled[pos]);
    }
}

static void check_fold(const struct host *host)
{
    autofree char *wrong = world_check_fold(host->world);

    if (wrong != NULL)
        fail_msg("seed %llu: %s", (unsigned long long)host->seed, wrong);
}

/* Nobody was left behind. */
static void check_requirements(const struct host *host, const struct body *body)
{
    struct engine_container container;
    struct engine_container required;

    if (!engine_find(world_engine(host->world), body->id, &container))
        return;
    for (size_t i = 0; i < container.config->requires.count; i++)
        assert_true(
            engine_find(world_engine(host->world), container.config->requires.items[i], &required));
}

/* What the row says is what the host is. */
static void check_body(const struct host *host, const struct body *body)
{
    enum container_state state = world_state(host->world, body->id);
    bool is_right = true;

    if (state == CONTAINER_STATE_COUNT)
        is_right = !body->has_directories && !body->has_runtime && !body->is_alive;
    else if (state == CONTAINER_RUNNING)
        is_right = body->is_alive && body->is_started && !body->is_paused;
    else if (state == CONTAINER_PAUSED)
        is_right = body->is_alive && body->is_started && body->is_paused;
    else if (state == CONTAINER_CREATED)
        is_right = body->is_alive && !body->is_started;
    else if (state == CONTAINER_EXITED || state == CONTAINER_CONFIGURED)
        is_right = !body->is_alive && !body->has_runtime && body->has_directories;
    else
        is_right = false;
    check_requirements(host, body);
    if (is_right && body->is_alive)
        assert_int_equal(body->memory_bytes, memory_of(host, body));
    if (!is_right || body->has_exit)
        fail_msg("seed %llu: container %.4s is %s, but: directories %d, runtime %d, alive %d, "
                 "started %d, paused %d, exit file %d",
                 (unsigned long long)host->seed, body->id, container_state_name(state),
                 body->has_directories, body->has_runtime, body->is_alive, body->is_started,
                 body->is_paused, body->has_exit);
}

static void run_seed(uint64_t seed)
{
    autodestroy(engine_world) struct engine_world *world = engine_world_new();
    struct host host = { .world = world, .seed = seed, .random = seed * 0x9E3779B97F4A7C15 + 1 };
    autofree uint64_t *targets = mem_zeroed((2 * ROUNDS + 1) * sizeof(*targets));

    host.targets = targets;
    world_set_auto_commit(world, false);
    for (unsigned i = 0; i < CONTAINERS; i++)
        memset(host.bodies[i].id, "abc"[i], CONTAINER_ID_SIZE);
    for (unsigned round = 0; round < ROUNDS; round++)
        do_something(&host);
    check_fold(&host);
    drain(&host);
    check_outcomes(&host);
    check_cancels(&host);
    check_fold(&host);
    for (unsigned i = 0; i < CONTAINERS; i++)
        check_body(&host, &host.bodies[i]);
}

static void every_command_ends_once_and_rows_agree_with_the_host(void **unused)
{
    const char *only = getenv("GANTRY_SEED");

    (void)unused;
    if (only != NULL) {
        run_seed(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_ends_once_and_rows_agree_with_the_host),
    };

    return cmocka_run_group_tests_name("worker_engine", tests, NULL, NULL);
}
