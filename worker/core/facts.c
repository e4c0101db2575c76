/* What is journalled of a step; see the header. */
#include "worker/core/facts.h"

#include "worker/core/stock.h"

/* The bodies of facts in one piece of memory. */
union fact_body {
    struct container_created created;
    struct container_initialized initialized;
    struct container_init_failed init_failed;
    struct container_signalled signalled;
    struct container_renamed renamed;
    struct container_update updated;
};

/* Fill in what the event says. False when it has no body. */
static bool make_body(union fact_body *ret, const struct operation *operation,
                      enum container_event fact, const struct step_result *result)
{
    if (fact == CONTAINER_EVENT_CREATED)
        ret->created.config = operation->command->config;
    else if (fact == CONTAINER_EVENT_INITIALIZED)
        ret->initialized = result->init;
    else if (fact == CONTAINER_EVENT_INIT_FAILED)
        ret->init_failed.text = operation->text;
    else if (fact == CONTAINER_EVENT_SIGNALLED)
        ret->signalled.signal = operation->signal;
    else if (fact == CONTAINER_EVENT_RENAMED)
        ret->renamed.name = operation->command->name;
    else if (fact == CONTAINER_EVENT_UPDATED)
        ret->updated = *operation->command->update;
    else
        return false;
    return true;
}

static void take_new_name(struct ledger *ledger, struct unit *unit)
{
    names_release(&ledger->names, unit->name, unit);
    unit->name = names_hold(&ledger->names, unit->row.config->name, unit);
}

void facts_say(struct ledger *ledger, struct unit *unit, const struct operation *operation,
               enum container_event fact, const struct step_result *result)
{
    union fact_body body = { 0 };
    bool has_body;

    if (fact == CONTAINER_EVENT_NONE)
        return;
    has_body = make_body(&body, operation, fact, result);
    if (fact == CONTAINER_EVENT_CREATED)
        stock_created(ledger, unit, operation);
    else if (fact == CONTAINER_EVENT_REMOVED)
        stock_removed(ledger, unit, operation);
    if (!ledger_event(ledger, unit, fact, operation_cause(operation), has_body ? &body : NULL))
        return;
    if (fact == CONTAINER_EVENT_INITIALIZED)
        plan_begin_run(&unit->plan);
    else if (fact == CONTAINER_EVENT_SIGNALLED)
        unit->plan.asked_signal = operation->signal;
    else if (fact == CONTAINER_EVENT_REMOVED)
        unit->is_removed = true;
    else if (fact == CONTAINER_EVENT_RENAMED)
        take_new_name(ledger, unit);
    else if (fact == CONTAINER_EVENT_UPDATED)
        plan_after_update(&unit->plan, &unit->row);
}
