/* What a container does next; see the header. */
#include "worker/core/agenda.h"

#include "worker/core/lifecycle.h"
#include "worker/core/requirements.h"
#include "worker/core/stock.h"
#include "worker/core/update.h"

static bool is_at_rest(uint32_t state)
{
    return state == CONTAINER_EXITED || state == CONTAINER_CONFIGURED;
}

/* Created, and without a process since a restart of the host or a failed start. */
static bool is_leftover(const struct unit *unit)
{
    return unit->plan.is_leftover && unit->row.state == CONTAINER_CREATED;
}

/* What the container would do by itself, were it time. */
static enum container_operation own_operation(const struct ledger *ledger, const struct unit *unit)
{
    uint32_t state = unit->row.state;
    enum plan_next next = unit->plan.next;
    bool may_go = is_at_rest(state) || state == CONTAINER_STOPPED;

    if (next == PLAN_REMOVE &&
        ((may_go && unit->dependant_count == 0) || state == CONTAINER_REMOVING))
        return CONTAINER_OPERATION_REMOVE;
    if (state == CONTAINER_STOPPED || is_leftover(unit))
        return CONTAINER_OPERATION_CLEANUP;
    /* A run would write more into a journal that is full. */
    if (is_at_rest(state) && next == PLAN_RUN && !ledger->is_full)
        return CONTAINER_OPERATION_START;
    return CONTAINER_OPERATION_NONE;
}

static bool announce_restart(struct ledger *ledger, struct unit *unit)
{
    struct container_restarting restarting;

    if (unit->plan.next != PLAN_RESTART || !is_at_rest(unit->row.state))
        return false;
    plan_announce(&unit->plan, ledger->now.steady_ms, &restarting);
    (void)ledger_event(ledger, unit, CONTAINER_EVENT_RESTARTING, (struct command_id){ 0 },
                       &restarting);
    return true;
}

/* Somebody who requires it waits for it to run. */
static void begin_asked(struct ledger *ledger, struct unit *unit)
{
    enum container_state state = (enum container_state)unit->row.state;

    unit->is_asked_to_run = false;
    if (container_operation_allowed(CONTAINER_OPERATION_START, state) != FAILURE_NONE)
        return;
    plan_cancel(&unit->plan);
    lifecycle_begin(ledger, unit, &unit->current, CONTAINER_OPERATION_START, NULL);
}

static bool begin_own(struct ledger *ledger, struct unit *unit)
{
    enum container_operation own;

    if (unit->is_asked_to_run && !is_leftover(unit)) {
        begin_asked(ledger, unit);
        return true;
    }
    if (announce_restart(ledger, unit))
        return true;
    own = own_operation(ledger, unit);
    if (own == CONTAINER_OPERATION_NONE || ledger->now.steady_ms < unit->plan.at_ms)
        return false;
    if (own == CONTAINER_OPERATION_START)
        unit->plan.next = PLAN_NOTHING;
    lifecycle_begin(ledger, unit, &unit->current, own, NULL);
    return true;
}

/* The command ends here, without having begun. Frees it. */
static void end_unbegun(struct ledger *ledger, struct unit *unit, struct command *command,
                        enum outcome outcome, const struct refusal *why)
{
    ledger_outcome(ledger, unit, command, outcome, why);
    unit->command_count--;
    command_destroy(command);
}

static bool is_expired(const struct ledger *ledger, const struct command *command)
{
    return command->deadline != 0 && ledger->now.wall_ns > command->deadline;
}

static void expire(struct ledger *ledger, struct unit *unit, struct command *command)
{
    struct refusal why;

    (void)refuse(&why, FAILURE_EXPIRED, "%s container %.12s: its deadline passed before it began",
                 container_operation_name(command->operation), unit->id);
    end_unbegun(ledger, unit, command, OUTCOME_EXPIRED, &why);
}

void agenda_cancel(struct ledger *ledger, struct unit *unit, struct command *command)
{
    struct refusal why;

    TAILQ_REMOVE(&unit->waiting, command, link);
    (void)refuse(&why, FAILURE_CANCELLED, "%s container %.12s: it was cancelled before it began",
                 container_operation_name(command->operation), unit->id);
    end_unbegun(ledger, unit, command, OUTCOME_REFUSED, &why);
}

