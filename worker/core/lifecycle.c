/* The machine that carries operations out; see the header. */
#include "worker/core/lifecycle.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/fleet/config_update.h"
#include "common/mem.h"
#include "worker/core/facts.h"
#include "worker/core/requirements.h"
#include "worker/core/stock.h"

#define NOT_DEAD_TEXT                                                                          \
    "container %.12s did not die within %d s of SIGKILL: its process hangs in the kernel, or " \
    "conmon does; the worker goes on watching it"

static uint32_t stop_signal(const struct unit *unit)
{
    uint32_t configured = unit->row.config == NULL ? 0 : unit->row.config->stop_signal;

    return configured == 0 ? SIGTERM : configured;
}

uint32_t lifecycle_timeout_s(const struct unit *unit, const struct command *command)
{
    if (command != NULL && command->timeout_s.is_set)
        return command->timeout_s.value;
    if (unit->row.config != NULL && unit->row.config->stop_timeout_s.is_set)
        return unit->row.config->stop_timeout_s.value;
    return CONTAINER_STOP_TIMEOUT_S;
}

static uint32_t step_signal(const struct unit *unit, const struct operation *operation,
                            enum step step)
{
    if (step == STEP_SIGNAL_STOP)
        return stop_signal(unit);
    return step == STEP_SIGNAL_ASKED ? operation->signal : SIGKILL;
}

static void end_command(struct ledger *ledger, struct unit *unit, struct command *command,
                        const struct operation *operation)
{
    struct refusal why = { 0 };

    if (operation->failure == FAILURE_NONE)
        ledger_outcome(ledger, unit, command, OUTCOME_DONE, NULL);
    else {
        (void)refuse(&why, operation->failure, "%s", operation->text);
        ledger_outcome(ledger, unit, command, OUTCOME_FAILED, &why);
    }
    unit->command_count--;
    command_destroy(command);
}

/* What the container does by itself after the operation has ended. A removal that has begun is
 * taken up again until it succeeds, whoever began it. */
static void plan_on(struct ledger *ledger, struct unit *unit, const struct operation *operation)
{
    bool is_own = operation->command == NULL;
    bool has_failed = operation->failure != FAILURE_NONE;

    if (has_failed && unit->row.state == CONTAINER_REMOVING)
        plan_keep_removal(&unit->plan, !is_own && operation->command->removes_volumes);
    if (operation_is_start(operation) && has_failed)
        plan_after_failed_start(&unit->plan, &unit->row, is_own);
    else if (has_failed && (is_own || unit->plan.next == PLAN_REMOVE))
        plan_after_failure(&unit->plan, ledger->now.steady_ms);
    else if (is_own)
        plan_after_success(&unit->plan);
}

/* For those who require it. */
static void keep_start_failure(struct unit *unit, const struct operation *operation)
{
    if (!operation_is_start(operation))
        return;
    free(unit->start_failure);
    unit->start_failure = mem_dup_text(operation->text);
}

static void finish(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    struct command *command;

    plan_on(ledger, unit, operation);
    if (operation->command != NULL)
        end_command(ledger, unit, steal_ptr(operation->command), operation);
    while ((command = TAILQ_FIRST(&operation->joined)) != NULL) {
        TAILQ_REMOVE(&operation->joined, command, link);
        end_command(ledger, unit, command, operation);
    }
    keep_start_failure(unit, operation);
    operation_clear(operation);
}

static void say_intent(struct ledger *ledger, struct unit *unit, const struct operation *operation,
                       const struct step_row *row)
{
    struct container_stopping stopping = { .signal = step_signal(unit, operation, row->step),
                                           .timeout_s = operation->timeout_s };
    enum container_state state = (enum container_state)unit->row.state;

    if (row->intent == CONTAINER_EVENT_NONE || container_state_after(state, row->intent) == state)
        return;
    (void)ledger_event(ledger, unit, row->intent, operation_cause(operation),
                       row->intent == CONTAINER_EVENT_STOPPING ? &stopping : NULL);
}

static void fly(struct ledger *ledger, struct unit *unit, struct operation *operation,
                enum step step)
{
    unit->in_flight = step;
    unit->flying = operation;
    ledger_ask_step(ledger, unit, step, step_signal(unit, operation, step));
}

static void begin_wait(struct ledger *ledger, struct unit *unit, struct operation *operation,
                       enum step step)
{
    uint64_t now_ms = ledger->now.steady_ms;

    if (step == STEP_AWAIT_DEATH)
        operation->wait_until_ms = now_ms + DEATH_WAIT_MS;
    else if (step == STEP_AWAIT_REQUIREMENTS || operation->timeout_s == TIMEOUT_NEVER_S)
        operation->wait_until_ms = UINT64_MAX;
    else
        operation->wait_until_ms = now_ms + operation->timeout_s * UINT64_C(1000);
    if (step == STEP_AWAIT_REQUIREMENTS)
        requirements_ask(ledger, unit);
}

