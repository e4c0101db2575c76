/* The hands of a worker for tests; see the header. */
#include "tests/support/hands_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/io/jobpool.h"
#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/container_log.h"
#include "worker/io/process.h"

#define DEADLINE_S 100

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct rig *rig = arg;

    (void)fd;
    (void)what;
    rig->is_late = true;
}

typedef bool rig_question_fn(const void *arg);

static void wait_until(struct rig *rig, rig_question_fn *holds, const void *arg)
{
    struct timeval patience = { .tv_sec = DEADLINE_S };
    struct event *deadline = evtimer_new(rig->loop, on_deadline, rig);

    (void)event_add(deadline, &patience);
    while (!holds(arg) && !rig->is_late)
        (void)event_base_loop(rig->loop, EVLOOP_ONCE);
    event_free(deadline);
    assert_false(rig->is_late);
}

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

static void make_directory(const char *parent, const char *name)
{
    autofree char *path = mem_text("%s/%s", parent, name);

    assert_int_equal(mkdir(path, 0755), 0);
}

static void copy_file(const char *from, const char *to)
{
    struct spawn_request request = { .argv = (const char *const[]){ "cp", from, to, NULL } };
    int status = -1;

    assert_int_equal(spawn_wait(&request, &status, NULL, NULL), 0);
    assert_int_equal(status, 0);
}

static void make_rootfs(struct rig *rig)
{
    static const char *const applets[] = { "sh",      "cat",      "echo",  "sleep", "true",
                                           "id",      "grep",     "ls",    "stat",  "env",
                                           "mount",   "df",       "mkdir", "touch", "hostname",
                                           "unshare", "readlink", "wc",    "dd",    "sync" };
    autofree char *busybox = mem_text("%s/rootfs/bin/busybox", rig->directory);
    mode_t mask = umask(022); /* a container's user has to get at it */

    rig->rootfs = mem_text("%s/rootfs", rig->directory);
    make_directory(rig->directory, "rootfs");
    make_directory(rig->rootfs, "bin");
    make_directory(rig->rootfs, "etc");
    make_directory(rig->rootfs, "tmp");
    copy_file("/bin/busybox", busybox);
    for (size_t i = 0; i < sizeof(applets) / sizeof(*applets); i++) {
        autofree char *path = mem_text("%s/bin/%s", rig->rootfs, applets[i]);

        assert_int_equal(symlink("busybox", path), 0);
    }
    (void)umask(mask);
}

void rig_open_hands(struct rig *rig)
{
    autofree char *state = mem_text("%s/state", rig->directory);
    autofree char *run = mem_text("%s/run", rig->directory);
    struct error err = { 0 };

    rig->loop = event_base_new();
    assert_int_equal(jobpool_new(rig->loop, 2, 64, &rig->pool, &err), 0);
    if (hands_new(rig->loop, rig->pool, state, run, &hands_events, rig, &rig->hands, &err) < 0)
        fail_msg("%s", err.text);
}

void rig_close_hands(struct rig *rig)
{
    hands_destroy(rig->hands);
    jobpool_destroy(rig->pool);
    event_base_free(rig->loop);
    rig->hands = NULL;
}

static void free_words(struct rig *rig)
{
    for (size_t i = 0; i < RIG_WORDS_MAX; i++) {
        free(rig->words[i]);
        rig->words[i] = NULL;
    }
}

void rig_set_script(struct rig *rig, const char *script)
{
    free_words(rig);
    rig->words[0] = mem_dup_text("/bin/sh");
    rig->words[1] = mem_dup_text("-c");
    rig->words[2] = mem_dup_text(script);
    rig->config.command = (struct text_list){ .items = rig->words, .count = 3 };
}

void rig_set_command(struct rig *rig, const char *word)
{
    free_words(rig);
    rig->words[0] = mem_dup_text(word);
    rig->config.command = (struct text_list){ .items = rig->words, .count = 1 };
}

