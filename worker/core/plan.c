/* What a container does by itself; see the header. */
#include "worker/core/plan.h"

#include <string.h>

#define SIGNAL_EXIT_BASE 128

static uint64_t doubled(uint64_t min_ms, uint64_t max_ms, uint32_t times)
{
    uint64_t delay_ms = min_ms;

    while (times-- > 0 && delay_ms < max_ms)
        delay_ms *= 2;
    return delay_ms < max_ms ? delay_ms : max_ms;
}

static bool policy_wants(const struct container_config *config, bool has_failed, uint32_t restarts)
{
    const char *policy = config->restart_policy;

    if (policy == NULL)
        return false;
    if (strcmp(policy, "always") == 0 || strcmp(policy, "unless-stopped") == 0)
        return true;
    if (strcmp(policy, "on-failure") != 0)
        return false;
    return has_failed && (config->restart_retries == 0 || restarts < config->restart_retries);
}

/* A user's stop, or a kill whose signal ended the run: a signal that it survived does not count. */
static bool was_asked_for(const struct plan *plan, const struct container_row *row)
{
    if (row->stopped_by_user)
        return true;
    return plan->asked_signal != 0 && !row->exit_unknown &&
           (int64_t)row->exit_code == SIGNAL_EXIT_BASE + (int64_t)plan->asked_signal;
}

static void decide(struct plan *plan, const struct container_config *config, bool wants_restart)
{
    plan->at_ms = 0;
    plan->failures = 0;
    if (wants_restart)
        plan->next = PLAN_RESTART;
    else if (config->auto_remove)
        plan->next = PLAN_REMOVE;
    else
        plan->next = PLAN_NOTHING;
}

void plan_begin_run(struct plan *plan)
{
    plan->asked_signal = 0;
    plan->is_leftover = false;
}

void plan_after_exit(struct plan *plan, const struct container_row *row)
{
    bool has_failed = row->exit_unknown || row->exit_code != 0;

    if (row->finished > row->started && row->finished - row->started >= RESTART_HEALTHY_NS)
        plan->quick = 0;
    decide(plan, row->config,
           !was_asked_for(plan, row) && policy_wants(row->config, has_failed, plan->restarts));
}

void plan_after_failed_start(struct plan *plan, const struct container_row *row, bool is_own)
{
    decide(plan, row->config, is_own && policy_wants(row->config, true, plan->restarts));
    plan->is_leftover = row->state == CONTAINER_CREATED;
}

void plan_after_reboot(struct plan *plan, const struct container_row *row, bool is_starting)
{
    const char *policy = row->config == NULL ? NULL : row->config->restart_policy;
    bool has_run = row->state == CONTAINER_STOPPED || row->state == CONTAINER_EXITED;

    plan->at_ms = 0;
    plan->quick = 0;
    plan->is_leftover = row->state == CONTAINER_CREATED;
    if (has_run && !is_starting && plan->next == PLAN_NOTHING && policy != NULL &&
        strcmp(policy, "always") == 0)
        plan->next = PLAN_RESTART;
}

void plan_after_update(struct plan *plan, const struct container_row *row)
{
    bool has_failed = row->exit_unknown || row->exit_code != 0 || row->failure != NULL;
    uint32_t before = plan->next == PLAN_RUN ? plan->restarts - 1 : plan->restarts;

    if (plan_has_restart(plan) && !policy_wants(row->config, has_failed, before))
        plan_cancel(plan);
}

void plan_keep_removal(struct plan *plan, bool with_volumes)
{
    plan->next = PLAN_REMOVE;
    plan->removes_volumes = plan->removes_volumes || with_volumes;
}

void plan_after_failure(struct plan *plan, uint64_t now_ms)
{
    plan->at_ms = now_ms + doubled(RETRY_DELAY_MIN_MS, RETRY_DELAY_MAX_MS, plan->failures);
    plan->failures++;
}

void plan_after_success(struct plan *plan)
{
    plan->failures = 0;
    plan->at_ms = 0;
    plan->is_leftover = false;
}

void plan_announce(struct plan *plan, uint64_t now_ms, struct container_restarting *ret)
{
    uint64_t delay_ms = doubled(RESTART_DELAY_MIN_MS, RESTART_DELAY_MAX_MS, plan->quick);

    plan->restarts++;
    plan->quick++;
    plan->next = PLAN_RUN;
    plan->at_ms = now_ms + delay_ms;
    *ret = (struct container_restarting){ .count = plan->restarts, .delay_ms = delay_ms };
}

void plan_cancel(struct plan *plan)
{
    plan->next = PLAN_NOTHING;
    plan->at_ms = 0;
    plan->failures = 0;
}

void plan_reset(struct plan *plan)
{
    *plan = (struct plan){ 0 };
}

bool plan_has_restart(const struct plan *plan)
{
    return plan->next == PLAN_RESTART || plan->next == PLAN_RUN;
}
