/*
 * The hands with real conmon, real runtimes and a root filesystem of one static busybox: a life of
 * a container from its directories to their removal, and what they do when the world fails.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/io/jobpool.h"
#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/hands.h"

#define DEADLINE_S 100
#define ID         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One worker's hands and what they told. */
struct rig {
    char *directory;
    char *rootfs;
    struct event_base *loop;
    struct jobpool *pool;
    struct hands *hands;
    struct container_config config;
    struct hands_container container;
    uint32_t conmon_pid;
    uint64_t conmon_started;

    bool is_step_done;
    int code;
    enum failure failure;
    char text[512];
    bool has_facts;
    bool is_runtime_there;
    unsigned exits;
    unsigned losses;
    uint32_t exit_run;
    struct container_died died;
    bool is_late;
};

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct rig *rig = arg;

    (void)fd;
    (void)what;
    rig->is_late = true;
    (void)event_base_loopbreak(rig->loop);
}

/* Run the loop until `flag` holds; fail the test when that takes for ever. */
#define WAIT_FOR(rig, flag)                                                     \
    do {                                                                        \
        struct timeval patience_ = { .tv_sec = DEADLINE_S };                    \
        struct event *deadline_ = evtimer_new((rig)->loop, on_deadline, (rig)); \
        event_add(deadline_, &patience_);                                       \
        while (!(flag) && !(rig)->is_late)                                      \
            event_base_loop((rig)->loop, EVLOOP_ONCE);                          \
        event_free(deadline_);                                                  \
        assert_false((rig)->is_late);                                           \
    } while (0)

static void on_exit_seen(void *owner, const char *id, uint32_t run,
                         const struct container_died *died)
{
    struct rig *rig = owner;

    assert_string_equal(id, ID);
    rig->exits++;
    rig->exit_run = run;
    rig->died = *died;
}

static void on_lost_seen(void *owner, const char *id, uint32_t run,
                         const struct container_died *died)
{
    struct rig *rig = owner;

    assert_string_equal(id, ID);
    rig->losses++;
    rig->exit_run = run;
    rig->died = *died;
}

static const struct hands_events hands_events = {
    .on_exit = on_exit_seen,
    .on_lost = on_lost_seen,
};

static void on_step_done(void *owner, const struct hands_result *result)
{
    struct rig *rig = owner;

    rig->is_step_done = true;
    rig->code = result->code;
    rig->failure = result->failure;
    (void)snprintf(rig->text, sizeof(rig->text), "%s", result->text);
    if (result->init.pid != 0) {
        rig->container.pid = result->init.pid;
        rig->container.pid_started = result->init.pid_started;
        rig->conmon_pid = result->init.conmon_pid;
        rig->conmon_started = result->init.conmon_started;
    }
}

