/*
 * Cancelling what has not begun; see the header.
 *
 * A cancel decides in the batch in which it is taken in: it is never kept. One that comes in the
 * same page as the command that it means is known before that command is, which then ends at once;
 * both outcomes and the cursor behind them are of one batch, so that no crash comes between.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "worker/core/agenda.h"
#include "worker/core/engine_state.h"

static bool has_expired(const struct record *record, struct engine_time now)
{
    return record->deadline != 0 && now.wall_ns > record->deadline;
}

static int read_target(const struct record *record, struct command_id *ret, struct error *err)
{
    struct command_cancel cancel = { 0 };
    autoarena arena = { 0 };
    int r = schema_decode(&command_cancel_schema, record->body.bytes, &cancel, &arena, err);

    *ret = cancel.id;
    return r;
}

void engine_foresee(struct engine *engine, const struct record *record, struct engine_time now)
{
    struct command_id target;
    struct refusal why;

    if (record->pos <= engine->cursor || record->type == NULL ||
        strcmp(record->type, command_cancel_schema.name) != 0 || has_expired(record, now) ||
        engine_turns_away(engine, record, &why) || read_target(record, &target, NULL) < 0)
        return;
    engine->coming =
        mem_resized(engine->coming, (engine->coming_count + 1) * sizeof(*engine->coming));
    engine->coming[engine->coming_count++] =
        (struct coming_cancel){ .pos = record->pos, .target = target };
}

bool engine_is_cancelled(struct engine *engine, const struct record *record)
{
    struct refusal why;

    for (size_t i = 0; i < engine->coming_count; i++) {
        struct coming_cancel *coming = &engine->coming[i];

        if (coming->pos <= record->pos || !command_id_equal(coming->target, record->id))
            continue;
        coming->is_done = true;
        (void)refuse(&why, FAILURE_CANCELLED, "%s: it was cancelled before it began",
                     record->type == NULL ? "?" : record->type);
        ledger_refuse_record(&engine->ledger, record, &why);
        return true;
    }
    return false;
}

/* Take the cancel out of those that come. Whether it is done already. */
static bool take_coming(struct engine *engine, uint64_t pos)
{
    for (size_t i = 0; i < engine->coming_count; i++) {
        struct coming_cancel *coming = &engine->coming[i];
        bool is_done = coming->is_done;

        if (coming->pos != pos)
            continue;
        engine->coming_count--;
        memmove(coming, coming + 1, (engine->coming_count - i) * sizeof(*coming));
        return is_done;
    }
    return false;
}

static struct command *find_waiting(const struct unit *unit, struct command_id id)
{
    struct command *command;

    TAILQ_FOREACH(command, &unit->waiting, link)
    {
        if (command_id_equal(command->id, id))
            return command;
    }
    return NULL;
}

static struct errand *find_errand(const struct errand_list *list, struct command_id id)
{
    struct errand *errand;

    TAILQ_FOREACH(errand, list, link)
    {
        if (command_id_equal(errand->id, id))
            return errand;
    }
    return NULL;
}

static struct errand *errand_of(const struct errands *errands, struct command_id id)
{
    struct errand *errand = find_errand(&errands->images, id);

    return errand != NULL ? errand : find_errand(&errands->volumes, id);
}

static bool cancel_errand(struct engine *engine, struct command_id target)
{
    struct errand *errand = errand_of(&engine->ledger.errands, target);

    if (errand == NULL || errand->is_in_flight)
        return false;
    errands_cancel(&engine->ledger, errand);
    return true;
}

static bool cancel_waiting(struct engine *engine, struct unit *unit, struct command_id target)
{
    struct command *command = unit == NULL ? NULL : find_waiting(unit, target);

    if (command == NULL)
        return false;
    agenda_cancel(&engine->ledger, unit, command);
    return true;
}

static void refuse_cancel(struct engine *engine, const struct record *record,
                          struct command_id target)
{
    char id[2 * COMMAND_ID_SIZE + 1];
    struct refusal why;

    hex_write(target.bytes, COMMAND_ID_SIZE, id);
    (void)refuse(&why, FAILURE_NO_COMMAND,
                 "command %s does not wait on host %s: it has begun, or has ended already", id,
                 engine->ledger.host);
    ledger_refuse_record(&engine->ledger, record, &why);
}

static void decide(struct engine *engine, const struct record *record, struct command_id target)
{
    struct unit *unit = record->container == NULL ? NULL : engine_unit(engine, record->container);
    struct refusal why;

    if (has_expired(record, engine->ledger.now)) {
        (void)refuse(&why, FAILURE_EXPIRED, "%s: its deadline passed before it began",
                     record->type);
        ledger_end_record(&engine->ledger, record, OUTCOME_EXPIRED, &why);
        return;
    }
    if (!cancel_waiting(engine, unit, target) && !cancel_errand(engine, target)) {
        refuse_cancel(engine, record, target);
        return;
    }
    ledger_end_record(&engine->ledger, record, OUTCOME_DONE, NULL);
    if (unit != NULL)
        engine_settle(engine, unit);
}

void engine_cancel(struct engine *engine, const struct record *record)
{
    struct command_id target;
    struct error err = { 0 };
    struct refusal why;

    if (take_coming(engine, record->pos)) {
        ledger_end_record(&engine->ledger, record, OUTCOME_DONE, NULL);
        return;
    }
    if (engine_turns_away(engine, record, &why)) {
        ledger_refuse_record(&engine->ledger, record, &why);
        return;
    }
    if (read_target(record, &target, &err) < 0) {
        (void)refuse(&why, FAILURE_INVALID_ARGUMENT, "%s: %s", record->type, err.text);
        ledger_refuse_record(&engine->ledger, record, &why);
        return;
    }
    decide(engine, record, target);
}