int rig_set_up(void **state)
{
    static char name[] = "web";
    struct rig *rig = mem_new(struct rig);
    char directory[] = "/tmp/gantry-hands-XXXXXX";
    uint8_t random[CONTAINER_ID_SIZE / 2];

    assert_int_equal(getrandom(random, sizeof(random), 0), sizeof(random));
    hex_write(random, sizeof(random), rig->id);
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chmod(directory, 0755), 0); /* a container's user must get through */
    rig->directory = mem_dup_text(directory);
    make_rootfs(rig);
    rig_open_hands(rig);
    rig->config = (struct container_config){ .name = name, .rootfs = rig->rootfs };
    rig->container = (struct hands_container){ .id = rig->id, .run = 1, .config = &rig->config };
    rig_set_script(rig, "true");
    *state = rig;
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;

    /* A test that failed shall leave no container behind. */
    if (rig->hands == NULL)
        rig_open_hands(rig);
    rig->is_late = false;
    rig->container.config = NULL; /* it may point into the test that has returned */
    rig_do(rig, hands_delete_runtime);
    rig_close_hands(rig);
    assert_int_equal(files_remove_tree(AT_FDCWD, rig->directory, NULL), 0);
    free_words(rig);
    free(rig->rootfs);
    free(rig->directory);
    free(rig);
    return 0;
}

static bool is_true(const void *arg)
{
    return *(const bool *)arg;
}

void rig_begin(struct rig *rig, rig_step_fn *step)
{
    rig->is_step_done = false;
    step(rig->hands, &rig->container, on_step_done, rig);
    assert_false(rig->is_step_done); /* never from within */
}

void rig_wait_step(struct rig *rig)
{
    wait_until(rig, is_true, &rig->is_step_done);
}

void rig_do(struct rig *rig, rig_step_fn *step)
{
    rig_begin(rig, step);
    rig_wait_step(rig);
    if (rig->code != 0)
        fail_msg("%s", rig->text);
}

void rig_signal(struct rig *rig, uint32_t signal)
{
    rig->is_step_done = false;
    hands_signal(rig->hands, &rig->container, signal, true, on_step_done, rig);
    rig_wait_step(rig);
    if (rig->code != 0)
        fail_msg("%s", rig->text);
}

void rig_fail(struct rig *rig, rig_step_fn *step, enum failure failure)
{
    rig_begin(rig, step);
    rig_wait_step(rig);
    assert_true(rig->code < 0);
    if (rig->failure != failure)
        fail_msg("%s instead of %s: %s", failure_name(rig->failure), failure_name(failure),
                 rig->text);
}

struct count_question {
    const unsigned *count;
    unsigned wanted;
};

static bool has_count(const void *arg)
{
    const struct count_question *question = arg;

    return *question->count >= question->wanted;
}

void rig_wait_count(struct rig *rig, const unsigned *count, unsigned wanted)
{
    struct count_question question = { .count = count, .wanted = wanted };

    wait_until(rig, has_count, &question);
}

struct output_question {
    struct buffer text;
    const char *words;
    bool has_come;
};

static void on_line(void *owner, const struct container_log_line *line)
{
    struct output_question *question = owner;

    buffer_append(&question->text, line->text.data, line->text.size);
    question->has_come = memmem(question->text.data, question->text.size, question->words,
                                strlen(question->words)) != NULL;
}

static void on_log_end(void *owner, const char *failure)
{
    (void)owner;
    (void)failure;
}

static void on_log_drained(void *owner)
{
    (void)owner;
}

static char *log_path(const struct rig *rig)
{
    return mem_text("%s/state/containers/%s/ctr.log", rig->directory, rig->id);
}

