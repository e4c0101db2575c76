/* Copying an upload into a container. */
#include "worker/io/plans.h"

#include <errno.h>

static void fail_unsupported(struct step *step)
{
    struct error err = { 0 };

    (void)error_set(&err, -EOPNOTSUPP, "this worker cannot do it yet");
    step_fail(step, FAILURE_UNSUPPORTED, &err);
}

static step_stage_fn *const copy_stages[] = { fail_unsupported, NULL };

const struct step_plan plan_copy = { .name = "copy", .stages = copy_stages };
