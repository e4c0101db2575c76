/* Launching conmon; see the header. */
#include "worker/io/conmon.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/descriptors.h"
#include "common/io/files.h"
#include "common/io/log.h"
#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/gate.h"
#include "worker/io/runtime_text.h"

#define ARGUMENTS_MAX  48
#define OUTPUT_MAX     4096   /* of conmon before it goes to the background */
#define LINE_MAX_BYTES 65536  /* of the sync pipe */
#define PART_BYTES     4096   /* of it, read at once */
#define CREATE_MS      240000 /* podman's patience with a runtime's create */

enum { SYNC_FD = 3, START_FD = 4 }; /* conmon's numbers of our pipes */

struct conmon_launch {
    struct conmon_place place;
    char *arguments[ARGUMENTS_MAX];
    size_t argument_count;
    char *bundle;
    char *pid_path; /* where conmon's parent writes conmon's pid */
    char *log_path; /* of the runtime */
    struct gate_ticket ticket;
    bool has_place;      /* at the gate */
    struct child *child; /* conmon's parent, while it runs */
    bool has_answered;   /* conmon, or its end */
    int sync_fd;
    struct buffer answer; /* what has come of conmon's line */
    struct event *readable;
    struct event *timer;
    int64_t data;  /* init's pid; not positive: failed */
    char *message; /* conmon's, or its parent's */
    conmon_done_fn *done;
    void *owner;
};

static void add_argument(struct conmon_launch *launch, char *text)
{
    launch->arguments[launch->argument_count++] = text;
}

