/*
 * What is done to a run that exists: start, signals, pause. Each is asked of the runtime; when
 * that says no, the world decides whether what was wanted is so already (BEHAVIOUR KB-40).
 */
#include "worker/io/plans.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/process.h"
#include "worker/io/runtime.h"

#define CALL_MS 120000

bool plan_find_runtime(struct step *step)
{
    if (step->runtime == NULL)
        step->runtime = runtimes_owner_of(step->tools->runtimes, step->name);
    if (step->runtime != NULL && step->runtime_path == NULL)
        step->runtime_path = runtime_find_program(step->runtime);
    return step->runtime_path != NULL;
}

void plan_need_runtime(struct step *step)
{
    struct error err = { 0 };

    if (plan_find_runtime(step)) {
        step_next(step);
        return;
    }
    (void)error_set(&err, -ENOENT, "no OCI runtime of this host has the container");
    step_fail(step, FAILURE_NO_RUNTIME, &err);
}

typedef bool is_so_fn(const struct step *step);

/* What the runtime was asked for; what it says against it counts only when it is not so. A call
 * may have done all its work and be killed before it ends. */
static void decide(struct step *step, const struct runtime_answer *answer, is_so_fn *is_so)
{
    struct error err = { 0 };

    if (answer->code >= 0 || is_so(step)) {
        step_next(step);
        return;
    }
    (void)error_set(&err, answer->code, "%s", answer->text);
    step_fail(step, answer->failure, &err);
}

static void ask(struct step *step, const char *verb, runtime_done_fn *done)
{
    struct runtime_request request = {
        .path = step->runtime_path,
        .words = { verb, step->name },
        .timeout_ms = CALL_MS,
    };

    runtimes_call(step->tools->runtimes, &request, done, step);
}

/* Both runtimes remove the FIFO at which init waits when they let it go. */
static bool is_started(const struct step *step)
{
    const struct runtimes *runtimes = step->tools->runtimes;

    return runtimes_owner_of(runtimes, step->name) != NULL &&
           !runtimes_waits_for_start(runtimes, step->name);
}

static void on_started(void *owner, const struct runtime_answer *answer)
{
    decide(owner, answer, is_started);
}

/* It may have been done before, by a worker that could not say so any more. */
static void start_runtime(struct step *step)
{
    if (is_started(step))
        step_next(step);
    else
        ask(step, "start", on_started);
}

static step_stage_fn *const start_stages[] = { plan_need_runtime, start_runtime, NULL };
const struct step_plan plan_start_runtime = { .name = "start-runtime", .stages = start_stages };

bool plan_is_init_gone(const struct step *step)
{
    struct process init = PROCESS_NONE;
    bool is_gone =
        process_open(step->pid, step->pid_started, &init, NULL) < 0 || process_is_gone(&init);

    process_done(&init);
    return is_gone;
}

/* SP-1: with a PID namespace of its own the kernel ends all when init ends; without one the others
 * must be told themselves. */
static bool must_signal_all(const struct step *step)
{
    const char *pid = step->config == NULL ? NULL : step->config->pid;

    return step->may_signal_all && pid != NULL && strcmp(pid, "host") == 0 &&
           cgroups_can_freeze(step->tools->cgroups);
}

/* A frozen process on cgroup v1 takes its SIGKILL only when it thaws. */
static void thaw_killed(struct step *step)
{
    struct error err = { 0 };

    if (step->signal == SIGKILL && cgroups_thaw(step->tools->cgroups, step->id, &err) < 0)
        step_fail(step, FAILURE_INTERNAL, &err);
    else
        step_next(step);
}

static void on_signalled(void *owner, const struct runtime_answer *answer)
{
    decide(owner, answer, plan_is_init_gone);
}

static void signal_all(struct step *step)
{
    autofree char *number = mem_text("%u", step->signal);
    struct runtime_request request = {
        .words = { "kill", "--all", step->name, number },
        .timeout_ms = PLAN_KILL_MS,
    };

    if (!plan_find_runtime(step)) {
        plan_need_runtime(step);
        return;
    }
    request.path = step->runtime_path;
    runtimes_call(step->tools->runtimes, &request, on_signalled, step);
}

/* Straight to init by its pidfd: no other process can be hit, and no runtime has to be started. */
static void signal_init(struct step *step)
{
    struct process init = PROCESS_NONE;
    struct error err = { 0 };
    int r = process_open(step->pid, step->pid_started, &init, &err);

    if (r >= 0)
        r = process_signal(&init, (int)step->signal, &err);
    process_done(&init);
    if (r == -EINVAL)
        step_fail(step, FAILURE_INVALID_ARGUMENT, &err);
    else if (r < 0 && r != -ESRCH)
        step_fail(step, FAILURE_PERMISSION_DENIED, &err);
    else
        step_next(step);
}

static void send_signal(struct step *step)
{
    if (must_signal_all(step))
        signal_all(step);
    else
        signal_init(step);
}

static step_stage_fn *const signal_stages[] = { send_signal, thaw_killed, NULL };
const struct step_plan plan_signal = { .name = "signal", .stages = signal_stages };

static void need_freezer(struct step *step)
{
    struct error err = { 0 };

    if (cgroups_can_freeze(step->tools->cgroups)) {
        step_next(step);
        return;
    }
    (void)error_set(&err, -ENOTSUP, "this host has no control groups that can freeze");
    step_fail(step, FAILURE_NO_CGROUPS, &err);
}

static bool is_frozen(const struct step *step)
{
    return cgroups_is_frozen(step->tools->cgroups, step->id);
}

static bool is_thawed(const struct step *step)
{
    return !is_frozen(step);
}

static void on_paused(void *owner, const struct runtime_answer *answer)
{
    decide(owner, answer, is_frozen);
}

static void on_unpaused(void *owner, const struct runtime_answer *answer)
{
    decide(owner, answer, is_thawed);
}

static void pause_runtime(struct step *step)
{
    if (is_frozen(step))
        step_next(step);
    else
        ask(step, "pause", on_paused);
}

static void unpause_runtime(struct step *step)
{
    if (is_thawed(step))
        step_next(step);
    else
        ask(step, "resume", on_unpaused);
}

static step_stage_fn *const pause_stages[] = {
    need_freezer,
    plan_need_runtime,
    pause_runtime,
    NULL,
};
static step_stage_fn *const unpause_stages[] = {
    need_freezer,
    plan_need_runtime,
    unpause_runtime,
    NULL,
};
const struct step_plan plan_pause = { .name = "pause", .stages = pause_stages };
const struct step_plan plan_unpause = { .name = "unpause", .stages = unpause_stages };