static bool is_needed(const struct unit *unit, const struct operation *operation,
                      const struct step_row *row)
{
    if (row->is_patient && operation->timeout_s == 0)
        return false;
    if (row->is_of_limits && !config_update_has_limits(operation->command->update))
        return false;
    if (row->is_of_pull && !stock_wants_pull(operation->command))
        return false;
    if (row->step == STEP_AWAIT_REQUIREMENTS && requirements_are_met(unit))
        return false;
    return (row->needed_in & state_bit(unit->row.state)) != 0;
}

static void undo_one(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    const struct step_row *row;

    if (operation->index == 0) {
        finish(ledger, unit, operation);
        return;
    }
    row = &operation_steps(operation->kind, operation->signal).rows[operation->index - 1];
    if (row->undo != STEP_NONE && (row->undo_in & state_bit(unit->row.state)) != 0)
        fly(ledger, unit, operation, row->undo);
    else
        operation->index--;
}

/* The wait is over: the run has ended (its row is not needed any more), or time is up. */
static void end_wait(const struct unit *unit, struct operation *operation,
                     const struct step_row *row)
{
    operation->wait_until_ms = 0;
    if (row->step == STEP_AWAIT_REQUIREMENTS && is_needed(unit, operation, row))
        operation_fail(operation, FAILURE_DEPENDENCY, requirements_fault(unit));
    else if (row->step == STEP_AWAIT_DEATH && is_needed(unit, operation, row))
        operation_fail(operation, FAILURE_RUNTIME,
                       mem_text(NOT_DEAD_TEXT, unit->id, DEATH_WAIT_MS / 1000));
    else
        operation->index++;
}

static void miss_goal(const struct unit *unit, struct operation *operation,
                      const struct step_row *row)
{
    operation_fail(operation, FAILURE_STATE_IMPROPER,
                   mem_text("%s container %.12s: it was %s when the step %s was to begin",
                            container_operation_name(operation->kind), unit->id,
                            container_state_name((enum container_state)unit->row.state),
                            step_name(row->step)));
}

/* Nothing is to be done in the world: the fact is all. */
static void note(struct ledger *ledger, struct unit *unit, struct operation *operation,
                 const struct step_row *row)
{
    facts_say(ledger, unit, operation, row->fact, &(struct step_result){ 0 });
    operation->index++;
}

static void step_forward(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    const struct step_row *row = operation_row(operation);

    if (operation->is_undoing)
        undo_one(ledger, unit, operation);
    else if (row == NULL)
        finish(ledger, unit, operation);
    else if (operation->wait_until_ms != 0)
        end_wait(unit, operation, row);
    else if (!is_needed(unit, operation, row) && row->is_goal)
        miss_goal(unit, operation, row);
    else if (!is_needed(unit, operation, row))
        operation->index++;
    else {
        say_intent(ledger, unit, operation, row);
        if (step_is_wait(row->step))
            begin_wait(ledger, unit, operation, row->step);
        else if (row->step == STEP_NOTE)
            note(ledger, unit, operation, row);
        else
            fly(ledger, unit, operation, row->step);
    }
}

static bool is_waiting(const struct ledger *ledger, const struct unit *unit,
                       const struct operation *operation)
{
    const struct step_row *row = operation_row(operation);

    if (row != NULL && row->step == STEP_AWAIT_REQUIREMENTS)
        return operation->wait_until_ms != 0 && requirements_may_come(unit);
    return operation->wait_until_ms != 0 && row != NULL && is_needed(unit, operation, row) &&
           ledger->now.steady_ms < operation->wait_until_ms;
}

static void carry_on(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    while (operation->kind != CONTAINER_OPERATION_NONE && unit->in_flight == STEP_NONE &&
           !unit->is_exit_due && !is_waiting(ledger, unit, operation))
        step_forward(ledger, unit, operation);
}

/* The passing one first: it has a kill to end, and the other one may clean up after it. */
static void carry_on_both(struct ledger *ledger, struct unit *unit)
{
    carry_on(ledger, unit, &unit->passing);
    carry_on(ledger, unit, &unit->current);
}

void lifecycle_begin(struct ledger *ledger, struct unit *unit, struct operation *operation,
                     enum container_operation kind, struct command *command)
{
    assert(operation->kind == CONTAINER_OPERATION_NONE);
    *operation = (struct operation){ .kind = kind,
                                     .command = command,
                                     .signal = command == NULL ? 0 : command->signal,
                                     .timeout_s = lifecycle_timeout_s(unit, command) };
    TAILQ_INIT(&operation->joined);
    carry_on_both(ledger, unit);
}

