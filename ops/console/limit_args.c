/* What a container may use; see the header. */
#include "ops/console/limit_args.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"

#define CPU_PERIOD_US 100000

static int parse_limit(const char *text, uint64_t *ret)
{
    char *end = NULL;

    if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
        *ret = UINT64_MAX;
        return 0;
    }
    if (!isdigit((unsigned char)*text))
        return -EINVAL;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return errno != 0 || *end != '\0' ? -EINVAL : 0;
}

static int take_ulimit(const char *word, struct arena *arena, struct ulimit_config *ret,
                       struct error *err)
{
    char *soft = arena_text(arena, word);
    char *name = strsep(&soft, "=");
    char *hard = soft;
    const char *first = hard != NULL ? strsep(&hard, ":") : NULL;

    if (first == NULL || *name == '\0' || parse_limit(first, &ret->soft) < 0 ||
        parse_limit(hard != NULL ? hard : first, &ret->hard) < 0)
        return error_set(err, -EINVAL, "--ulimit %s: give NAME=SOFT[:HARD]", word);
    if (ret->soft > ret->hard)
        return error_set(err, -EINVAL, "--ulimit %s: the soft limit is above the hard limit", word);
    ret->name = name;
    return 0;
}

static int take_ulimits(const struct run_options *options, struct arena *arena,
                        struct container_config *config, struct error *err)
{
    struct ulimit_config *ulimits =
        arena_zeroed(arena, options->ulimits.count * sizeof(struct ulimit_config));

    for (size_t i = 0; i < options->ulimits.count; i++) {
        int r = take_ulimit(options->ulimits.items[i], arena, &ulimits[i], err);

        if (r < 0)
            return r;
    }
    config->ulimits.items = ulimits;
    config->ulimits.count = options->ulimits.count;
    return 0;
}

static int take_bytes(const char *text, const char *option, uint64_t *ret, struct error *err)
{
    int r = text != NULL ? quantity_parse_bytes(text, ret, err) : 0;

    return r < 0 ? error_add_context(err, r, "--%s", option) : 0;
}

static int take_memory(const struct run_options *options, struct container_config *config,
                       struct error *err)
{
    int r = take_bytes(options->memory, "memory", &config->memory_bytes, err);

    if (r == 0)
        r = take_bytes(options->shm_size, "shm-size", &config->shm_bytes, err);
    if (r < 0 || options->memory_swap == NULL)
        return r;
    if (config->memory_bytes == 0)
        return error_set(err, -EINVAL, "--memory-swap needs --memory");
    if (strcmp(options->memory_swap, "-1") == 0) {
        config->memory_swap_bytes = UINT64_MAX;
        return 0;
    }
    r = take_bytes(options->memory_swap, "memory-swap", &config->memory_swap_bytes, err);
    if (r == 0 && config->memory_swap_bytes < config->memory_bytes)
        r = error_set(err, -EINVAL, "--memory-swap is memory plus swap: not below --memory");
    return r;
}

/* An option's number, within what makes sense. */
static int take_number(const struct maybe_i64 *number, const char *option, int64_t min,
                       uint64_t *ret, struct error *err)
{
    if (!number->is_set)
        return 0;
    if (number->value < min)
        return error_set(err, -EINVAL, "--%s %lld: not below %lld", option,
                         (long long)number->value, (long long)min);
    *ret = (uint64_t)number->value;
    return 0;
}

static int take_cpus(const char *text, struct container_config *config, struct error *err)
{
    char *end = NULL;
    double cpus = strtod(text, &end);
    double quota = cpus * CPU_PERIOD_US + 0.5;

    if (end == text || *end != '\0' || !(quota >= 1000 && quota < 1e12))
        return error_set(err, -EINVAL, "--cpus %s: give a number of CPUs, from 0.01", text);
    config->cpu_period_us = CPU_PERIOD_US;
    config->cpu_quota_us = (uint64_t)quota;
    return 0;
}

static int take_cpu(const struct run_options *options, struct container_config *config,
                    struct error *err)
{
    int r = take_number(&options->cpu_shares, "cpu-shares", 2, &config->cpu_shares, err);

    if (r == 0)
        r = take_number(&options->cpu_quota_us, "cpu-quota", 1000, &config->cpu_quota_us, err);
    if (r == 0)
        r = take_number(&options->cpu_period_us, "cpu-period", 1000, &config->cpu_period_us, err);
    if (r < 0 || options->cpus == NULL)
        return r;
    if (options->cpu_quota_us.is_set || options->cpu_period_us.is_set)
        return error_set(err, -EINVAL, "--cpus excludes --cpu-quota and --cpu-period");
    return take_cpus(options->cpus, config, err);
}

/* podman: 0 and -1 are no limit. */
static int take_pids(const struct run_options *options, struct container_config *config,
                     struct error *err)
{
    if (!options->pids_limit.is_set)
        return 0;
    if (options->pids_limit.value < -1)
        return error_set(err, -EINVAL, "--pids-limit %lld: not below -1",
                         (long long)options->pids_limit.value);
    config->pids_limit = options->pids_limit.value > 0 ? options->pids_limit.value : -1;
    return 0;
}

int limit_args_take(const struct run_options *options, struct arena *arena,
                    struct container_config *config, struct error *err)
{
    int r = take_memory(options, config, err);

    if (r == 0)
        r = take_cpu(options, config, err);
    if (r == 0)
        r = take_pids(options, config, err);
    if (r == 0)
        r = take_ulimits(options, arena, config, err);
    return r;
}
