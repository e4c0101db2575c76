/* --expires of every verb that says commands: when they are not to be begun any more. Pure. */
#ifndef GANTRY_OPS_CONSOLE_EXPIRES_ARGS_H
#define GANTRY_OPS_CONSOLE_EXPIRES_ARGS_H

#include <stdint.h>

#include "common/error.h"
#include "ops/console/args.h"

/* The row of a verb whose options have a member `const char *expires`. */
#define EXPIRES_ROW(owner)                                  \
    ARG(owner, expires, ARG_TEXT, 0, "expires", "DURATION", \
        "Not to be begun later than this: 30s, 5m, 1h")

/* The deadline, ns since 1970, of what is said at `now_ns`; 0, none, for a `text` of NULL. -EINVAL
 * or -ERANGE for what is no duration, or too long a one. */
int expires_args_take(const char *text, uint64_t now_ns, uint64_t *ret, struct error *err);

#endif