static bool was_running(uint32_t state)
{
    return state == CONTAINER_RUNNING || state == CONTAINER_PAUSED || state == CONTAINER_STOPPING;
}

/* Whose doing the exit is: of the operation that waits for it. */
static struct command_id exit_cause(const struct unit *unit)
{
    if (unit->passing.wait_until_ms != 0)
        return operation_cause(&unit->passing);
    if (unit->current.wait_until_ms != 0)
        return operation_cause(&unit->current);
    return (struct command_id){ 0 };
}

static void apply_exit(struct ledger *ledger, struct unit *unit, const struct container_died *died)
{
    uint32_t before = unit->row.state;

    ledger_forget_exit(ledger, unit->id, unit->row.run);
    if (!ledger_event(ledger, unit, CONTAINER_EVENT_DIED, exit_cause(unit), died))
        return;
    /* A restart goes on with a run of its own. */
    if (was_running(before) && unit->current.kind != CONTAINER_OPERATION_RESTART)
        plan_after_exit(&unit->plan, &unit->row);
}

/* The exit that came while a step was in flight, now that the step has ended. */
static void take_held_exit(struct ledger *ledger, struct unit *unit)
{
    struct held_exit held = unit->exit;

    if (!held.is_held)
        return;
    unit->exit = (struct held_exit){ 0 };
    if (held.run == unit->row.run && !unit->row.has_exited)
        apply_exit(ledger, unit, &held.died);
    else
        ledger_forget_exit(ledger, unit->id, held.run);
}

static char *failure_text(const struct step_result *result, const struct unit *unit,
                          const struct operation *operation, enum step step)
{
    const char *why = result->text == NULL ? strerror(-result->code) : result->text;

    return mem_text("%s container %.12s: %s: %s", container_operation_name(operation->kind),
                    unit->id, step_name(step), why);
}

static void after_undo(struct ledger *ledger, struct unit *unit, struct operation *operation,
                       const struct step_result *result)
{
    const struct step_row *row =
        &operation_steps(operation->kind, operation->signal).rows[operation->index - 1];

    if (result->code == 0) {
        facts_say(ledger, unit, operation, row->undo_fact, result);
    } else {
        autofree char *why = operation->text;

        operation->text = mem_text("%s; and then %s failed: %s", why, step_name(row->undo),
                                   result->text == NULL ? strerror(-result->code) : result->text);
    }
    operation->index--;
}

static void after_step(struct ledger *ledger, struct unit *unit, struct operation *operation,
                       const struct step_result *result)
{
    const struct step_row *row = operation_row(operation);
    struct refusal why;

    if (result->code == 0 &&
        stock_take_result(ledger, unit, operation, result, &why) != FAILURE_NONE) {
        operation_fail(operation, why.failure, mem_dup_text(why.text));
        return;
    }
    if (result->code == 0)
        facts_say(ledger, unit, operation, row->fact, result);
    if (result->code == 0 || row->may_fail) {
        operation->index++;
        return;
    }
    operation_fail(operation, result->failure == FAILURE_NONE ? FAILURE_INTERNAL : result->failure,
                   failure_text(result, unit, operation, row->step));
    facts_say(ledger, unit, operation, row->setback, result);
}

void lifecycle_result(struct ledger *ledger, struct unit *unit, const struct step_result *result)
{
    enum step step = unit->in_flight;
    struct operation *operation = unit->flying;

    assert(step != STEP_NONE && operation->kind != CONTAINER_OPERATION_NONE);
    unit->in_flight = STEP_NONE;
    unit->flying = NULL;
    if (step == STEP_RESOLVE_CREATE && result->code < 0) {
        /* Nothing is left of the create that the worker's death cut off: here is the real one. */
        take_held_exit(ledger, unit);
        fly(ledger, unit, operation, STEP_CREATE_RUNTIME);
        return;
    }
    if (operation->is_undoing)
        after_undo(ledger, unit, operation, result);
    else
        after_step(ledger, unit, operation, result);
    take_held_exit(ledger, unit);
    carry_on_both(ledger, unit);
}

/* The worker was killed while the runtime was to start the run, and the run has ended since: an
 * init that waits for its start does not end by itself, so it had been started. */
static void settle_lost_start(struct ledger *ledger, struct unit *unit)
{
    const struct step_row *row = operation_row(&unit->current);

    if (unit->current.is_undoing || row == NULL || row->step != STEP_START_RUNTIME)
        return;
    facts_say(ledger, unit, &unit->current, row->fact, &(struct step_result){ 0 });
    unit->current.index++;
}

