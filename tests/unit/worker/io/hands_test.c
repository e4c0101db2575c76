/*
 * The hands with real conmon, real runtimes and a root filesystem of one static busybox: a life of
 * a container from its directories to their removal, and what they do when the world fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
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
#include "worker/io/process.h"

#define DEADLINE_S 100

/* One worker's hands and what they told. */
struct rig {
    char id[CONTAINER_ID_SIZE + 1]; /* random: control groups are the machine's */
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

    assert_string_equal(id, rig->id);
    rig->exits++;
    rig->exit_run = run;
    rig->died = *died;
}

static void on_lost_seen(void *owner, const char *id, uint32_t run,
                         const struct container_died *died)
{
    struct rig *rig = owner;

    assert_string_equal(id, rig->id);
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
    uint8_t random[CONTAINER_ID_SIZE / 2];

    assert_int_equal(getrandom(random, sizeof(random), 0), sizeof(random));
    hex_write(random, sizeof(random), rig->id);
    assert_non_null(mkdtemp(directory));
    rig->directory = mem_dup_text(directory);
    make_rootfs(rig);
    open_hands(rig);
    rig->config = (struct container_config){ .name = name, .rootfs = rig->rootfs };
    rig->container = (struct hands_container){ .id = rig->id, .run = 1, .config = &rig->config };
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
    autofree char *path = mem_text("%s/state/containers/%s/ctr.log", rig->directory, rig->id);
    char *text = NULL;
    size_t size;

    if (files_read(AT_FDCWD, path, 1024 * 1024, &text, &size, NULL) < 0)
        return mem_dup_text("");
    return text;
}

static void assert_gone(const struct rig *rig, const char *directory, const char *name)
{
    autofree char *path = mem_text("%s/%s/%s", rig->directory, directory, name);

    if (access(path, F_OK) == 0)
        fail_msg("%s is still there", path);
}

static void assert_run_gone(const struct rig *rig)
{
    autofree char *name = mem_text("%s-%u", rig->id, rig->container.run);

    assert_gone(rig, "run/containers", rig->id);
    assert_gone(rig, "run/runtime", name);
}

/* A zombie that nobody has reaped yet is dead. */
static bool is_dead(uint32_t pid, uint64_t started)
{
    struct process process = PROCESS_NONE;
    bool is_gone = process_open(pid, started, &process, NULL) < 0 || process_is_gone(&process);

    process_done(&process);
    return is_gone;
}

static void wait_for_conmons_death(const struct rig *rig)
{
    while (!is_dead(rig->conmon_pid, rig->conmon_started))
        (void)usleep(1000);
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
    hands_forget_exit(rig->hands, rig->id, rig->container.run);
    DO(rig, hands_remove_directories);
    assert_gone(rig, "state/containers", rig->id);
    assert_run_gone(rig);
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

static void start(struct rig *rig)
{
    create(rig);
    DO(rig, hands_start_runtime);
}

/* Until the container's script says so. */
static void wait_for_output(struct rig *rig, const char *words)
{
    bool is_there = false;

    while (!is_there) {
        autofree char *log = read_log(rig);

        is_there = strstr(log, words) != NULL;
        assert_int_equal(rig->exits + rig->losses, 0);
        (void)event_base_loop(rig->loop, EVLOOP_NONBLOCK);
        (void)usleep(1000);
    }
}

static void the_probe_finds_a_runtime_that_works_and_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    autofree char *leftover = mem_text("%s/run/probe/gantry-probe-crun-1/rootfs", rig->directory);

    assert_int_equal(files_make_directories(leftover, 0700, NULL), 0);
    hands_probe(rig->hands, on_facts, rig);
    assert_false(rig->has_facts);
    WAIT_FOR(rig, rig->has_facts);
    assert_true(rig->is_runtime_there);
    assert_int_equal(strlen(hands_boot_id(rig->hands)), 36);
    assert_gone(rig, "run/probe", "gantry-probe-crun-1");
}

