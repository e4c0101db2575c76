/* What was said to update, made into the body of the command. */
#ifndef GANTRY_OPS_CONSOLE_UPDATE_ARGS_H
#define GANTRY_OPS_CONSOLE_UPDATE_ARGS_H

#include "ops/console/args.h"
#include "schemas/commands.h"

struct update_options {
    const char *host;
    const char *expires;
    struct text_list operands;
    const char *memory;
    const char *memory_swap;
    const char *cpus;
    struct maybe_i64 cpu_shares;
    struct maybe_i64 cpu_quota_us;
    struct maybe_i64 cpu_period_us;
    struct maybe_i64 pids_limit;
    const char *restart;
};

extern const struct args_table update_options_table;

/* Texts are in `arena`. -EINVAL names the option that makes no sense. */
int update_from_args(const struct update_options *options, struct arena *arena,
                     struct container_update *ret, struct error *err);

#endif
