/* What an update makes of a configuration; see the header. */
#include "common/fleet/config_update.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "schemas/codec.h"

#define NO_LIMIT (-1) /* of numbers in an update; 0 says the same */

/* A limit that is a number: where it stands in the update and in the configuration. */
struct limit_rule {
    const char *what;
    size_t from;   /* of a struct maybe_i64 in struct container_update */
    size_t to;     /* of a uint64_t in struct container_config */
    uint64_t none; /* what the configuration says for no limit */
};

#define LIMIT(what_, member, to_member, none_)                               \
    {                                                                        \
        .what = (what_), .from = offsetof(struct container_update, member),  \
        .to = offsetof(struct container_config, to_member), .none = (none_), \
    }

/* clang-format off */
static const struct limit_rule rules[] = {
    LIMIT("memory",       memory_bytes,      memory_bytes,      0),
    LIMIT("memory swap",  memory_swap_bytes, memory_swap_bytes, CONTAINER_SWAP_UNLIMITED),
    LIMIT("cpu shares",   cpu_shares,        cpu_shares,        0),
    LIMIT("cpu quota",    cpu_quota_us,      cpu_quota_us,      0),
    LIMIT("cpu period",   cpu_period_us,     cpu_period_us,     0),
};
/* clang-format on */
#define RULE_COUNT (sizeof(rules) / sizeof(*rules))

static struct maybe_i64 said(const struct container_update *update, const struct limit_rule *rule)
{
    struct maybe_i64 number;

    memcpy(&number, (const char *)update + rule->from, sizeof(number));
    return number;
}

enum failure config_update_check(const struct container_update *update, struct refusal *why)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        struct maybe_i64 number = said(update, &rules[i]);

        if (number.is_set && number.value < NO_LIMIT)
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "the %s limit %lld makes no sense: use -1 for none", rules[i].what,
                          (long long)number.value);
    }
    if (!config_update_has_limits(update) && update->restart_policy == NULL &&
        !update->restart_retries.is_set)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "the update changes nothing: say a limit or a restart policy");
    return FAILURE_NONE;
}

/* A limit of memory and swap does not stay when that of memory alone goes. */
static void release_swap(struct container_config *config, const struct container_update *update)
{
    if (config->memory_bytes == 0 && !update->memory_swap_bytes.is_set &&
        config->memory_swap_bytes != 0)
        config->memory_swap_bytes = CONTAINER_SWAP_UNLIMITED;
}

static void apply_restart(struct container_config *config, const struct container_update *update)
{
    if (update->restart_policy != NULL) {
        config->restart_policy = update->restart_policy;
        config->restart_retries = 0; /* of the old policy */
    }
    if (update->restart_retries.is_set)
        config->restart_retries = update->restart_retries.value;
}

void config_update_apply(struct container_config *config, const struct container_update *update)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        struct maybe_i64 number = said(update, &rules[i]);
        uint64_t value = number.value > 0 ? (uint64_t)number.value : rules[i].none;

        if (number.is_set)
            memcpy((char *)config + rules[i].to, &value, sizeof(value));
    }
    if (update->pids_limit.is_set)
        config->pids_limit = update->pids_limit.value;
    release_swap(config, update);
    apply_restart(config, update);
}

struct container_config *config_updated(const struct container_config *config,
                                        const struct container_update *update, struct arena *arena)
{
    struct container_config *copy = arena_zeroed(arena, sizeof(*copy));
    struct container_config changed = *config;
    struct buffer wire = { 0 };
    int r;

    config_update_apply(&changed, update);
    schema_encode(&container_config_schema, &changed, &wire);
    r = schema_decode(&container_config_schema, buffer_bytes(&wire), copy, arena, NULL);
    assert(r == 0);
    (void)r;
    buffer_done(&wire);
    return copy;
}

bool config_update_has_limits(const struct container_update *update)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (said(update, &rules[i]).is_set)
            return true;
    }
    return update->pids_limit.is_set;
}
