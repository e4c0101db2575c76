/* Why a container is as it is, told from logs of our own making. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/mem.h"
#include "ops/console/story_chain.h"
#include "tests/support/fleet_log.h"

#define NAME "web"

/* A log, and the story of its container "1". */
struct telling {
    struct fleet_log *log;
    struct story *story;
    char *id;
    struct container_config *config;
    struct chain chain;
};

static struct telling *telling_new(void)
{
    struct telling *telling = mem_new(struct telling);

    telling->log = fleet_log_new();
    telling->id = fleet_log_container(telling->log, 1);
    telling->config = fleet_log_config(telling->log, NAME);
    telling->story = story_new(telling->id);
    return telling;
}

static void telling_destroy(struct telling *telling)
{
    fleet_log_destroy(telling->log);
    free(telling->story);
    free(telling);
}
DEFINE_AUTODESTROY(telling)

/* Each second one record, that the fold takes too: these logs are legal ones. */
static struct record say(struct telling *telling, struct record record)
{
    struct error err = { 0 };

    telling->log->now_ns += LOG_SECOND;
    record.happened = telling->log->now_ns;
    if (fleet_log_apply(telling->log, &record, &err) < 0)
        fail_msg("%s", err.text);
    story_add(telling->story, &record);
    return record;
}

static struct command_id ask(struct telling *telling, const char *type, const void *body)
{
    return say(telling, fleet_log_command(telling->log, type, telling->id, body)).id;
}

static void happen(struct telling *telling, const char *type, uint32_t run, struct command_id cause,
                   const void *body)
{
    struct record record = fleet_log_event(telling->log, type, telling->id, run, body);

    record.cause = cause;
    (void)say(telling, record);
}

static void end(struct telling *telling, const char *type, struct command_id command)
{
    struct record record = fleet_log_outcome(telling->log, type, command);

    record.container = telling->id;
    (void)say(telling, record);
}

static const struct command_id nobody;

static void create(struct telling *telling)
{
    struct container_create body = { .config = telling->config };
    struct command_id id = ask(telling, "container.create", &body);

    happen(telling, "container.created", 0, id,
           &(struct container_created){ .config = telling->config });
    end(telling, "command.done", id);
}

static void initialize(struct telling *telling, uint32_t run, struct command_id cause)
{
    static char runtime[] = "crun";

    happen(telling, "container.initialized", run, cause,
           &(struct container_initialized){ .pid = 100, .conmon_pid = 90, .runtime = runtime });
}

static void start(struct telling *telling, uint32_t run)
{
    struct command_id id = ask(telling, "container.start", NULL);

    initialize(telling, run, id);
    happen(telling, "container.started", run, id, NULL);
    end(telling, "command.done", id);
}

static void die(struct telling *telling, uint32_t run, int32_t code)
{
    happen(telling, "container.died", run, nobody, &(struct container_died){ .exit_code = code });
    happen(telling, "container.cleaned", run, nobody, NULL);
}

/* Another run by the restart policy. */
static void restart(struct telling *telling, uint32_t run, uint32_t count)
{
    happen(telling, "container.restarting", run - 1, nobody,
           &(struct container_restarting){ .count = count, .delay_ms = 100 });
    initialize(telling, run, nobody);
    happen(telling, "container.started", run, nobody, NULL);
}

static const char *summary_of(struct telling *telling)
{
    chain_make(telling->story, telling->log->now_ns + 300 * LOG_SECOND, &telling->chain);
    return telling->chain.summary;
}

/* The texts of one section, with " <- " between them. */
static char *told(struct telling *telling, enum chain_section section)
{
    char *text = arena_text(&telling->log->arena, "");

    (void)summary_of(telling);
    for (size_t i = 0; i < telling->chain.count; i++) {
        if (telling->chain.links[i].section == section)
            text = arena_printf(&telling->log->arena, "%s%s%s", text, *text != '\0' ? " <- " : "",
                                telling->chain.links[i].text);
    }
    return text;
}

static void what_runs_goes_back_to_who_started_it(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();

    (void)unused;
    create(telling);
    start(telling, 1);
    assert_string_equal(summary_of(telling),
                        "web (000000000000) on host a has been running for 5 minutes (run 1).");
    assert_string_equal(told(telling, CHAIN_STATE), "");
    assert_string_equal(told(telling, CHAIN_RUN),
                        "container.started (run 1) <- container.start by unix:0");
    assert_string_equal(told(telling, CHAIN_EXISTENCE),
                        "container.created <- container.create by unix:0");
}

