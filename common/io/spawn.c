/* Children; see the header. */
#include "common/io/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/bytes.h"
#include "common/io/clock.h"
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

/* What posix_spawn is given; the descriptors live as long as it takes. */
struct plan {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int *copies; /* of `ours`, above every number of `theirs` */
    size_t copy_count;
    int highest; /* of `theirs` */
};

static bool is_asked_for(const struct spawn_request *request, int theirs)
{
    for (size_t i = 0; i < request->fd_count; i++) {
        if (request->fds[i].theirs == theirs)
            return true;
    }
    return false;
}

static int highest_asked_for(const struct spawn_request *request)
{
    int highest = STDERR_FILENO;

    for (size_t i = 0; i < request->fd_count; i++) {
        assert(request->fds[i].theirs >= 0 && request->fds[i].theirs <= SPAWN_FD_MAX);
        if (request->fds[i].theirs > highest)
            highest = request->fds[i].theirs;
    }
    return highest;
}

/* Through a copy above all of theirs: no dup2 in the child can overwrite what another one needs,
 * and none is from a number to itself, which would leave it close-on-exec. */
static int plan_fd(struct plan *plan, int ours, int theirs)
{
    int copy = fcntl(ours, F_DUPFD_CLOEXEC, plan->highest + 1);

    if (copy < 0)
        return -errno;
    plan->copies[plan->copy_count++] = copy;
    return -posix_spawn_file_actions_adddup2(&plan->actions, copy, theirs);
}

/* A number below the highest that nobody asked for: our output pipe, /dev/null, or closed. */
static int plan_rest(struct plan *plan, int number, int output_fd)
{
    if (number > STDERR_FILENO)
        return -posix_spawn_file_actions_addclose(&plan->actions, number);
    if (number != STDIN_FILENO && output_fd >= 0)
        return plan_fd(plan, output_fd, number);
    return -posix_spawn_file_actions_addopen(&plan->actions, number, "/dev/null",
                                             number == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
}

static int plan_fds(struct plan *plan, const struct spawn_request *request, int output_fd)
{
    int r = 0;

    for (size_t i = 0; i < request->fd_count && r == 0; i++)
        r = plan_fd(plan, request->fds[i].ours, request->fds[i].theirs);
    for (int number = 0; number <= plan->highest && r == 0; number++) {
        if (!is_asked_for(request, number))
            r = plan_rest(plan, number, output_fd);
    }
    return r < 0 ? r : -posix_spawn_file_actions_addclosefrom_np(&plan->actions, plan->highest + 1);
}

static void plan_signals(struct plan *plan, bool is_new_session)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none;
    sigset_t all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&plan->attributes, &none);
    (void)posix_spawnattr_setsigdefault(&plan->attributes, &all);
    if (is_new_session)
        flags |= POSIX_SPAWN_SETSID;
    (void)posix_spawnattr_setflags(&plan->attributes, flags);
}

static void plan_init(struct plan *plan, const struct spawn_request *request)
{
    *plan = (struct plan){ .highest = highest_asked_for(request) };
    /* Two more than asked for: the output pipe as 1 and as 2. */
    plan->copies = mem_zeroed((request->fd_count + 2) * sizeof(*plan->copies));
    (void)posix_spawn_file_actions_init(&plan->actions);
    (void)posix_spawnattr_init(&plan->attributes);
}

static void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->copy_count; i++)
        (void)close(plan->copies[i]);
    free(plan->copies);
    (void)posix_spawnattr_destroy(&plan->attributes);
    (void)posix_spawn_file_actions_destroy(&plan->actions);
}

/* posix_spawn's strings are not const by history; it does not write to them. */
static char *const *as_strings(const char *const *texts)
{
    return (char *const *)(uintptr_t)texts;
}

static int start_process(const struct spawn_request *request, int output_fd, pid_t *ret_pid,
                         struct error *err)
{
    struct plan plan;
    int r;

    plan_init(&plan, request);
    plan_signals(&plan, request->new_session);
    r = plan_fds(&plan, request, output_fd);
    if (r == 0 && request->directory != NULL)
        r = -posix_spawn_file_actions_addchdir_np(&plan.actions, request->directory);
    if (r == 0)
        r = -posix_spawnp(ret_pid, request->argv[0], &plan.actions, &plan.attributes,
                          as_strings(request->argv),
                          request->env != NULL ? as_strings(request->env) : environ);
    plan_done(&plan);
    return r == 0 ? 0 : error_set(err, r, "start %s: %s", request->argv[0], strerrordesc_np(-r));
}

int spawn_detached(const struct spawn_request *request, pid_t *ret_pid, struct error *err)
{
    assert(request->output_max == 0 && request->timeout_ms == 0);
    return start_process(request, -1, ret_pid, err);
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
    r = start_process(request, write_fd, &ret->pid, err);
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

/* Until it has ended and its output too. */
static int process_wait(struct process *process, unsigned timeout_ms, int *ret_status)
{
    uint64_t deadline_ms = deadline_after(timeout_ms);
    struct output *output = &process->output;
    bool has_ended = false;
    int failure = 0;

    while (!has_ended || output->fd >= 0) {
        int wait_ms = milliseconds_until(deadline_ms);
        struct pollfd polled[] = {
            { .fd = has_ended ? -1 : process->pidfd, .events = POLLIN },
            { .fd = output->fd, .events = POLLIN },
        };

        if (wait_ms == 0 && has_ended)
            break;
        if (wait_ms == 0) {
            process_kill(process);
            failure = -ETIMEDOUT;
            deadline_ms = UINT64_MAX;
            continue;
        }
        if (poll(polled, 2, wait_ms) <= 0)
            continue;
        if (polled[1].revents != 0 && output_read(output))
            output_close(output);
        if (polled[0].revents != 0) {
            int r = process_reap(process, ret_status);

            failure = failure < 0 ? failure : r;
            has_ended = true;
            deadline_ms = deadline_after(LINGER_MS);
        }
    }
    return failure;
}

int spawn_wait(const struct spawn_request *request, int *ret_status, char **ret_output,
               struct error *err)
{
    struct process process;
    int status = 0;
    int r = process_start(request, &process, err);

    if (r < 0)
        return r;
    r = process_wait(&process, request->timeout_ms, &status);
    if (r == 0 && ret_status != NULL)
        *ret_status = status;
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
