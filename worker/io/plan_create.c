/*
 * Making a run: directories, config.json, conmon and the runtime's create; and what a worker does
 * that finds an init half done.
 */
#include "worker/io/plans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/io/bundle.h"
#include "worker/io/cgroups.h"
#include "worker/io/conmon.h"
#include "worker/io/exits.h"
#include "worker/io/probe.h"
#include "worker/io/runtime.h"
#include "worker/io/runtime_text.h"
#include "worker/io/watch.h"

static struct bundle_request bundle_request_of(const struct step *step)
{
    return (struct bundle_request){
        .layout = &step->tools->layout,
        .id = step->id,
        .run = step->run,
        .created = step->created,
        .config = step->config,
        .has_cgroup_namespace = cgroups_is_v2(step->tools->cgroups),
        .lacks_pids_controller = !cgroups_can_limit_pids(step->tools->cgroups),
        .images = step->tools->images,
        .volumes = step->volumes,
        .volume_count = step->volume_count,
    };
}

static void work_make_directories(struct step *step)
{
    struct bundle_request request = bundle_request_of(step);

    (void)bundle_make(&request, &step->stage);
}

static void make_directories(struct step *step)
{
    step_job(step, work_make_directories);
}

static step_stage_fn *const make_directories_stages[] = { make_directories, NULL };
const struct step_plan plan_make_directories = {
    .name = "make-directories",
    .stages = make_directories_stages,
};

static void fail_runtime(struct step *step, const char *name, const char *reason)
{
    struct error err = { 0 };

    (void)error_set(&err, -ENOENT, "OCI runtime %s: %s", name, reason);
    step_fail(step, FAILURE_NO_RUNTIME, &err);
}

/* "none works on this host: crun: ..., runc: ..." */
static void fail_all(struct step *step, const struct host_facts *facts)
{
    const struct runtime_fact *runtimes = facts->runtimes.items;
    autofree char *why = mem_dup_text("none works on this host");

    for (size_t i = 0; i < facts->runtimes.count; i++) {
        char *longer = mem_text("%s%s %s: %s", why, i == 0 ? ":" : ",", runtimes[i].name,
                                runtimes[i].reason == NULL ? "no reason" : runtimes[i].reason);

        free(why);
        why = longer;
    }
    fail_runtime(step, "crun or runc", why);
}

/* The first that works is the preferred one. */
static void choose_by_facts(struct step *step, const struct host_facts *facts)
{
    const struct runtime_fact *runtimes = facts->runtimes.items;
    const char *wanted = step->runtime;

    for (size_t i = 0; i < facts->runtimes.count; i++) {
        bool is_wanted = wanted == NULL ? runtimes[i].works : strcmp(wanted, runtimes[i].name) == 0;

        if (!is_wanted)
            continue;
        if (!runtimes[i].works) {
            fail_runtime(step, wanted, runtimes[i].reason);
            return;
        }
        step->runtime = arena_text(&step->arena, runtimes[i].name);
        step->runtime_path = mem_dup_text(runtimes[i].path);
        step_next(step);
        return;
    }
    if (wanted == NULL)
        fail_all(step, facts);
    else
        fail_runtime(step, wanted, "unknown");
}

static void on_probed(void *owner, const struct host_facts *facts)
{
    struct step *step = owner;

    step->is_waiting_probe = false;
    choose_by_facts(step, facts);
}

/* Nobody has asked yet which runtimes work: then this step does. */
static void choose_runtime(struct step *step)
{
    const struct host_facts *facts = probe_facts(step->tools->probe);

    if (step->runtime == NULL)
        step->runtime = step->config->runtime;
    if (facts != NULL) {
        choose_by_facts(step, facts);
        return;
    }
    step->is_waiting_probe = true;
    probe_run(step->tools->probe, on_probed, step);
}

static void work_kill_makers(struct step *step)
{
    autofree char *directory = layout_volatile(&step->tools->layout, step->id);
    autofree char *pidfile = mem_text("%s/pidfile", directory);
    struct error err = { 0 };

    if (process_kill_makers(step->name, pidfile, PLAN_KILL_MS, &err) < 0)
        (void)outcome_fail_system(&step->stage, &err);
}

/* They first: as long as they live they may be making what we are about to delete, or write the
 * exit file of what we have killed. */
static void undo_makers(struct step *step)
{
    step_job(step, work_kill_makers);
}

/* By the runtime that has it, which need not be the one that was chosen. */
static void undo_runtime(struct step *step)
{
    const char *owner = runtimes_owner_of(step->tools->runtimes, step->name);
    autofree char *path = owner == NULL ? NULL : runtime_find_program(owner);

    if (path == NULL)
        step_next(step);
    else
        step_call_runtime(step, path, PLAN_WORDS("delete", "--force", step->name));
}

/* Left by a try that was cut off: the runtime would say that the container exists. */
static void end_leftover(struct step *step)
{
    if (runtimes_has_state(step->tools->runtimes, step->name))
        undo_makers(step);
    else
        step_next(step);
}

static void work_prepare(struct step *step)
{
    struct bundle_request request = bundle_request_of(step);

    (void)bundle_prepare(&request, &step->stage);
}

static void prepare(struct step *step)
{
    step_job(step, work_prepare);
}

