/* What containers require of each other; see the header. */
#include "worker/core/requirements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define NAMED_MAX 200 /* characters of the dependants that a refusal names */

static struct unit *find(const struct ledger *ledger, const char *word)
{
    struct unit *unit = NULL;

    HASH_FIND(by_id, ledger->units, word, strlen(word), unit);
    return unit != NULL ? unit : names_holder(&ledger->names, word);
}

static bool requires_unit(const struct unit *unit, const struct unit *required)
{
    for (size_t i = 0; i < unit->needed_count; i++) {
        if (unit->needed[i] == required)
            return true;
    }
    return false;
}

static void add_edge(struct unit *unit, struct unit *required)
{
    if (requires_unit(unit, required))
        return;
    unit->needed = mem_resized(unit->needed, (unit->needed_count + 1) * sizeof(struct unit *));
    unit->needed[unit->needed_count++] = required;
    required->dependant_count++;
}

static bool is_going(const struct unit *unit)
{
    return unit->is_removed || unit->row.state == CONTAINER_REMOVING ||
           unit->current.kind == CONTAINER_OPERATION_REMOVE ||
           unit->current.kind == CONTAINER_OPERATION_FORCE_REMOVE;
}

static enum failure check_required(const struct unit *unit, const struct unit *required,
                                   const char *word, struct refusal *why)
{
    if (required == unit)
        return refuse(why, FAILURE_DEPENDENCY,
                      "container %s requires itself: %s -> %s is a cycle, and could never start",
                      unit->name, unit->name, unit->name);
    if (required == NULL || required->row.state == CONTAINER_UNKNOWN)
        return refuse(why, FAILURE_DEPENDENCY,
                      "container %s requires %s, and no container on this host is that: create it "
                      "first",
                      unit->name, word);
    if (is_going(required))
        return refuse(why, FAILURE_DEPENDENCY,
                      "container %s requires container %s, which is being removed", unit->name,
                      required->name);
    return FAILURE_NONE;
}

enum failure requirements_take(struct ledger *ledger, struct unit *unit, struct command *create,
                               struct refusal *why)
{
    struct text_list *words = &create->config->requires;
    enum failure failure = FAILURE_NONE;

    for (size_t i = 0; i < words->count && failure == FAILURE_NONE; i++)
        failure = check_required(unit, find(ledger, words->items[i]), words->items[i], why);
    if (failure != FAILURE_NONE)
        return failure;
    for (size_t i = 0; i < words->count; i++)
        add_edge(unit, find(ledger, words->items[i]));
    words->count = unit->needed_count;
    for (size_t i = 0; i < words->count; i++)
        words->items[i] = arena_text(&create->arena, unit->needed[i]->id);
    return FAILURE_NONE;
}

void requirements_link(struct ledger *ledger, struct unit *unit)
{
    const struct container_config *config = unit_config(unit);

    for (size_t i = 0; config != NULL && i < config->requires.count; i++) {
        struct unit *required = find(ledger, config->requires.items[i]);

        if (required != NULL && required != unit)
            add_edge(unit, required);
    }
}

static void make_restless(struct ledger *ledger, struct unit *unit)
{
    if (unit->is_restless)
        return;
    unit->is_restless = true;
    TAILQ_INSERT_TAIL(&ledger->restless, unit, restless_link);
}

void requirements_drop(struct ledger *ledger, struct unit *unit)
{
    for (size_t i = 0; i < unit->needed_count; i++) {
        unit->needed[i]->dependant_count--;
        make_restless(ledger, unit->needed[i]);
    }
    unit->needed_count = 0;
}

bool requirements_are_met(const struct unit *unit)
{
    const struct container_config *config = unit_config(unit);

    if (config == NULL || config->requires.count == 0)
        return true;
    for (size_t i = 0; i < unit->needed_count; i++) {
        if (unit->needed[i]->row.state != CONTAINER_RUNNING)
            return false;
    }
    return unit->needed_count == config->requires.count;
}