/* Words up to a NULL, copied. */
static void add_words(struct conmon_launch *launch, const char *const *words)
{
    for (; *words != NULL; words++)
        add_argument(launch, mem_dup_text(*words));
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void set_arguments(struct conmon_launch *launch, const struct conmon_request *request)
{
    autofree char *pidfile = mem_text("%s/pidfile", request->volatile_directory);

    add_words(launch, WORDS(request->program, "--api-version", "1", "-c", request->run_name, "-u",
                            request->run_name, "-n", request->name, "-r", request->runtime, "-b",
                            request->bundle, "-p", pidfile, "-P", launch->pid_path, "--exit-dir",
                            request->exits, "--persist-dir", request->persist, "--full-attach",
                            "--no-sync-log", "--syslog", "--log-level", "warning", "--runtime-arg",
                            "--log-format=json"));
    add_words(launch, WORDS("-l"));
    add_argument(launch, mem_text("k8s-file:%s/ctr.log", request->bundle));
    add_words(launch, WORDS("--runtime-arg"));
    add_argument(launch, mem_text("--root=%s", request->runtime_root));
    add_words(launch, WORDS("--runtime-arg"));
    add_argument(launch, mem_text("--log=%s", launch->log_path));
    if (request->has_terminal)
        add_words(launch, WORDS("-t"));
}

static void stop_listening(struct conmon_launch *launch)
{
    if (launch->readable != NULL)
        event_free(launch->readable);
    if (launch->timer != NULL)
        event_free(launch->timer);
    launch->readable = NULL;
    launch->timer = NULL;
}

void conmon_launch_destroy(struct conmon_launch *launch)
{
    if (launch == NULL)
        return;
    gate_withdraw(launch->place.gate, &launch->ticket);
    if (launch->has_place)
        gate_leave(launch->place.gate);
    child_destroy(launch->child);
    stop_listening(launch);
    if (launch->sync_fd >= 0)
        (void)close(launch->sync_fd);
    buffer_done(&launch->answer);
    for (size_t i = 0; i < launch->argument_count; i++)
        free(launch->arguments[i]);
    free(launch->bundle);
    free(launch->pid_path);
    free(launch->log_path);
    free(launch->message);
    free(launch);
}

static void finish(struct conmon_launch *launch, struct conmon_result *result)
{
    launch->done(launch->owner, result);
    process_done(&result->conmon);
    process_done(&result->init);
    conmon_launch_destroy(launch);
}

static void fail(struct conmon_launch *launch, int code, const char *text)
{
    struct conmon_result result = {
        .code = code,
        .failure = code == -EIO ? runtime_text_classify(text) : FAILURE_RUNTIME,
        .text = text,
        .conmon = PROCESS_NONE,
        .init = PROCESS_NONE,
    };

    finish(launch, &result);
}

/* Its pipe has not hung up: conmon alone holds the other end. */
static bool is_conmon_alive(const struct conmon_launch *launch)
{
    struct pollfd poller = { .fd = launch->sync_fd };

    return poll(&poller, 1, 0) == 0;
}

/*
 * The pid that was written is conmon's for certain if it was opened before conmon's end of the
 * pipe was closed; init's if it is a child of that. Either may have ended by now: then the exit
 * file tells the rest.
 */
static void succeed(struct conmon_launch *launch, uint32_t conmon_pid)
{
    struct conmon_result result = {
        .conmon_pid = conmon_pid,
        .init_pid = (uint32_t)launch->data,
        .text = "",
        .conmon = PROCESS_NONE,
        .init = PROCESS_NONE,
    };

    if (process_open(conmon_pid, 0, &result.conmon, NULL) >= 0 && !is_conmon_alive(launch))
        process_done(&result.conmon);
    (void)process_open_child(result.init_pid, conmon_pid, &result.init, NULL);
    finish(launch, &result);
}

/* The runtime's own words are better than what conmon passes on; one of both may be missing. */
static void fail_create(struct conmon_launch *launch)
{
    autofree char *logged = runtime_text_of_log(launch->log_path);
    const char *text = logged != NULL ? logged : launch->message;

    fail(launch, -EIO, text != NULL ? text : "conmon ended without a word about the container");
}

/* Both conmon's answer and the end of its parent are needed, in whatever order they come. */
static void conclude(struct conmon_launch *launch)
{
    struct error err = { 0 };
    uint32_t conmon_pid = 0;

    if (!launch->has_answered || launch->child != NULL)
        return;
    if (launch->data <= 0 || launch->data > INT32_MAX)
        fail_create(launch);
    else if (process_read_pid(launch->pid_path, &conmon_pid, &err) < 0)
        fail(launch, err.code, err.text);
    else
        succeed(launch, conmon_pid);
}

static void on_parent_ended(void *owner, const struct spawn_result *result)
{
    struct conmon_launch *launch = owner;
    bool is_well = WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;

    launch->child = NULL;
    if (!is_well && launch->message == NULL)
        launch->message = runtime_text_last_line(result->output);
    conclude(launch);
}

static void take_answer(struct conmon_launch *launch)
{
    const struct bytes line = buffer_bytes(&launch->answer);
    autofree char *message = NULL;
    struct error err = { 0 };

    launch->has_answered = true;
    if (line.size > 0 && runtime_text_parse_sync(line, &launch->data, &message, &err) < 0)
        message = mem_dup_text(err.text);
    if (message != NULL) {
        free(launch->message);
        launch->message = steal_ptr(message);
    }
    stop_listening(launch);
    conclude(launch);
}

/* One line, however it comes; the end of the pipe is the end of it, too. */
static void read_line(struct conmon_launch *launch)
{
    uint8_t part[PART_BYTES];
    ssize_t size = read(launch->sync_fd, part, sizeof(part));

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size > 0)
        buffer_append(&launch->answer, part, (size_t)size);
    if (size > 0 && memchr(part, '\n', (size_t)size) == NULL &&
        launch->answer.size < LINE_MAX_BYTES)
        return;
    take_answer(launch);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    read_line(arg);
}

/* Its runtime has a parent death signal, so killing conmon ends the create too. */
static void give_up(struct conmon_launch *launch)
{
    struct process conmon = PROCESS_NONE;
    uint32_t pid = 0;

    if (process_read_pid(launch->pid_path, &pid, NULL) >= 0 &&
        process_open(pid, 0, &conmon, NULL) >= 0 && is_conmon_alive(launch))
        (void)process_signal(&conmon, SIGKILL, NULL);
    process_done(&conmon);
    fail(launch, -ETIMEDOUT, "the runtime's create does not come to an end");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    give_up(arg);
}

