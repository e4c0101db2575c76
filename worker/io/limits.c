/* The limits as `update` takes them; see the header. */
#include "worker/io/limits.h"

#include <errno.h>
#include <string.h>

#include "worker/io/spec_json.h"

#define CPU_SHARES_DEFAULT    1024
#define CPU_PERIOD_DEFAULT_US 100000

/* More processes than a kernel can have. crun 1.8 knows no word for none. */
#define PIDS_UNLIMITED 4194304

/* As much as this many CPUs have: crun 1.8 does not take the -1 that runc takes. */
#define CPUS_UNLIMITED 10000

static json_t *make_memory(const struct container_config *config)
{
    json_t *memory = json_object();

    spec_put(memory, "limit",
             json_integer(config->memory_bytes != 0 ? (json_int_t)config->memory_bytes : -1));
    /* Untouched when it was never limited: not every host accounts for swap. */
    if (config->memory_swap_bytes != 0)
        spec_put(memory, "swap", json_integer((json_int_t)config->memory_swap_bytes));
    return memory;
}

static json_t *make_cpu(const struct container_config *config, const char *runtime)
{
    json_t *cpu = json_object();
    json_int_t period = CPU_PERIOD_DEFAULT_US;
    json_int_t quota = -1;

    if (config->cpu_period_us != 0)
        period = (json_int_t)config->cpu_period_us;
    if (config->cpu_quota_us != 0)
        quota = (json_int_t)config->cpu_quota_us;
    else if (strcmp(runtime, "crun") == 0)
        quota = period * CPUS_UNLIMITED;
    spec_put(cpu, "shares",
             json_integer(config->cpu_shares != 0 ? (json_int_t)config->cpu_shares
                                                  : CPU_SHARES_DEFAULT));
    spec_put(cpu, "quota", json_integer(quota));
    spec_put(cpu, "period", json_integer(period));
    return cpu;
}

static json_t *make_pids(const struct container_config *config)
{
    json_t *pids = json_object();
    int64_t limit = config->pids_limit == 0 ? CONTAINER_PIDS_LIMIT : config->pids_limit;

    spec_put(pids, "limit", json_integer(limit < 0 ? PIDS_UNLIMITED : limit));
    return pids;
}

int limits_write(const struct container_config *config, const char *runtime, char **ret,
                 struct error *err)
{
    autojson *limits = json_object();
    char *text;

    spec_put(limits, "memory", make_memory(config));
    spec_put(limits, "cpu", make_cpu(config, runtime));
    spec_put(limits, "pids", make_pids(config));
    text = json_dumps(limits, JSON_COMPACT);
    if (text == NULL)
        return error_set(err, -EINVAL, "limits of container %s", config->name);
    *ret = text;
    return 0;
}