static void turn_down(struct ledger *ledger, struct unit *unit, struct command *command,
                      enum failure failure)
{
    struct refusal why;

    if (failure == FAILURE_NO_CONTAINER)
        (void)refuse(&why, failure, "%s container %.12s: there is no such container on host %s",
                     container_operation_name(command->operation), unit->id, ledger->host);
    else
        (void)refuse(&why, failure, "cannot %s container %.12s: it is %s",
                     container_operation_name(command->operation), unit->id,
                     container_state_name((enum container_state)unit->row.state));
    end_unbegun(ledger, unit, command, OUTCOME_REFUSED, &why);
}

static enum failure judge(const struct unit *unit, const struct command *command)
{
    bool is_create = command->operation == CONTAINER_OPERATION_CREATE;

    if (unit->is_removed || (unit->row.state == CONTAINER_UNKNOWN && !is_create))
        return FAILURE_NO_CONTAINER;
    return container_operation_allowed(command->operation, (enum container_state)unit->row.state);
}

static void change_plan(struct unit *unit, enum container_operation operation)
{
    switch (operation) {
    case CONTAINER_OPERATION_INIT:
    case CONTAINER_OPERATION_START:
    case CONTAINER_OPERATION_RESTART:
        plan_reset(&unit->plan);
        break;
    case CONTAINER_OPERATION_REMOVE:
    case CONTAINER_OPERATION_FORCE_REMOVE:
        plan_cancel(&unit->plan);
        break;
    case CONTAINER_OPERATION_NONE:
    case CONTAINER_OPERATION_CREATE:
    case CONTAINER_OPERATION_STOP:
    case CONTAINER_OPERATION_KILL:
    case CONTAINER_OPERATION_PAUSE:
    case CONTAINER_OPERATION_UNPAUSE:
    case CONTAINER_OPERATION_CLEANUP:
    case CONTAINER_OPERATION_RENAME:
    case CONTAINER_OPERATION_UPDATE:
    case CONTAINER_OPERATION_COMMIT:
    case CONTAINER_OPERATION_COPY:
    case CONTAINER_OPERATION_MOUNT:
    case CONTAINER_OPERATION_UNMOUNT:
    case CONTAINER_OPERATION_COUNT:
        break;
    }
}

static struct command *take_first(struct unit *unit)
{
    struct command *command = TAILQ_FIRST(&unit->waiting);

    TAILQ_REMOVE(&unit->waiting, command, link);
    return command;
}

/* What has to be cleaned up may have no process any more: nobody would ever tell of its exit. */
static enum container_operation operation_for(const struct unit *unit,
                                              const struct command *command)
{
    if (is_leftover(unit) && command->operation == CONTAINER_OPERATION_STOP)
        return CONTAINER_OPERATION_CLEANUP;
    return command->operation;
}

static enum failure prepare_create(struct ledger *ledger, struct unit *unit,
                                   struct command *command, struct refusal *why)
{
    enum failure failure = requirements_take(ledger, unit, command, why);

    return failure != FAILURE_NONE ? failure : stock_take(ledger, unit, command, why);
}

/* What its state does not tell. */
static enum failure prepare(struct ledger *ledger, struct unit *unit, struct command *command,
                            struct refusal *why)
{
    if (command->operation == CONTAINER_OPERATION_CREATE)
        return prepare_create(ledger, unit, command, why);
    if (command->operation == CONTAINER_OPERATION_UPDATE)
        return update_prepare(unit, command, why);
    return requirements_judge(ledger, unit, command->operation, why);
}