static int listen_to(struct conmon_launch *launch, struct error *err)
{
    struct timeval patience = { .tv_sec = CREATE_MS / 1000 };

    launch->readable =
        event_new(launch->place.loop, launch->sync_fd, EV_READ | EV_PERSIST, on_readable, launch);
    launch->timer = evtimer_new(launch->place.loop, on_timer, launch);
    if (launch->readable == NULL || launch->timer == NULL ||
        event_add(launch->readable, NULL) < 0 || event_add(launch->timer, &patience) < 0)
        return error_set(err, -ENOMEM, "watch conmon's pipe");
    return 0;
}

/* conmon waits for a byte (or our end) before it forks: the time to move it and set its limit. It
 * may have died already, which its silence on the sync pipe tells. */
static int start_conmon(struct conmon_launch *launch, int sync_fd, int start_fds[2],
                        struct error *err)
{
    const struct spawn_fd fds[] = {
        { .ours = sync_fd, .theirs = SYNC_FD },
        { .ours = start_fds[1], .theirs = START_FD },
    };
    struct spawn_request request = {
        .argv = (const char *const *)launch->arguments,
        .env = WORDS("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/",
                     "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4"),
        .directory = launch->bundle,
        .fds = fds,
        .fd_count = sizeof(fds) / sizeof(*fds),
        .output_max = OUTPUT_MAX,
        .new_session = true,
    };
    int r = spawn_start(launch->place.loop, &request, on_parent_ended, launch, &launch->child, err);

    if (r < 0)
        return r;
    cgroups_place_conmon(launch->place.cgroups, child_pid(launch->child));
    descriptors_restore(child_pid(launch->child)); /* the container inherits it */
    (void)send(start_fds[0], "", 1, MSG_NOSIGNAL);
    return 0;
}

static int open_pipe(int ret[2], struct error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
        return error_set_errno(err, "make conmon's pipe");
    return 0;
}

/*
 * conmon ends, and its container is lost, when it cannot write its answer because the worker was
 * killed meanwhile. So its end of the pipe is one that can be read from, too: while conmon has it,
 * the pipe is not broken.
 */
static int open_sync_pipe(int ret[2], struct error *err)
{
    autoclose int write_end = -1;

    if (pipe2(ret, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_set_errno(err, "make conmon's pipe");
    write_end = ret[1];
    ret[1] = files_reopen(write_end, O_RDWR);
    if (ret[1] < 0)
        return error_set(err, ret[1], "make conmon's pipe: %s", strerrordesc_np(-ret[1]));
    return 0;
}

static int start_launch(struct conmon_launch *launch, struct error *err)
{
    int sync_fds[2] = { -1, -1 };
    int start_fds[2] = { -1, -1 };
    int r = open_sync_pipe(sync_fds, err);

    if (r >= 0)
        r = open_pipe(start_fds, err);
    launch->sync_fd = sync_fds[0];
    if (r >= 0)
        r = listen_to(launch, err);
    if (r >= 0)
        r = start_conmon(launch, sync_fds[1], start_fds, err);
    auto_close_(&sync_fds[1]);
    auto_close_(&start_fds[0]);
    auto_close_(&start_fds[1]);
    return r;
}

static void on_enter(struct gate_ticket *ticket)
{
    struct conmon_launch *launch = container_of(ticket, struct conmon_launch, ticket);
    struct error err = { 0 };

    launch->has_place = true;
    if (start_launch(launch, &err) < 0)
        fail(launch, err.code, err.text);
}

void conmon_launch(const struct conmon_place *place, const struct conmon_request *request,
                   conmon_done_fn *done, void *owner, struct conmon_launch **ret)
{
    struct conmon_launch *launch = mem_new(struct conmon_launch);
    struct error err = { 0 };

    *ret = launch;
    launch->place = *place;
    launch->sync_fd = -1;
    launch->bundle = mem_dup_text(request->bundle);
    launch->pid_path = mem_text("%s/conmon.pid", request->volatile_directory);
    launch->log_path = mem_text("%s/oci-log", request->volatile_directory);
    launch->done = done;
    launch->owner = owner;
    launch->ticket.on_enter = on_enter;
    set_arguments(launch, request);
    if (gate_enter(place->gate, &launch->ticket, &err) < 0)
        fail(launch, err.code, err.text);
}