static void a_stop_is_told_with_its_command(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    struct command_id stop;

    (void)unused;
    create(telling);
    start(telling, 1);
    stop = ask(telling, "container.stop", NULL);
    happen(telling, "container.stopping", 1, stop,
           &(struct container_stopping){ .signal = SIGTERM, .timeout_s = 10 });
    assert_string_equal(told(telling, CHAIN_STATE),
                        "container.stopping: SIGTERM, then SIGKILL after 10 s <- container.stop by "
                        "unix:0");
    happen(telling, "container.died", 1, stop, &(struct container_died){ .exit_code = 137 });
    assert_string_equal(told(telling, CHAIN_STATE),
                        "died: exit code 137 (run 1) <- container.stopping: SIGTERM, then SIGKILL "
                        "after 10 s <- container.stop by unix:0");
    assert_string_equal(
        summary_of(telling),
        "web (000000000000) on host a stopped 5 minutes ago with exit code 137 (run 1).");
}

static void a_signal_is_blamed_for_its_own_exit_code_only(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    struct command_id kill;

    (void)unused;
    create(telling);
    start(telling, 1);
    kill = ask(telling, "container.kill", &(struct container_kill){ .signal = SIGHUP });
    happen(telling, "container.signalled", 1, kill,
           &(struct container_signalled){ .signal = SIGHUP });
    end(telling, "command.done", kill);
    die(telling, 1, 3);
    assert_string_equal(told(telling, CHAIN_STATE),
                        "died: exit code 3 (run 1) <- by itself: nobody had asked for it");
    start(telling, 2);
    kill = ask(telling, "container.kill", &(struct container_kill){ .signal = SIGHUP });
    happen(telling, "container.signalled", 2, kill,
           &(struct container_signalled){ .signal = SIGHUP });
    die(telling, 2, 128 + SIGHUP);
    assert_string_equal(told(telling, CHAIN_STATE),
                        "died: exit code 129 (run 2) <- container.signalled: SIGHUP <- "
                        "container.kill by unix:0");
}

static void the_kernel_and_the_unknown_are_told_as_such(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();

    (void)unused;
    create(telling);
    start(telling, 1);
    happen(telling, "container.died", 1, nobody,
           &(struct container_died){ .exit_code = 137, .oom_killed = true });
    happen(telling, "container.cleaned", 1, nobody, NULL);
    assert_string_equal(told(telling, CHAIN_STATE),
                        "died: exit code 137, out of memory (run 1) <- by the kernel: its memory "
                        "had run out");
    start(telling, 2);
    happen(telling, "container.died", 2, nobody, &(struct container_died){ .is_unknown = true });
    assert_non_null(strstr(told(telling, CHAIN_STATE), "nobody can know the exit code"));
    assert_non_null(strstr(summary_of(telling), "with what exit code is not known"));
}

static void a_run_of_the_policy_goes_back_to_the_users_start(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    static char policy[] = "on-failure";

    (void)unused;
    telling->config->restart_policy = policy;
    create(telling);
    start(telling, 1);
    for (uint32_t run = 2; run <= 1000; run++) {
        die(telling, run - 1, 1);
        restart(telling, run, run - 1);
    }
    assert_string_equal(told(telling, CHAIN_RUN),
                        "container.started (run 1000) <- its restart policy on-failure: restart "
                        "999 in 100 ms <- died: exit code 1 (run 999) <- container.started (run 1) "
                        "<- container.start by unix:0");
    die(telling, 1000, 2);
    happen(telling, "container.restarting", 1000, nobody,
           &(struct container_restarting){ .count = 1000, .delay_ms = 100 });
    assert_string_equal(told(telling, CHAIN_STATE),
                        "its restart policy on-failure will start it again: restart 1000 in 100 ms "
                        "<- died: exit code 2 (run 1000) <- by itself: nobody had asked for it");
    assert_non_null(strstr(told(telling, CHAIN_RUN), "restart 999 in 100 ms"));
}

static void a_removed_one_has_its_whole_story(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    struct command_id remove;

    (void)unused;
    create(telling);
    start(telling, 1);
    die(telling, 1, 0);
    remove = ask(telling, "container.remove", &(struct container_remove){ .force = false });
    happen(telling, "container.removing", 1, remove, NULL);
    happen(telling, "container.removed", 1, remove, NULL);
    end(telling, "command.done", remove);
    assert_string_equal(summary_of(telling),
                        "web (000000000000) on host a was removed 5 minutes ago.");
    assert_string_equal(told(telling, CHAIN_STATE),
                        "container.removed <- container.removing <- container.remove by unix:0");
    assert_string_equal(told(telling, CHAIN_END),
                        "died: exit code 0 (run 1) <- by itself: nobody had asked for it");
    assert_string_equal(chain_heading(telling->story, CHAIN_EXISTENCE), "It existed because");
}