static void steps_that_are_done_twice_succeed_twice(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "echo up; exec sleep 1000");
    create(rig);
    DO(rig, hands_make_directories);
    DO(rig, hands_start_runtime);
    DO(rig, hands_start_runtime);
    DO(rig, hands_pause);
    DO(rig, hands_pause);
    DO(rig, hands_unpause);
    DO(rig, hands_unpause);
    DO(rig, hands_signal, SIGKILL, true);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 128 + SIGKILL);
    DO(rig, hands_start_runtime);
    DO(rig, hands_signal, SIGKILL, true);
    DO(rig, hands_delete_runtime);
    DO(rig, hands_delete_runtime);
    hands_forget_exit(rig->hands, rig->id, 1);
    hands_forget_exit(rig->hands, rig->id, 1);
    DO(rig, hands_remove_directories);
    DO(rig, hands_remove_directories);
}

static void a_root_filesystem_that_is_not_there_is_named(void **state)
{
    struct rig *rig = *state;
    static char path[] = "/nowhere/at/all";

    rig->config.rootfs = path;
    DO_FAILING(rig, FAILURE_ROOTFS, hands_make_directories);
    assert_non_null(strstr(rig->text, path));
    assert_gone(rig, "state/containers", rig->id);
    DO_FAILING(rig, FAILURE_ROOTFS, hands_create_runtime);
}

static void a_command_that_is_not_there_is_undone(void **state)
{
    struct rig *rig = *state;
    static char command[] = "no-such-command";

    command_words[0] = command;
    rig->config.command.count = 1;
    DO_FAILING(rig, FAILURE_NOT_FOUND, hands_create_runtime);
    assert_non_null(strstr(rig->text, command));
    assert_run_gone(rig);
    set_script(rig, "exit 3");
    start(rig);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 3);
    clear(rig);
}

static void a_command_that_may_not_run_is_told_apart(void **state)
{
    struct rig *rig = *state;
    static char command[] = "/etc";

    command_words[0] = command;
    rig->config.command.count = 1;
    DO_FAILING(rig, FAILURE_PERMISSION_DENIED, hands_create_runtime);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct rig *rig = *state;
    static char user[] = "nobody-of-the-name";
    static char runtime[] = "runq";

    rig->config.user = user;
    DO_FAILING(rig, FAILURE_INVALID_ARGUMENT, hands_create_runtime);
    assert_non_null(strstr(rig->text, user));
    rig->config.user = NULL;
    rig->config.runtime = runtime;
    DO_FAILING(rig, FAILURE_NO_RUNTIME, hands_create_runtime);
    assert_non_null(strstr(rig->text, runtime));
}

static void a_signal_reaches_the_process(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "trap 'exit 9' TERM; echo up; while :; do sleep 1; done");
    start(rig);
    wait_for_output(rig, "up");
    DO(rig, hands_signal, SIGTERM, true);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 9);
    clear(rig);
}

static void a_paused_container_can_be_killed(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "exec sleep 1000");
    start(rig);
    DO(rig, hands_pause);
    DO(rig, hands_signal, SIGKILL, true);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 128 + SIGKILL);
    clear(rig);
}

static void all_are_signalled_when_the_pid_namespace_is_the_hosts(void **state)
{
    struct rig *rig = *state;
    static char host[] = "host";

    rig->config.pid = host;
    set_script(rig, "sleep 1000 & echo up; wait");
    start(rig);
    wait_for_output(rig, "up");
    DO(rig, hands_signal, SIGKILL, true);
    WAIT_FOR(rig, rig->exits == 1);
    clear(rig);
}

static void deleting_ends_what_lives(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "exec sleep 1000");
    start(rig);
    DO(rig, hands_delete_runtime);
    WAIT_FOR(rig, rig->exits == 1);
    assert_true(is_dead(rig->container.pid, rig->container.pid_started));
    clear(rig);
}

static void a_created_container_can_be_deleted(void **state)
{
    struct rig *rig = *state;

    create(rig);
    DO(rig, hands_delete_runtime);
    assert_int_equal(rig->losses, 0);
    clear(rig);
}