void rig_wait_output(struct rig *rig, const char *words)
{
    static const struct container_log_events events = {
        .on_line = on_line,
        .on_end = on_log_end,
        .on_drained = on_log_drained,
    };
    struct container_log_options options = { .tail = -1, .follow = true };
    struct output_question question = { .words = words };
    struct container_log *log = NULL;
    autofree char *path = log_path(rig);

    assert_int_equal(container_log_open(rig->loop, path, &options, &events, &question, &log, NULL),
                     0);
    wait_until(rig, is_true, &question.has_come);
    container_log_close(log);
    buffer_done(&question.text);
}

void rig_wait_conmon_death(const struct rig *rig)
{
    struct process conmon = PROCESS_NONE;

    if (process_open(rig->conmon_pid, rig->conmon_started, &conmon, NULL) < 0)
        return;
    assert_int_equal(
        poll(&(struct pollfd){ .fd = conmon.fd, .events = POLLIN }, 1, DEADLINE_S * 1000), 1);
    process_done(&conmon);
}

bool rig_is_init_dead(const struct rig *rig)
{
    struct process init = PROCESS_NONE;
    bool is_gone = process_open(rig->container.pid, rig->container.pid_started, &init, NULL) < 0 ||
                   process_is_gone(&init);

    process_done(&init);
    return is_gone;
}

void rig_watch_exits(struct rig *rig)
{
    struct error err = { 0 };

    if (hands_watch_exits(rig->hands, &err) < 0)
        fail_msg("%s", err.text);
}

static void on_facts(void *owner, const struct host_facts *facts)
{
    struct rig *rig = owner;
    const struct runtime_fact *runtimes = facts->runtimes.items;

    rig->probes++;
    rig->runtime[0] = '\0';
    if (facts->runtimes.count > 0 && runtimes[0].works)
        (void)snprintf(rig->runtime, sizeof(rig->runtime), "%s", runtimes[0].name);
}

void rig_probe(struct rig *rig)
{
    unsigned wanted = rig->probes + 1;

    hands_probe(rig->hands, on_facts, rig);
    rig_wait_count(rig, &rig->probes, wanted);
}

bool rig_adopt(struct rig *rig)
{
    struct error err = { 0 };
    bool is_alive = false;

    if (hands_adopt(rig->hands, &rig->container, rig->conmon_pid, rig->conmon_started, &is_alive,
                    &err) < 0)
        fail_msg("%s", err.text);
    return is_alive;
}

void rig_create(struct rig *rig)
{
    rig_watch_exits(rig);
    rig_do(rig, hands_make_directories);
    rig_do(rig, hands_create_runtime);
    assert_int_not_equal(rig->container.pid_started, 0);
    assert_int_not_equal(rig->conmon_started, 0);
}

void rig_start(struct rig *rig)
{
    rig_create(rig);
    rig_do(rig, hands_start_runtime);
}

char *rig_run(struct rig *rig)
{
    rig_start(rig);
    rig_wait_count(rig, &rig->exits, 1);
    return rig_read_log(rig);
}

void rig_clear(struct rig *rig)
{
    rig_do(rig, hands_delete_runtime);
    hands_forget_exit(rig->hands, rig->id, rig->container.run);
    rig_do(rig, hands_remove_directories);
    rig_assert_gone(rig, "state/containers", rig->id);
    rig_assert_run_gone(rig);
}

char *rig_read_log(const struct rig *rig)
{
    autofree char *path = log_path(rig);
    char *text = NULL;
    size_t size;

    if (files_read(AT_FDCWD, path, 1024 * 1024, &text, &size, NULL) < 0)
        return mem_dup_text("");
    return text;
}

void rig_assert_gone(const struct rig *rig, const char *directory, const char *name)
{
    autofree char *path = mem_text("%s/%s/%s", rig->directory, directory, name);

    if (access(path, F_OK) == 0)
        fail_msg("%s is still there", path);
}

void rig_assert_run_gone(const struct rig *rig)
{
    autofree char *name = mem_text("%s-%u", rig->id, rig->container.run);

    rig_assert_gone(rig, "run/containers", rig->id);
    rig_assert_gone(rig, "run/runtime", name);
    rig_assert_gone(rig, "run/exits", name);
}