static void one_that_removes_itself_says_so(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();

    (void)unused;
    telling->config->auto_remove = true;
    create(telling);
    start(telling, 1);
    die(telling, 1, 0);
    happen(telling, "container.removing", 1, nobody, NULL);
    happen(telling, "container.removed", 1, nobody, NULL);
    assert_non_null(strstr(told(telling, CHAIN_STATE), "--rm"));
}

static void one_that_never_came_to_be_says_why(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    struct container_create body = { .config = telling->config };
    struct command_id id;

    (void)unused;
    id = ask(telling, "container.create", &body);
    assert_string_equal(summary_of(telling), "web (000000000000) on host a is being created.");
    end(telling, "command.failed", id);
    assert_string_equal(summary_of(telling), "web (000000000000) on host a never came to be.");
    assert_string_equal(told(telling, CHAIN_STATE),
                        "command.failed: rootfs: rootfs /x of container web: no such directory <- "
                        "container.create by unix:0");
}

static void refusals_are_kept_the_latest_ones(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    char text[CHAIN_TEXT_MAX];

    (void)unused;
    create(telling);
    start(telling, 1);
    assert_null(story_trouble(telling->story, 0));
    for (unsigned i = 0; i < STORY_TROUBLES + 3; i++)
        end(telling, "command.refused", ask(telling, "container.start", NULL));
    assert_int_equal(telling->story->trouble_count, STORY_TROUBLES + 3);
    assert_null(story_trouble(telling->story, STORY_TROUBLES));
    assert_true(story_trouble(telling->story, 0)->fact.pos <
                story_trouble(telling->story, STORY_TROUBLES - 1)->fact.pos);
    chain_trouble_text(story_trouble(telling->story, 0), text);
    assert_string_equal(text, "container.start by unix:0 was refused: rootfs: rootfs /x of "
                              "container web: no such directory");
}

static void a_host_without_its_journal_has_lost_it(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    struct host_facts facts = { .version = arena_text(&telling->log->arena, "0.1.0") };
    struct host_hello hello = { .incarnation = 2,
                                .journal = command_id_make(1, 1),
                                .facts = &facts };

    (void)unused;
    create(telling);
    (void)say(telling, fleet_log_system(telling->log, "host.hello", LOG_HOST, &hello));
    assert_string_equal(told(telling, CHAIN_STATE), "");
    hello.journal = command_id_make(2, 2);
    (void)say(telling, fleet_log_system(telling->log, "host.hello", LOG_HOST, &hello));
    assert_string_equal(summary_of(telling),
                        "web (000000000000) on host a was lost 5 minutes ago.");
    assert_string_equal(told(telling, CHAIN_STATE),
                        "host.hello: the worker came back without its journal");
}

static void what_others_wrote_stays_on_its_line(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    static char text[] = "runc: \x1b[2Jno\nsuch";

    (void)unused;
    create(telling);
    happen(telling, "container.init_failed", 0, ask(telling, "container.init", NULL),
           &(struct container_init_failed){ .text = text });
    assert_string_equal(told(telling, CHAIN_STATE),
                        "container.init_failed: runc:  [2Jno such <- container.init by unix:0");
}

static void records_of_others_are_none_of_its(void **unused)
{
    autodestroy(telling) struct telling *telling = telling_new();
    struct record other =
        fleet_log_event(telling->log, "container.created", fleet_log_container(telling->log, 2), 0,
                        &(struct container_created){ .config = telling->config });

    (void)unused;
    (void)say(telling, other);
    assert_true(story_is_empty(telling->story));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_runs_goes_back_to_who_started_it),
        cmocka_unit_test(a_stop_is_told_with_its_command),
        cmocka_unit_test(a_signal_is_blamed_for_its_own_exit_code_only),
        cmocka_unit_test(the_kernel_and_the_unknown_are_told_as_such),
        cmocka_unit_test(a_run_of_the_policy_goes_back_to_the_users_start),
        cmocka_unit_test(a_removed_one_has_its_whole_story),
        cmocka_unit_test(one_that_removes_itself_says_so),
        cmocka_unit_test(one_that_never_came_to_be_says_why),
        cmocka_unit_test(refusals_are_kept_the_latest_ones),
        cmocka_unit_test(a_host_without_its_journal_has_lost_it),
        cmocka_unit_test(what_others_wrote_stays_on_its_line),
        cmocka_unit_test(records_of_others_are_none_of_its),
    };

    return cmocka_run_group_tests_name("story", tests, NULL, NULL);
}
