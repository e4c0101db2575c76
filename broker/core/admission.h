/*
 * Whether a command enters the log. Pure: it reads the view (with what the same batch has folded
 * already) and answers; the caller appends what follows from the answer.
 *
 *     accept     append the command; its fold reserves what it needs (a name, an id)
 *     duplicate  answer with `pos` and, when the first answer was a refusal, with `refusal`
 *     refuse     answer with `refusal`; when `is_recorded`, first append to "sys" an event
 *                command.refused {code, text} with host, container and actor of the command and
 *                cause = its id, so that the same question gets the same answer again
 *
 * Whether a container's state allows a command now is not asked here: it may change until the
 * command begins, and the worker decides then. So it is with images and volumes.
 */
#ifndef GANTRY_BROKER_CORE_ADMISSION_H
#define GANTRY_BROKER_CORE_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/core/roles.h"
#include "common/fleet/fleet.h"
#include "common/fleet/refusal.h"
#include "schemas/record.h"

/* Commands that wait for one host's worker at most; further ones are told FAILURE_BUSY. */
#define ADMISSION_PENDING_MAX 10000

enum admission_result {
    ADMISSION_ACCEPT = 1,
    ADMISSION_DUPLICATE,
    ADMISSION_REFUSE,
};

struct admission_context {
    uint64_t now_ns;    /* since 1970 */
    enum role role;     /* of the peer that submits */
    bool is_recovering; /* hosts that the log does not know may come and tell of what they did */
};

struct admission {
    enum admission_result result;
    uint64_t pos;           /* of a duplicate: the first answer's record; 0 otherwise */
    struct refusal refusal; /* FAILURE_NONE when accepted, or a duplicate of what was */
    bool is_recorded;       /* of a refusal: the log is to hold it */
};

/* `command` is as its author sent it: what the broker adds to a record is not looked at. Errors
 * are the view's only; a command that makes no sense is a refusal. */
int admission_check(const struct view *view, const struct record *command,
                    const struct admission_context *context, struct admission *ret,
                    struct error *err);

#endif