void requirements_ask(struct ledger *ledger, const struct unit *unit)
{
    for (size_t i = 0; i < unit->needed_count; i++) {
        struct unit *required = unit->needed[i];

        if (required->row.state == CONTAINER_RUNNING)
            continue;
        required->is_asked_to_run = true;
        make_restless(ledger, required);
    }
}

static bool may_still_run(const struct unit *unit)
{
    return unit->row.state == CONTAINER_RUNNING || unit->is_asked_to_run ||
           unit->current.kind == CONTAINER_OPERATION_START ||
           unit->current.kind == CONTAINER_OPERATION_RESTART;
}

char *requirements_fault(const struct unit *unit)
{
    for (size_t i = 0; i < unit->needed_count; i++) {
        const struct unit *required = unit->needed[i];
        const char *why = required->start_failure;

        if (may_still_run(required))
            continue;
        return mem_text("container %s requires container %s, which is %s%s%s", unit->name,
                        required->name,
                        container_state_name((enum container_state)required->row.state),
                        why != NULL ? ": " : "", why != NULL ? why : "");
    }
    if (unit->needed_count != unit_config(unit)->requires.count)
        return mem_text("container %s requires a container that is not there any more", unit->name);
    return NULL;
}

bool requirements_may_come(const struct unit *unit)
{
    autofree char *fault = NULL;

    if (requirements_are_met(unit))
        return false;
    fault = requirements_fault(unit);
    return fault == NULL;
}

static bool is_waiting(const struct unit *unit)
{
    return unit->current.wait_until_ms != 0 &&
           operation_step(&unit->current) == STEP_AWAIT_REQUIREMENTS;
}

void requirements_wake(struct ledger *ledger, const struct unit *unit)
{
    struct unit *other;
    struct unit *next;

    if (unit->dependant_count == 0)
        return;
    HASH_ITER(by_id, ledger->units, other, next)
    {
        if (is_waiting(other) && requires_unit(other, unit))
            make_restless(ledger, other);
    }
}

static enum failure judge_init(const struct unit *unit, struct refusal *why)
{
    autofree char *fault = NULL;

    if (requirements_are_met(unit))
        return FAILURE_NONE;
    for (size_t i = 0; i < unit->needed_count; i++) {
        const struct unit *required = unit->needed[i];

        if (required->row.state != CONTAINER_RUNNING)
            return refuse(why, FAILURE_DEPENDENCY,
                          "cannot init container %s: it requires container %s, which is %s: start "
                          "that one, or start this one",
                          unit->name, required->name,
                          container_state_name((enum container_state)required->row.state));
    }
    fault = requirements_fault(unit);
    return refuse(why, FAILURE_DEPENDENCY, "cannot init: %s", fault);
}

static enum failure judge_removal(const struct ledger *ledger, const struct unit *unit,
                                  struct refusal *why)
{
    char named[NAMED_MAX + 1] = "";
    const struct unit *other;
    const struct unit *next;
    size_t used = 0;

    if (unit->dependant_count == 0 || unit->row.state == CONTAINER_REMOVING)
        return FAILURE_NONE;
    HASH_ITER(by_id, ledger->units, other, next)
    {
        if (requires_unit(other, unit) && used < NAMED_MAX)
            used += (size_t)snprintf(named + used, sizeof(named) - used, "%s%s",
                                     used > 0 ? ", " : "", other->name);
    }
    return refuse(why, FAILURE_DEPENDANTS,
                  "cannot remove container %s: it is required by %s: remove those first",
                  unit->name, named);
}

enum failure requirements_judge(const struct ledger *ledger, const struct unit *unit,
                                enum container_operation operation, struct refusal *why)
{
    if (operation == CONTAINER_OPERATION_INIT)
        return judge_init(unit, why);
    if (operation == CONTAINER_OPERATION_REMOVE || operation == CONTAINER_OPERATION_FORCE_REMOVE)
        return judge_removal(ledger, unit, why);
    return FAILURE_NONE;
}
