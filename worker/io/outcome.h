/*
 * What came of a step, in the words of the command's outcome: a code for the program, a failure
 * for the wire and a sentence for the operator.
 */
#ifndef GANTRY_WORKER_IO_OUTCOME_H
#define GANTRY_WORKER_IO_OUTCOME_H

#include "common/error.h"
#include "schemas/failure.h"

struct outcome {
    int code; /* 0 or negative errno */
    enum failure failure;
    char text[ERROR_TEXT_MAX];
};

/* Record a failure from what `err` says. Returns its code. */
int outcome_fail(struct outcome *outcome, enum failure failure, const struct error *err);

/* Record a failure of the machine's: FAILURE_DISK when no space is left or the disk fails, else
 * FAILURE_INTERNAL. Returns its code. */
int outcome_fail_system(struct outcome *outcome, const struct error *err);

#endif
