/* Children; see the header. */
#include "common/io/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/bytes.h"
#include "common/io/clock.h"
#include "common/io/spawn_plan.h"
#include "common/mem.h"

#define READ_SIZE      (16 * 1024)
#define READS_PER_TURN 16   /* a chatty child must not starve the loop */
#define LINGER_MS      1000 /* for output that a grandchild holds open */

/* Standard output and error of a child: what is kept, and the pipe while somebody may write. */
struct output {
    int fd; /* -1: at its end, or never wanted */
    size_t max;
    struct buffer kept;
};

/* A child that runs. */
struct process {
    pid_t pid;
    int pidfd;
    bool leads_group;
    struct output output;
};

int spawn_detached(const struct spawn_request *request, pid_t *ret_pid, struct error *err)
{
    assert(request->output_max == 0 && request->timeout_ms == 0);
    return spawn_plan_start(request, -1, ret_pid, err);
}

/* True at the end of the output: nobody can write any more. */
static bool output_read(struct output *output)
{
    uint8_t piece[READ_SIZE];

    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        ssize_t size = read(output->fd, piece, sizeof(piece));
        size_t room = output->max - output->kept.size;

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return false;
        if (size <= 0)
            return true;
        buffer_append(&output->kept, piece, (size_t)size < room ? (size_t)size : room);
    }
    return false;
}

static void output_close(struct output *output)
{
    if (output->fd >= 0)
        (void)close(steal_fd(&output->fd));
}

/* The heap's text of what was kept, which is then empty. */
static char *output_take(struct output *output)
{
    char *text;

    buffer_append(&output->kept, "", 1);
    text = (char *)output->kept.data;
    output->kept = (struct buffer){ 0 };
    return text;
}

/* Not for a child that was reaped: the number may be another's by then. */
static void process_kill(const struct process *process)
{
    (void)kill(process->leads_group ? -process->pid : process->pid, SIGKILL);
}

static int process_reap(const struct process *process, int *ret_status)
{
    pid_t r;

    do
        r = waitpid(process->pid, ret_status, 0);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

/* What is left of an ended one. */
static void process_done(struct process *process)
{
    output_close(&process->output);
    buffer_done(&process->output.kept);
    if (process->pidfd >= 0)
        (void)close(process->pidfd);
}

static int process_watch(struct process *process, struct error *err)
{
    int status;
    int r;

    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd >= 0)
        return 0;
    r = error_set_errno(err, "watch process %d", (int)process->pid);
    process_kill(process);
    (void)process_reap(process, &status);
    return r;
}

static int process_start(const struct spawn_request *request, struct process *ret,
                         struct error *err)
{
    autoclose int read_fd = -1;
    autoclose int write_fd = -1;
    int ends[2];
    int r;

    if (request->output_max > 0) {
        if (pipe2(ends, O_CLOEXEC) < 0)
            return error_set_errno(err, "start %s: pipe", request->argv[0]);
        read_fd = ends[0];
        write_fd = ends[1];
        (void)fcntl(read_fd, F_SETFL, O_NONBLOCK); /* our end only: the child may block */
    }
    *ret = (struct process){
        .pidfd = -1,
        .leads_group = request->new_session,
        .output = { .fd = -1, .max = request->output_max },
    };
    r = spawn_plan_start(request, write_fd, &ret->pid, err);
    if (r == 0)
        r = process_watch(ret, err);
    if (r == 0)
        ret->output.fd = steal_fd(&read_fd);
    return r;
}

static int milliseconds_until(uint64_t deadline_ms)
{
    uint64_t now_ms = clock_steady_ms();

    if (deadline_ms == UINT64_MAX)
        return -1;
    if (deadline_ms <= now_ms)
        return 0;
    return deadline_ms - now_ms < INT_MAX ? (int)(deadline_ms - now_ms) : INT_MAX;
}

static uint64_t deadline_after(unsigned timeout_ms)
{
    return timeout_ms > 0 ? clock_steady_ms() + timeout_ms : UINT64_MAX;
}

/* A blocking wait for a process and the end of its output. */
struct wait {
    struct process *process;
    uint64_t deadline_ms; /* for its end, then for its output; UINT64_MAX: none */
    bool has_ended;
    int status;
    int failure;
};

static void wait_turn(struct wait *wait, int wait_ms)
{
    struct output *output = &wait->process->output;
    struct pollfd polled[] = {
        { .fd = wait->has_ended ? -1 : wait->process->pidfd, .events = POLLIN },
        { .fd = output->fd, .events = POLLIN },
    };

    if (poll(polled, 2, wait_ms) <= 0)
        return;
    if (polled[1].revents != 0 && output_read(output))
        output_close(output);
    if (polled[0].revents != 0) {
        int r = process_reap(wait->process, &wait->status);

        wait->failure = wait->failure < 0 ? wait->failure : r;
        wait->has_ended = true;
        wait->deadline_ms = deadline_after(LINGER_MS);
    }
}

