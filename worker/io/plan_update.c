/*
 * The limits of a run that exists, changed by its runtime. Said twice they are the same limits.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/limits.h"
#include "worker/io/plans.h"
#include "worker/io/runtime.h"

#define UPDATE_MS 60000

static char *limits_path(const struct step *step)
{
    autofree char *directory = layout_volatile(&step->tools->layout, step->id);

    return mem_text("%s/limits.json", directory);
}

/* On a pool thread. */
static void write_limits_work(struct step *step)
{
    autofree char *path = limits_path(step);
    autofree char *text = NULL;
    struct error err = { 0 };
    int r = limits_write(step->config, step->runtime, &text, &err);

    if (r >= 0)
        r = files_replace(AT_FDCWD, path, bytes_of_text(text), 0600, 0, &err);
    if (r < 0)
        (void)outcome_fail(&step->stage, FAILURE_INTERNAL, &err);
}

static void write_limits(struct step *step)
{
    step_job(step, write_limits_work);
}

/* Of a run that has ended meanwhile nothing is left to limit: the next one has the new limits. */
static void on_updated(void *owner, const struct runtime_answer *answer)
{
    struct step *step = owner;
    struct error err = { 0 };

    if (answer->code >= 0 || plan_is_init_gone(step)) {
        step_next(step);
        return;
    }
    (void)error_set(&err, answer->code, "%s", answer->text);
    step_fail(step, answer->failure, &err);
}

static void update_runtime(struct step *step)
{
    autofree char *path = limits_path(step);
    struct runtime_request request = {
        .path = step->runtime_path,
        .words = { "update", "--resources", path, step->name },
        .timeout_ms = UPDATE_MS,
    };

    runtimes_call(step->tools->runtimes, &request, on_updated, step);
}

static step_stage_fn *const stages[] = {
    plan_need_runtime,
    write_limits,
    update_runtime,
    NULL,
};
const struct step_plan plan_update_limits = { .name = "update-limits", .stages = stages };
