/* What was said to update; see the header. */
#include "ops/console/update_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "ops/console/expires_args.h"
#include "ops/console/restart_args.h"

#define CPU_PERIOD_US 100000
#define NO_LIMIT      (-1)

#define UPDATE(...) ARG(struct update_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    UPDATE(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    EXPIRES_ROW(struct update_options),
    UPDATE(memory, ARG_TEXT, 'm', "memory", "SIZE", "Memory limit: 64m, 1g; -1: no limit"),
    UPDATE(memory_swap, ARG_TEXT, 0, "memory-swap", "SIZE", "Memory plus swap; -1: no limit"),
    UPDATE(cpus, ARG_TEXT, 0, "cpus", "NUMBER", "CPU time, in CPUs: 1.5; 0: no limit"),
    UPDATE(cpu_shares, ARG_NUMBER, 'c', "cpu-shares", "NUMBER", "Relative weight of CPU time"),
    UPDATE(cpu_quota_us, ARG_NUMBER, 0, "cpu-quota", "US", "CPU time in a period; -1: no limit"),
    UPDATE(cpu_period_us, ARG_NUMBER, 0, "cpu-period", "US", "The period; 0: 100000"),
    UPDATE(pids_limit, ARG_NUMBER, 0, "pids-limit", "NUMBER", "Most processes; -1: no limit"),
    UPDATE(restart, ARG_TEXT, 0, "restart", "POLICY", "no, on-failure[:MAX], always or unless-stopped"),
};
/* clang-format on */

const struct args_table update_options_table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct update_options, operands),
};

static int take_bytes(const char *text, const char *option, struct maybe_i64 *ret,
                      struct error *err)
{
    uint64_t bytes = 0;
    int r;

    if (text == NULL)
        return 0;
    *ret = (struct maybe_i64){ .is_set = true, .value = NO_LIMIT };
    if (strcmp(text, "-1") == 0)
        return 0;
    r = quantity_parse_bytes(text, &bytes, err);
    if (r == 0 && bytes > INT64_MAX)
        r = error_set(err, -ERANGE, "%s is too much", text);
    if (r < 0)
        return error_add_context(err, r, "--%s", option);
    ret->value = (int64_t)bytes;
    return 0;
}

static int take_cpus(const struct update_options *options, struct container_update *ret,
                     struct error *err)
{
    char *end = NULL;
    double cpus;
    double quota;

    if (options->cpus == NULL)
        return 0;
    if (options->cpu_quota_us.is_set || options->cpu_period_us.is_set)
        return error_set(err, -EINVAL, "--cpus excludes --cpu-quota and --cpu-period");
    cpus = strtod(options->cpus, &end);
    quota = cpus * CPU_PERIOD_US + 0.5;
    if (end == options->cpus || *end != '\0' || !(cpus == 0 || quota >= 1000) || quota >= 1e12)
        return error_set(err, -EINVAL, "--cpus %s: give a number of CPUs, from 0.01, or 0",
                         options->cpus);
    ret->cpu_period_us = (struct maybe_i64){ .is_set = true, .value = CPU_PERIOD_US };
    ret->cpu_quota_us =
        (struct maybe_i64){ .is_set = true, .value = cpus == 0 ? NO_LIMIT : (int64_t)quota };
    return 0;
}

static int take_restart(const struct update_options *options, struct arena *arena,
                        struct container_update *ret, struct error *err)
{
    uint32_t retries = 0;
    int r = restart_args_take(options->restart, arena, &ret->restart_policy, &retries, err);

    ret->restart_retries = (struct maybe_u32){ .is_set = retries != 0, .value = retries };
    return r;
}

int update_from_args(const struct update_options *options, struct arena *arena,
                     struct container_update *ret, struct error *err)
{
    struct container_update update = {
        .cpu_shares = options->cpu_shares,
        .cpu_quota_us = options->cpu_quota_us,
        .cpu_period_us = options->cpu_period_us,
        .pids_limit = options->pids_limit,
    };
    int r = take_bytes(options->memory, "memory", &update.memory_bytes, err);

    if (update.pids_limit.is_set &&
        update.pids_limit.value == 0) /* podman: 0 and -1 are no limit */
        update.pids_limit.value = NO_LIMIT;
    if (r == 0)
        r = take_bytes(options->memory_swap, "memory-swap", &update.memory_swap_bytes, err);
    if (r == 0)
        r = take_cpus(options, &update, err);
    if (r == 0)
        r = take_restart(options, arena, &update, err);
    if (r < 0)
        return r;
    *ret = update;
    return 0;
}
