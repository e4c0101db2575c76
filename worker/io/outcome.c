/* What came of a step; see the header. */
#include "worker/io/outcome.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

int outcome_fail(struct outcome *outcome, enum failure failure, const struct error *err)
{
    assert(err->code < 0 && failure != FAILURE_NONE);
    outcome->code = err->code;
    outcome->failure = failure;
    (void)snprintf(outcome->text, sizeof(outcome->text), "%s", err->text);
    return err->code;
}

int outcome_fail_system(struct outcome *outcome, const struct error *err)
{
    int code = err->code;
    bool is_disk = code == -ENOSPC || code == -EDQUOT || code == -EROFS || code == -EIO;

    return outcome_fail(outcome, is_disk ? FAILURE_DISK : FAILURE_INTERNAL, err);
}