static void wait_to_end(struct wait *wait)
{
    while (!wait->has_ended || wait->process->output.fd >= 0) {
        int wait_ms = milliseconds_until(wait->deadline_ms);

        if (wait_ms != 0) {
            wait_turn(wait, wait_ms);
        } else if (wait->has_ended) {
            return;
        } else {
            process_kill(wait->process);
            wait->failure = -ETIMEDOUT;
            wait->deadline_ms = UINT64_MAX;
        }
    }
}

int spawn_wait(const struct spawn_request *request, int *ret_status, char **ret_output,
               struct error *err)
{
    struct process process;
    struct wait wait = { .process = &process };
    int r = process_start(request, &process, err);

    if (r < 0)
        return r;
    wait.deadline_ms = deadline_after(request->timeout_ms);
    wait_to_end(&wait);
    r = wait.failure;
    if (r == 0 && ret_status != NULL)
        *ret_status = wait.status;
    if (r == 0 && ret_output != NULL)
        *ret_output = request->output_max > 0 ? output_take(&process.output) : NULL;
    process_done(&process);
    return r == 0 ? 0 : error_set(err, r, "%s: %s", request->argv[0], strerrordesc_np(-r));
}

struct child {
    struct process process;
    struct event *exited;   /* pidfd */
    struct event *readable; /* output; NULL when none is wanted */
    struct event *timer;    /* of the time-out, then of the linger */
    bool has_exited;
    struct spawn_result result;
    spawn_done_fn *done;
    void *owner;
};

pid_t child_pid(const struct child *child)
{
    return child->process.pid;
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

static void child_free(struct child *child)
{
    free_event(child->exited);
    free_event(child->readable);
    free_event(child->timer);
    process_done(&child->process);
    free(child);
}

void child_destroy(struct child *child)
{
    int status;

    if (child == NULL)
        return;
    if (!child->has_exited) {
        process_kill(&child->process);
        (void)process_reap(&child->process, &status);
    }
    child_free(child);
}

static void finish(struct child *child)
{
    autofree char *output = output_take(&child->process.output);

    child->result.output = output;
    child->done(child->owner, &child->result);
    child_free(child);
}

static void start_timer(struct child *child, unsigned timeout_ms)
{
    const struct timeval after = {
        .tv_sec = (time_t)(timeout_ms / 1000),
        .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000),
    };

    (void)event_add(child->timer, &after);
}

static void settle_exit(struct child *child)
{
    int r = process_reap(&child->process, &child->result.status);

    if (child->result.failure == 0)
        child->result.failure = r;
    child->has_exited = true;
    (void)event_del(child->timer); /* the time-out may be about to be told */
    if (child->process.output.fd < 0)
        finish(child);
    else
        start_timer(child, LINGER_MS);
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    settle_exit(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;

    (void)fd;
    (void)what;
    if (!output_read(&child->process.output))
        return;
    (void)event_del(child->readable);
    output_close(&child->process.output);
    if (child->has_exited)
        finish(child);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;

    (void)fd;
    (void)what;
    if (child->has_exited) {
        finish(child);
        return;
    }
    child->result.failure = -ETIMEDOUT;
    process_kill(&child->process);
}

/* 0, or -ENOMEM when the loop takes no event. */
static int watch_child(struct child *child, struct event_base *loop)
{
    const struct process *process = &child->process;

    child->exited = event_new(loop, process->pidfd, EV_READ, on_exited, child);
    child->timer = evtimer_new(loop, on_timer, child);
    if (child->exited == NULL || child->timer == NULL || event_add(child->exited, NULL) < 0)
        return -ENOMEM;
    if (process->output.fd < 0)
        return 0;
    child->readable = event_new(loop, process->output.fd, EV_READ | EV_PERSIST, on_readable, child);
    return child->readable == NULL || event_add(child->readable, NULL) < 0 ? -ENOMEM : 0;
}

int spawn_start(struct event_base *loop, const struct spawn_request *request, spawn_done_fn *done,
                void *owner, struct child **ret_child, struct error *err)
{
    struct process process;
    struct child *child;
    int r = process_start(request, &process, err);

    if (r < 0)
        return r;
    child = mem_new(struct child);
    child->process = process;
    child->done = done;
    child->owner = owner;
    r = watch_child(child, loop);
    if (r < 0) {
        child_destroy(child);
        return error_set(err, r, "watch %s: the loop takes no event", request->argv[0]);
    }
    if (request->timeout_ms > 0)
        start_timer(child, request->timeout_ms);
    if (ret_child != NULL)
        *ret_child = child;
    return 0;
}