static void consider_first(struct ledger *ledger, struct unit *unit)
{
    struct command *command = take_first(unit);
    enum failure failure = judge(unit, command);
    struct refusal why;

    if (is_expired(ledger, command)) {
        expire(ledger, unit, command);
    } else if (failure == FAILURE_ALREADY_STOPPED && plan_has_restart(&unit->plan)) {
        /* It does not run, but it was about to: that is what the stop has ended. */
        plan_cancel(&unit->plan);
        end_unbegun(ledger, unit, command, OUTCOME_DONE, NULL);
    } else if (failure != FAILURE_NONE) {
        turn_down(ledger, unit, command, failure);
    } else if (prepare(ledger, unit, command, &why) != FAILURE_NONE) {
        end_unbegun(ledger, unit, command, OUTCOME_REFUSED, &why);
    } else {
        enum container_operation operation = operation_for(unit, command);

        change_plan(unit, operation);
        lifecycle_begin(ledger, unit, &unit->current, operation, command);
    }
}

/* A stop that is waited for becomes as impatient as `command` is. */
static void hasten(struct ledger *ledger, struct unit *unit, struct command *command)
{
    uint32_t timeout_s = lifecycle_timeout_s(unit, command);
    uint64_t until_ms = ledger->now.steady_ms + timeout_s * UINT64_C(1000);

    command->has_hastened = true;
    if (!lifecycle_is_patient(&unit->current) || until_ms >= unit->current.wait_until_ms)
        return;
    unit->current.wait_until_ms = until_ms;
    lifecycle_tick(ledger, unit);
}

static bool wants_it_stopped(const struct command *command)
{
    return command->operation == CONTAINER_OPERATION_STOP ||
           command->operation == CONTAINER_OPERATION_FORCE_REMOVE;
}

/* Only the first may pass, so that what was said in order happens in order. */
static bool overtake(struct ledger *ledger, struct unit *unit)
{
    struct command *command = TAILQ_FIRST(&unit->waiting);

    if (command == NULL || unit->current.wait_until_ms == 0 ||
        unit->passing.kind != CONTAINER_OPERATION_NONE)
        return false;
    if (is_expired(ledger, command)) {
        expire(ledger, unit, take_first(unit));
        return true;
    }
    if (command->operation == CONTAINER_OPERATION_KILL && judge(unit, command) == FAILURE_NONE) {
        lifecycle_begin(ledger, unit, &unit->passing, command->operation, take_first(unit));
        return true;
    }
    if (command->operation == CONTAINER_OPERATION_STOP &&
        unit->current.kind == CONTAINER_OPERATION_STOP) {
        TAILQ_REMOVE(&unit->waiting, command, link);
        TAILQ_INSERT_TAIL(&unit->current.joined, command, link);
        hasten(ledger, unit, command);
        return true;
    }
    if (!wants_it_stopped(command) || command->has_hastened)
        return false;
    hasten(ledger, unit, command);
    return true;
}

static bool make_progress(struct ledger *ledger, struct unit *unit)
{
    if (unit->in_flight != STEP_NONE || unit->is_exit_due)
        return false;
    if (!unit_is_idle(unit))
        return overtake(ledger, unit);
    if (!unit->is_removed && begin_own(ledger, unit))
        return true;
    if (TAILQ_EMPTY(&unit->waiting)) {
        /* A container whose create has failed was none. */
        unit->is_removed |= unit->row.state == CONTAINER_UNKNOWN;
        return false;
    }
    consider_first(ledger, unit);
    return true;
}

void agenda_settle(struct ledger *ledger, struct unit *unit)
{
    while (make_progress(ledger, unit))
        continue;
}

static uint64_t earlier(uint64_t deadline_ms, const struct operation *operation)
{
    uint64_t until_ms = operation->wait_until_ms;

    return until_ms != 0 && until_ms < deadline_ms ? until_ms : deadline_ms;
}

uint64_t agenda_deadline_ms(const struct ledger *ledger, const struct unit *unit)
{
    if (unit->in_flight != STEP_NONE || unit->is_exit_due || unit->is_removed)
        return UINT64_MAX;
    if (!unit_is_idle(unit))
        return earlier(earlier(UINT64_MAX, &unit->current), &unit->passing);
    return own_operation(ledger, unit) == CONTAINER_OPERATION_NONE ? UINT64_MAX : unit->plan.at_ms;
}