static void two_runs_have_each_their_exit(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "exit 1");
    start(rig);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->exit_run, 1);
    DO(rig, hands_delete_runtime);
    rig->container.run = 2;
    set_script(rig, "exit 2");
    DO(rig, hands_create_runtime);
    DO(rig, hands_start_runtime);
    WAIT_FOR(rig, rig->exits == 2);
    assert_int_equal(rig->exit_run, 2);
    assert_int_equal(rig->died.exit_code, 2);
    clear(rig);
}

static void a_dead_conmon_is_a_lost_exit(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "exec sleep 1000");
    start(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    WAIT_FOR(rig, rig->losses == 1);
    assert_true(rig->died.is_unknown);
    assert_true(rig->died.finished > 0);
    assert_int_equal(rig->exits, 0);
    clear(rig);
}

static void an_exit_directory_that_is_removed_is_made_again(void **state)
{
    struct rig *rig = *state;
    autofree char *exits = mem_text("%s/run/exits", rig->directory);

    set_script(rig, "exit 5");
    create(rig);
    assert_int_equal(files_remove_tree(AT_FDCWD, exits, NULL), 0);
    DO(rig, hands_start_runtime);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 5);
    clear(rig);
}

static void want_of_memory_is_noticed(void **state)
{
    struct rig *rig = *state;

    rig->config.memory_bytes = 32 * 1024 * 1024;
    set_script(rig, "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done");
    start(rig);
    WAIT_FOR(rig, rig->exits == 1);
    assert_true(rig->died.oom_killed);
    clear(rig);
}

static void a_new_worker_adopts_what_lives(void **state)
{
    struct rig *rig = *state;
    bool is_alive = false;
    struct error err = { 0 };

    set_script(rig, "trap 'exit 4' TERM; echo up; while :; do sleep 1; done");
    start(rig);
    wait_for_output(rig, "up");
    close_hands(rig);
    open_hands(rig);
    assert_int_equal(hands_adopt(rig->hands, &rig->container, rig->conmon_pid, rig->conmon_started,
                                 &is_alive, &err),
                     0);
    assert_true(is_alive);
    assert_int_equal(hands_watch_exits(rig->hands, &err), 0);
    DO(rig, hands_signal, SIGTERM, true);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 4);
    clear(rig);
}

static void an_exit_without_a_worker_is_told_to_the_next(void **state)
{
    struct rig *rig = *state;
    bool is_alive = true;
    struct error err = { 0 };
    autofree char *exit_file = mem_text("%s/run/exits/%s-1", rig->directory, rig->id);

    set_script(rig, "trap 'exit 6' TERM; echo up; while :; do sleep 1; done");
    start(rig);
    wait_for_output(rig, "up");
    close_hands(rig);
    assert_int_equal(kill((pid_t)rig->container.pid, SIGTERM), 0);
    while (access(exit_file, F_OK) < 0)
        (void)usleep(1000);
    wait_for_conmons_death(rig);
    open_hands(rig);
    assert_int_equal(hands_adopt(rig->hands, &rig->container, rig->conmon_pid, rig->conmon_started,
                                 &is_alive, &err),
                     0);
    assert_false(is_alive);
    assert_int_equal(hands_watch_exits(rig->hands, &err), 0);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 6);
    clear(rig);
    assert_int_equal(rig->losses, 0);
}

