/*
 * The end of a run and of a container: delete it in the runtime, end what is left of it, clear its
 * files away. Everything is tried; what is gone already is fine.
 */
#include "worker/io/plans.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/io/bundle.h"
#include "worker/io/cgroups.h"
#include "worker/io/exits.h"
#include "worker/io/process.h"
#include "worker/io/runtime.h"
#include "worker/io/watch.h"

/* After init's death conmon writes the log and the exit file; one that hangs is killed then. */
#define CONMON_END_MS 30000

static void delete_runtime(struct step *step)
{
    const struct runtimes *runtimes = step->tools->runtimes;

    if (runtimes_owner_of(runtimes, step->name) == NULL)
        step_next(step);
    else if (!plan_find_runtime(step))
        plan_need_runtime(step);
    else
        step_call_runtime(step, step->runtime_path, PLAN_WORDS("delete", "--force", step->name));
}

/* Without a PID namespace, children outlive init (BEHAVIOUR KB-43); they are in the group. */
static void work_kill_rest(struct step *step)
{
    struct process init = PROCESS_NONE;
    struct error err = { 0 };
    int r = 0;

    (void)cgroups_thaw(step->tools->cgroups, step->id, NULL); /* what is frozen does not die */
    if (step->pid != 0 && step->pid_started != 0 &&
        process_open(step->pid, step->pid_started, &init, NULL) >= 0)
        r = process_kill(&init, PLAN_KILL_MS, &err);
    process_done(&init);
    if (r >= 0)
        r = cgroups_clear(step->tools->cgroups, step->id, PLAN_KILL_MS, &err);
    if (r < 0)
        (void)outcome_fail_system(&step->stage, &err);
}

static void kill_rest(struct step *step)
{
    step_job(step, work_kill_rest);
}

static void on_conmon_ended(void *owner)
{
    step_next(owner);
}

/* Its exit file shall be there before anybody forgets it. */
static void await_conmon(struct step *step)
{
    if (!run_watches_wait(step->tools->watches, step->id, step->run, CONMON_END_MS, on_conmon_ended,
                          step))
        step_next(step);
}

/* conmon of a run that nobody watches, because its worker did not live to see it. */
static void work_clear_files(struct step *step)
{
    const struct layout *layout = &step->tools->layout;
    autofree char *directory = layout_volatile(layout, step->id);
    autofree char *pid_path = mem_text("%s/conmon.pid", directory);
    struct process conmon = PROCESS_NONE;
    struct error err = { 0 };
    int r = 0;

    if (process_open_conmon(pid_path, step->name, &conmon, NULL) >= 0)
        r = process_kill(&conmon, PLAN_KILL_MS, &err);
    process_done(&conmon);
    if (r < 0)
        (void)outcome_fail_system(&step->stage, &err);
    else
        (void)bundle_clear(layout, step->id, step->run, step->config, &step->stage);
}

static void clear_files(struct step *step)
{
    step_job(step, work_clear_files);
}

static step_stage_fn *const delete_stages[] = {
    delete_runtime, kill_rest, await_conmon, clear_files, NULL,
};
const struct step_plan plan_delete_runtime = { .name = "delete-runtime", .stages = delete_stages };

static void work_remove(struct step *step)
{
    (void)bundle_remove(&step->tools->layout, step->id, &step->doomed_volumes, &step->stage);
}

static void remove_directories(struct step *step)
{
    exits_forget_all(step->tools->exits, step->id);
    step_job(step, work_remove);
}

static step_stage_fn *const remove_stages[] = { remove_directories, NULL };
const struct step_plan plan_remove_directories = {
    .name = "remove-directories",
    .stages = remove_stages,
};