/* Its own fate is told by the watch: the exit file, or its being lost. */
static void keep_run(struct step *step, struct conmon_result *result)
{
    step->init = (struct container_initialized){
        .pid = result->init_pid,
        .pid_started = result->init.started,
        .conmon_pid = result->conmon_pid,
        .conmon_started = result->conmon.started,
        .runtime = arena_text(&step->arena, step->runtime),
    };
    run_watches_add(step->tools->watches, step->id, step->run, &result->conmon, &result->init);
}

static void on_launched(void *owner, struct conmon_result *result)
{
    struct step *step = owner;
    struct error err = { 0 };

    step->launch = NULL;
    if (result->code < 0) {
        (void)error_set(&err, result->code, "%s", result->text);
        step_fail(step, result->failure, &err);
        return;
    }
    keep_run(step, result);
    step_next(step);
}

static void launch(struct step *step)
{
    struct tools *tools = step->tools;
    struct conmon_place place = {
        .loop = tools->loop,
        .gate = runtimes_gate(tools->runtimes),
        .cgroups = tools->cgroups,
    };
    autofree char *program = runtime_find_program("conmon");
    autofree char *runtime_root = layout_runtime_root(&tools->layout);
    autofree char *bundle = layout_bundle(&tools->layout, step->id);
    autofree char *volatile_directory = layout_volatile(&tools->layout, step->id);
    autofree char *exits = layout_exits(&tools->layout);
    autofree char *persist = layout_persist(&tools->layout, step->id, step->run);
    struct conmon_request request = {
        .program = program,
        .runtime = step->runtime_path,
        .runtime_root = runtime_root,
        .run_name = step->name,
        .name = step->config->name,
        .bundle = bundle,
        .volatile_directory = volatile_directory,
        .exits = exits,
        .persist = persist,
        .has_terminal = step->config->terminal,
    };

    if (program == NULL)
        fail_runtime(step, "conmon", "no such program on this host");
    else
        conmon_launch(&place, &request, on_launched, step, &step->launch);
}

static void work_undo_files(struct step *step)
{
    const struct layout *layout = &step->tools->layout;
    struct error err = { 0 };

    if (cgroups_clear(step->tools->cgroups, step->id, PLAN_KILL_MS, &err) < 0)
        (void)outcome_fail_system(&step->stage, &err);
    (void)bundle_forget_run(layout, step->id, step->run, &step->stage);
    (void)bundle_clear(layout, step->id, step->run, step->config, &step->stage);
}

static void undo_files(struct step *step)
{
    exits_forget(step->tools->exits, step->id, step->run);
    step_job(step, work_undo_files);
}

static step_stage_fn *const undo_create_stages[] = { undo_makers, undo_runtime, undo_files, NULL };

static step_stage_fn *const create_stages[] = {
    choose_runtime, end_leftover, undo_runtime, prepare, launch, NULL,
};
const struct step_plan plan_create_runtime = {
    .name = "create-runtime",
    .stages = create_stages,
    .undo = undo_create_stages,
};

static void fail_half_done(struct step *step)
{
    struct error err = { 0 };

    (void)error_set(&err, -EINTR, "the worker was stopped in the middle of the init");
    step_fail(step, FAILURE_INTERNAL, &err);
}

/* The runtime's own word; it is asked only when everything else looks well. */
static void on_state(void *owner, const struct runtime_answer *answer)
{
    struct step *step = owner;
    autofree char *status = answer->code < 0 ? NULL : runtime_text_status(answer->output);

    if (status != NULL && strcmp(status, "created") == 0)
        step_next(step);
    else
        fail_half_done(step);
}

static void ask_state(struct step *step)
{
    struct runtime_request request = {
        .words = { "state", step->name },
        .timeout_ms = PLAN_KILL_MS,
    };

    if (!plan_find_runtime(step)) {
        fail_half_done(step);
        return;
    }
    request.path = step->runtime_path;
    runtimes_call(step->tools->runtimes, &request, on_state, step);
}

/* conmon is found by its command line, init by the file that the runtime writes at the end of its
 * create; only one that is conmon's child is init. */
static int find_run(const struct step *step, struct conmon_result *ret, struct error *err)
{
    autofree char *directory = layout_volatile(&step->tools->layout, step->id);
    autofree char *pidfile = mem_text("%s/pidfile", directory);
    int r = process_find_conmon(step->name, &ret->conmon, err);

    ret->conmon_pid = ret->conmon.pid;
    if (r >= 0)
        r = process_read_pid(pidfile, &ret->init_pid, err);
    if (r >= 0)
        r = process_open_child(ret->init_pid, ret->conmon_pid, &ret->init, err);
    return r;
}

static void take_over(struct step *step)
{
    struct conmon_result found = { .conmon = PROCESS_NONE, .init = PROCESS_NONE };

    if (find_run(step, &found, NULL) < 0) {
        fail_half_done(step);
    } else {
        keep_run(step, &found);
        step_next(step);
    }
    process_done(&found.conmon);
    process_done(&found.init);
}

static step_stage_fn *const resolve_stages[] = { ask_state, take_over, NULL };
const struct step_plan plan_resolve_create = {
    .name = "resolve-create",
    .stages = resolve_stages,
    .undo = undo_create_stages,
};
