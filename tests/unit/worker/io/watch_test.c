/* The death watch over runs, with a sleeping program as the monitor. */
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/id.h"
#include "common/io/spawn.h"
#include "worker/io/watch.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
    struct event_base *loop;
    struct run_watches *watches;
    bool has_exit;
    unsigned lost;
    unsigned ended;
    pid_t pid;
};

static bool has_exit(void *owner, const char *id, uint32_t run)
{
    struct world *world = owner;

    (void)id;
    (void)run;
    return world->has_exit;
}

static void on_lost(void *owner, const char *id, uint32_t run)
{
    struct world *world = owner;

    assert_string_equal(id, ID);
    assert_int_equal(run, 3);
    world->lost++;
}

static void on_ended(void *owner)
{
    struct world *world = owner;

    world->ended++;
}

static const struct watch_events events = { .has_exit = has_exit, .on_lost = on_lost };

/* Run 3 under a monitor that lives; its init is gone. */
static int set_up(void **state)
{
    static struct world world;
    const char *argv[] = { "/bin/sleep", "1000", NULL };
    struct spawn_request request = { .argv = argv };
    struct process monitor = PROCESS_NONE;
    struct process init = PROCESS_NONE;

    world = (struct world){ .loop = event_base_new() };
    world.watches = run_watches_new(world.loop, &events, &world);
    assert_int_equal(spawn_detached(&request, &world.pid, NULL), 0);
    assert_int_equal(process_open((uint32_t)world.pid, 0, &monitor, NULL), 0);
    run_watches_add(world.watches, ID, 3, &monitor, &init);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    run_watches_destroy(world->watches);
    event_base_free(world->loop);
    return 0;
}

/* The monitor dies; the loop runs until nothing is waited for any more. */
static void lose_the_monitor(struct world *world)
{
    assert_true(run_watches_wait(world->watches, ID, 3, 60000, on_ended, world));
    assert_int_equal(kill(world->pid, SIGKILL), 0);
    assert_int_equal(event_base_dispatch(world->loop), 1);
    assert_int_equal(waitpid(world->pid, NULL, 0), world->pid);
    assert_int_equal(world->ended, 1);
}

static void a_monitor_that_dies_without_an_exit_file_has_lost_it(void **state)
{
    struct world *world = *state;

    lose_the_monitor(world);
    assert_int_equal(world->lost, 1);
}

static void a_monitor_that_dies_behind_its_exit_file_is_done(void **state)
{
    struct world *world = *state;

    world->has_exit = true;
    lose_the_monitor(world);
    assert_int_equal(world->lost, 0);
}

static void an_exit_that_was_told_and_forgotten_is_not_lost(void **state)
{
    struct world *world = *state;

    run_watches_set_told(world->watches, ID, 3);
    lose_the_monitor(world);
    assert_int_equal(world->lost, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_monitor_that_dies_without_an_exit_file_has_lost_it),
        TEST(a_monitor_that_dies_behind_its_exit_file_is_done),
        TEST(an_exit_that_was_told_and_forgotten_is_not_lost),
    };

    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
