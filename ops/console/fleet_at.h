/* The fleet as it is, asked of the broker; or as it was at a moment, folded from the log. */
#ifndef GANTRY_OPS_CONSOLE_FLEET_AT_H
#define GANTRY_OPS_CONSOLE_FLEET_AT_H

#include "ops/console/fleet_rows.h"
#include "ops/console/moment.h"

struct fleet_at {
    struct container_rows containers;
    struct host_rows hosts;
    uint64_t now_ns; /* since 1970: what "5 minutes ago" is to be reckoned from */
};

/* The row of `--at`, for a verb's table of options. */
#define FLEET_AT_ARG(owner)                         \
    ARG(owner, at, ARG_TEXT, 0, "at", MOMENT_VALUE, \
        "As it was then: a time, 5m (ago), or a position of the log (pos:123)")

/* `at` as moment.h has it, NULL: now. Of one host, or of all when `host` is NULL. The rows are in
 * the console's arena, in order of their keys. */
int fleet_at(struct console *console, const char *at, const char *host, struct fleet_at *ret,
             struct error *err);

/* Of a fleet then one container, by its whole id, and maybe others: the work does not grow with the
 * fleet. */
int fleet_at_of(struct console *console, const char *at, const char *id, struct fleet_at *ret,
                struct error *err);

#endif