static void a_dead_conmon_of_an_earlier_worker_is_a_lost_exit(void **state)
{
    struct rig *rig = *state;
    bool is_alive = true;
    struct error err = { 0 };

    set_script(rig, "exec sleep 1000");
    start(rig);
    close_hands(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    wait_for_conmons_death(rig);
    open_hands(rig);
    assert_int_equal(hands_watch_exits(rig->hands, &err), 0);
    assert_int_equal(hands_adopt(rig->hands, &rig->container, rig->conmon_pid, rig->conmon_started,
                                 &is_alive, &err),
                     0);
    assert_false(is_alive);
    WAIT_FOR(rig, rig->losses == 1);
    assert_true(rig->died.is_unknown);
    clear(rig);
}

static void an_init_that_was_through_is_taken_over(void **state)
{
    struct rig *rig = *state;
    uint32_t pid;
    struct error err = { 0 };

    set_script(rig, "exit 8");
    create(rig);
    pid = rig->container.pid;
    rig->container.pid = 0;
    close_hands(rig);
    open_hands(rig);
    assert_int_equal(hands_watch_exits(rig->hands, &err), 0);
    DO(rig, hands_resolve_create);
    assert_int_equal(rig->container.pid, pid);
    DO(rig, hands_start_runtime);
    WAIT_FOR(rig, rig->exits == 1);
    assert_int_equal(rig->died.exit_code, 8);
    clear(rig);
}

static void an_init_that_was_cut_off_is_undone(void **state)
{
    struct rig *rig = *state;
    struct error err = { 0 };

    set_script(rig, "exit 8");
    create(rig);
    close_hands(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    wait_for_conmons_death(rig);
    open_hands(rig);
    DO_FAILING(rig, FAILURE_INTERNAL, hands_resolve_create);
    assert_run_gone(rig);
    assert_true(is_dead(rig->container.pid, rig->container.pid_started));
    assert_int_equal(hands_watch_exits(rig->hands, &err), 0);
    DO(rig, hands_create_runtime);
    DO(rig, hands_start_runtime);
    WAIT_FOR(rig, rig->exits == 1);
    clear(rig);
}

/* The worker is killed at any moment of the init: the next one finishes or undoes it, and a new
 * try always works. */
static void an_init_that_is_cut_off_anywhere_leaves_nothing(void **state)
{
    struct rig *rig = *state;

    set_script(rig, "exit 0");
    for (int turns = 0; turns < 12; turns++) {
        rig->is_step_done = false;
        rig->container.run = (uint32_t)turns + 1;
        hands_create_runtime(rig->hands, &rig->container, on_step_done, rig);
        for (int i = 0; i < turns && !rig->is_step_done; i++)
            (void)event_base_loop(rig->loop, EVLOOP_ONCE);
        close_hands(rig);
        open_hands(rig);
        rig->is_step_done = false;
        hands_resolve_create(rig->hands, &rig->container, on_step_done, rig);
        WAIT_FOR(rig, rig->is_step_done);
        DO(rig, hands_create_runtime);
        DO(rig, hands_delete_runtime);
        hands_forget_exit(rig->hands, rig->id, rig->container.run);
    }
    DO(rig, hands_remove_directories);
}

static void stopping_in_the_middle_ends_every_step(void **state)
{
    struct rig *rig = *state;

    rig->is_step_done = false;
    hands_create_runtime(rig->hands, &rig->container, on_step_done, rig);
    (void)event_base_loop(rig->loop, EVLOOP_ONCE);
    close_hands(rig);
    assert_true(rig->is_step_done);
    assert_int_equal(rig->code, -ECANCELED);
    open_hands(rig);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_probe_finds_a_runtime_that_works_and_leaves_nothing),
        TEST(a_container_lives_from_its_directories_to_their_removal),
        TEST(steps_that_are_done_twice_succeed_twice),
        TEST(a_root_filesystem_that_is_not_there_is_named),
        TEST(a_command_that_is_not_there_is_undone),
        TEST(a_command_that_may_not_run_is_told_apart),
        TEST(what_makes_no_sense_is_refused),
        TEST(a_signal_reaches_the_process),
        TEST(a_paused_container_can_be_killed),
        TEST(all_are_signalled_when_the_pid_namespace_is_the_hosts),
        TEST(deleting_ends_what_lives),
        TEST(a_created_container_can_be_deleted),
        TEST(two_runs_have_each_their_exit),
        TEST(a_dead_conmon_is_a_lost_exit),
        TEST(an_exit_directory_that_is_removed_is_made_again),
        TEST(want_of_memory_is_noticed),
        TEST(a_new_worker_adopts_what_lives),
        TEST(an_exit_without_a_worker_is_told_to_the_next),
        TEST(a_dead_conmon_of_an_earlier_worker_is_a_lost_exit),
        TEST(an_init_that_was_through_is_taken_over),
        TEST(an_init_that_was_cut_off_is_undone),
        TEST(an_init_that_is_cut_off_anywhere_leaves_nothing),
        TEST(stopping_in_the_middle_ends_every_step),
    };
    return cmocka_run_group_tests_name("hands", tests, NULL, NULL);
}
