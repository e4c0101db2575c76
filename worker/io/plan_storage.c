/* Steps about images and root filesystems. */
#include "worker/io/plans.h"

#include <errno.h>

static void fail_unsupported(struct step *step)
{
    struct error err = { 0 };

    (void)error_set(&err, -EOPNOTSUPP, "this worker cannot do it yet");
    step_fail(step, FAILURE_UNSUPPORTED, &err);
}

static step_stage_fn *const unsupported_stages[] = { fail_unsupported, NULL };

const struct step_plan plan_pull_image = { .name = "pull-image", .stages = unsupported_stages };
const struct step_plan plan_commit = { .name = "commit", .stages = unsupported_stages };
const struct step_plan plan_copy = { .name = "copy", .stages = unsupported_stages };
const struct step_plan plan_mount = { .name = "mount", .stages = unsupported_stages };
const struct step_plan plan_unmount = { .name = "unmount", .stages = unsupported_stages };