void lifecycle_exit(struct ledger *ledger, struct unit *unit, uint32_t run,
                    const struct container_died *died)
{
    bool is_stale = run < unit->row.run || (run == unit->row.run && !unit_is_live(unit)) ||
                    (run > unit->row.run && unit->in_flight == STEP_NONE);

    if (is_stale) {
        ledger_forget_exit(ledger, unit->id, run);
        return;
    }
    if (unit->in_flight != STEP_NONE) {
        unit->exit = (struct held_exit){ .is_held = true, .run = run, .died = *died };
        return;
    }
    if (unit->is_exit_due) {
        unit->is_exit_due = false;
        settle_lost_start(ledger, unit);
    }
    apply_exit(ledger, unit, died);
    carry_on_both(ledger, unit);
}

void lifecycle_tick(struct ledger *ledger, struct unit *unit)
{
    carry_on_both(ledger, unit);
}

/* A signal that may have been sent is not sent twice, unless twice is once. */
static void resume_signal(const struct unit *unit, struct operation *operation)
{
    if (operation->is_undoing || operation_step(operation) != STEP_SIGNAL_ASKED ||
        operation->signal == SIGKILL)
        return;
    operation_fail(
        operation, FAILURE_INTERNAL,
        mem_text("kill container %.12s: the worker was restarted while it sent signal %u; whether "
                 "it arrived is not known",
                 unit->id, operation->signal));
}

static void resume_create(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    if (operation->is_undoing || operation_step(operation) != STEP_CREATE_RUNTIME)
        return;
    fly(ledger, unit, operation, STEP_RESOLVE_CREATE);
}

/* Those who do not run are asked anew. */
static void resume_requirements(struct operation *operation)
{
    if (!operation->is_undoing && operation_step(operation) == STEP_AWAIT_REQUIREMENTS)
        operation->wait_until_ms = 0;
}

void lifecycle_resume(struct ledger *ledger, struct unit *unit, bool is_alive)
{
    unit->is_exit_due = !is_alive && unit_is_live(unit);
    resume_signal(unit, &unit->passing);
    resume_signal(unit, &unit->current);
    resume_create(ledger, unit, &unit->current);
    resume_requirements(&unit->current);
    carry_on_both(ledger, unit);
}

/* Whether its process ran before the power went is not known, and it shall not run twice for one
 * command, which ends here. The rest is the container's own doing: its policy may want a run. */
static void give_up_start(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    operation_fail(
        operation, FAILURE_INTERNAL,
        mem_text("%s container %.12s: the host was restarted while its process was to begin; "
                 "whether it did is not known",
                 container_operation_name(operation->kind), unit->id));
    if (operation->command != NULL)
        end_command(ledger, unit, steal_ptr(operation->command), operation);
}

static void resume_rebooted(struct ledger *ledger, struct unit *unit, struct operation *operation)
{
    enum step step = operation_step(operation);

    if (operation->kind == CONTAINER_OPERATION_NONE || operation->is_undoing || step == STEP_NONE)
        return;
    operation->wait_until_ms = 0;
    if (step == STEP_CREATE_RUNTIME)
        ledger_forget_exit(ledger, unit->id, unit_step_run(unit, step));
    if (operation_is_start(operation) && step == STEP_START_RUNTIME)
        give_up_start(ledger, unit, operation);
    else if (operation_is_start(operation))
        unit_unbegin(unit, operation);
    else if (!operation_survives_reboot(operation->kind, operation->signal))
        operation_fail(operation, FAILURE_INTERNAL,
                       mem_text("%s container %.12s: the host was restarted meanwhile",
                                container_operation_name(operation->kind), unit->id));
}

void lifecycle_end_run(struct ledger *ledger, struct unit *unit)
{
    struct container_died unknown = { .is_unknown = true, .finished = ledger->now.wall_ns };
    struct held_exit kept = unit->exit;

    unit->exit = (struct held_exit){ 0 };
    if (was_running(unit->row.state))
        apply_exit(ledger, unit, kept.is_held ? &kept.died : &unknown);
    else if (unit_is_live(unit))
        ledger_forget_exit(ledger, unit->id, unit->row.run);
}

void lifecycle_resume_rebooted(struct ledger *ledger, struct unit *unit)
{
    plan_after_reboot(&unit->plan, &unit->row, operation_is_start(&unit->current));
    resume_rebooted(ledger, unit, &unit->passing);
    resume_rebooted(ledger, unit, &unit->current);
    carry_on_both(ledger, unit);
}

bool lifecycle_is_patient(const struct operation *operation)
{
    return operation->wait_until_ms != 0 && operation_step(operation) == STEP_AWAIT_STOP;
}