/* Begin a step, wait for it, expect success. */
#define DO(rig, step, ...)                                                         \
    do {                                                                           \
        (rig)->is_step_done = false;                                               \
        step((rig)->hands, &(rig)->container, ##__VA_ARGS__, on_step_done, (rig)); \
        WAIT_FOR((rig), (rig)->is_step_done);                                      \
        if ((rig)->code != 0)                                                      \
            fail_msg("%s: %s", #step, (rig)->text);                                \
    } while (0)

#define DO_FAILING(rig, expected, step, ...)                                       \
    do {                                                                           \
        (rig)->is_step_done = false;                                               \
        step((rig)->hands, &(rig)->container, ##__VA_ARGS__, on_step_done, (rig)); \
        WAIT_FOR((rig), (rig)->is_step_done);                                      \
        assert_true((rig)->code < 0);                                              \
        assert_string_equal(failure_name((rig)->failure), failure_name(expected)); \
    } while (0)

static void make_directory(const char *parent, const char *name)
{
    autofree char *path = mem_text("%s/%s", parent, name);

    assert_int_equal(mkdir(path, 0755), 0);
}

static void run_program(const char *const *argv)
{
    struct spawn_request request = { .argv = argv };
    int status = -1;

    assert_int_equal(spawn_wait(&request, &status, NULL, NULL), 0);
    assert_int_equal(status, 0);
}

static void make_rootfs(struct rig *rig)
{
    autofree char *busybox = mem_text("%s/rootfs/bin/busybox", rig->directory);
    static const char *const words[] = { "sh", "cat", "echo", "sleep", "true", "id", "grep", "ls" };

    rig->rootfs = mem_text("%s/rootfs", rig->directory);
    make_directory(rig->directory, "rootfs");
    make_directory(rig->rootfs, "bin");
    make_directory(rig->rootfs, "etc");
    make_directory(rig->rootfs, "tmp");
    run_program((const char *const[]){ "cp", "/bin/busybox", busybox, NULL });
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        autofree char *path = mem_text("%s/bin/%s", rig->rootfs, words[i]);

        assert_int_equal(symlink("busybox", path), 0);
    }
}

static void open_hands(struct rig *rig)
{
    autofree char *state = mem_text("%s/state", rig->directory);
    autofree char *run = mem_text("%s/run", rig->directory);
    struct error err = { 0 };

    rig->loop = event_base_new();
    assert_int_equal(jobpool_new(rig->loop, 2, 64, &rig->pool, &err), 0);
    if (hands_new(rig->loop, rig->pool, state, run, &hands_events, rig, &rig->hands, &err) < 0)
        fail_msg("%s", err.text);
}

/* What SIGKILL of a worker leaves: everything outside, nothing inside. */
static void close_hands(struct rig *rig)
{
    hands_destroy(rig->hands);
    jobpool_destroy(rig->pool);
    event_base_free(rig->loop);
}

static void on_facts(void *owner, const struct host_facts *facts)
{
    struct rig *rig = owner;
    const struct runtime_fact *runtimes = facts->runtimes.items;

    rig->has_facts = true;
    rig->is_runtime_there = facts->runtimes.count > 0 && runtimes[0].works;
}

static char *command_words[8];

/* The container runs `/bin/sh -c SCRIPT`. */
static void set_script(struct rig *rig, const char *script)
{
    static char shell[] = "/bin/sh";
    static char option[] = "-c";

    command_words[0] = shell;
    command_words[1] = option;
    free(command_words[2]);
    command_words[2] = mem_dup_text(script);
    rig->config.command = (struct text_list){ .items = command_words, .count = 3 };
}

static int set_up(void **state)
{
    static char name[] = "web";
    struct rig *rig = mem_new(struct rig);
    char directory[] = "/tmp/gantry-hands-XXXXXX";

    assert_non_null(mkdtemp(directory));
    rig->directory = mem_dup_text(directory);
    make_rootfs(rig);
    open_hands(rig);
    rig->config = (struct container_config){ .name = name, .rootfs = rig->rootfs };
    rig->container = (struct hands_container){ .id = ID, .run = 1, .config = &rig->config };
    set_script(rig, "true");
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    close_hands(rig);
    assert_int_equal(files_remove_tree(AT_FDCWD, rig->directory, NULL), 0);
    free(command_words[2]);
    command_words[2] = NULL;
    free(rig->rootfs);
    free(rig->directory);
    free(rig);
    return 0;
}

static char *read_log(const struct rig *rig)
{
    autofree char *path = mem_text("%s/state/containers/" ID "/ctr.log", rig->directory);
    char *text = NULL;
    size_t size;

    if (files_read(AT_FDCWD, path, 1024 * 1024, &text, &size, NULL) < 0)
        return mem_dup_text("");
    return text;
}

static void assert_gone(const struct rig *rig, const char *name)
{
    autofree char *path = mem_text("%s/%s", rig->directory, name);

    if (access(path, F_OK) == 0)
        fail_msg("%s is still there", path);
}

static void create(struct rig *rig)
{
    struct error err = { 0 };

    assert_int_equal(hands_watch_exits(rig->hands, &err), 0);
    DO(rig, hands_make_directories);
    DO(rig, hands_create_runtime);
    assert_int_not_equal(rig->container.pid_started, 0);
}

static void clear(struct rig *rig)
{
    DO(rig, hands_delete_runtime);
    hands_forget_exit(rig->hands, ID, rig->container.run);
    DO(rig, hands_remove_directories);
    assert_gone(rig, "state/containers/" ID);
    assert_gone(rig, "run/containers/" ID);
    assert_gone(rig, "run/exits/" ID "-1");
    assert_gone(rig, "run/runtime/" ID "-1");
}

static void a_container_lives_from_its_directories_to_their_removal(void **state)
{
    struct rig *rig = *state;
    autofree char *log = NULL;

    set_script(rig, "echo hello; hostname; cat /etc/hosts; exit 7");
    create(rig);
    assert_int_equal(rig->exits, 0);
    DO(rig, hands_start_runtime);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 7);
    assert_false(rig->died.is_unknown);
    assert_int_equal(rig->exit_run, 1);
    assert_true(rig->died.finished > 0);
    log = read_log(rig);
    assert_non_null(strstr(log, "stdout F hello"));
    assert_non_null(strstr(log, "localhost"));
    clear(rig);
    assert_int_equal(rig->exits, 1);
    assert_int_equal(rig->losses, 0);
}

static void the_probe_finds_a_runtime_that_works_and_leaves_nothing(void **state)
{
    struct rig *rig = *state;

    hands_probe(rig->hands, on_facts, rig);
    assert_false(rig->has_facts);
    WAIT_FOR(rig, rig->has_facts);
    assert_true(rig->is_runtime_there);
    assert_int_equal(strlen(hands_boot_id(rig->hands)), 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_probe_finds_a_runtime_that_works_and_leaves_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_container_lives_from_its_directories_to_their_removal,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests_name("hands", tests, NULL, NULL);
}
