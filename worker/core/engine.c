/* The worker's mind; see the header. */
#include "worker/core/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/codec.h"
#include "worker/core/agenda.h"
#include "worker/core/engine_state.h"
#include "worker/core/requirements.h"
#include "worker/core/unit.h"

struct engine *engine_new(const struct engine_settings *settings)
{
    struct engine *engine = mem_new(struct engine);

    engine->ledger.host = mem_dup_text(settings->host);
    engine->ledger.incarnation = settings->incarnation;
    engine->ledger.last_seq = settings->last_seq;
    engine->cursor = settings->cursor;
    TAILQ_INIT(&engine->ledger.restless);
    errands_init(&engine->ledger.errands);
    return engine;
}

static bool is_name_free(const struct engine *engine, const char *name)
{
    return names_holder(&engine->ledger.names, name) == NULL;
}

/* The name must be free. */
static void add_unit(struct engine *engine, struct unit *unit, const char *name)
{
    HASH_ADD_KEYPTR(by_id, engine->ledger.units, unit->id, CONTAINER_ID_SIZE, unit);
    unit->name = names_hold(&engine->ledger.names, name, unit);
    assert(unit->name != NULL);
}

static void drop_unit(struct engine *engine, struct unit *unit)
{
    deadlines_set(&engine->deadlines, unit, UINT64_MAX);
    if (unit->is_restless)
        TAILQ_REMOVE(&engine->ledger.restless, unit, restless_link);
    HASH_DELETE(by_id, engine->ledger.units, unit);
    names_release(&engine->ledger.names, unit->name, unit);
    unit_destroy(unit);
}

void engine_destroy(struct engine *engine)
{
    struct unit *unit;
    struct unit *next;

    if (engine == NULL)
        return;
    HASH_ITER(by_id, engine->ledger.units, unit, next)
    {
        drop_unit(engine, unit);
    }
    names_done(&engine->ledger.names);
    errands_done(&engine->ledger.errands);
    stock_done(&engine->ledger.stock);
    deadlines_done(&engine->deadlines);
    free(engine->coming);
    free(engine->ledger.host);
    free(engine);
}

/* What can begin begins, what has changed is saved, and who waits for it is woken up. */
static void settle_one(struct engine *engine, struct unit *unit)
{
    agenda_settle(&engine->ledger, unit);
    ledger_save(&engine->ledger, unit);
    if (unit->is_removed) {
        assert(unit_is_idle(unit) && unit->command_count == 0);
        requirements_drop(&engine->ledger, unit);
        drop_unit(engine, unit);
        return;
    }
    deadlines_set(&engine->deadlines, unit, agenda_deadline_ms(&engine->ledger, unit));
    requirements_wake(&engine->ledger, unit);
}

static void settle_restless(struct engine *engine)
{
    struct unit *unit;

    while ((unit = TAILQ_FIRST(&engine->ledger.restless)) != NULL) {
        TAILQ_REMOVE(&engine->ledger.restless, unit, restless_link);
        unit->is_restless = false;
        lifecycle_tick(&engine->ledger, unit);
        settle_one(engine, unit);
    }
}

/* The end of every call. */
void engine_settle(struct engine *engine, struct unit *unit)
{
    settle_one(engine, unit);
    settle_restless(engine);
}

static void begin_call(struct engine *engine, struct engine_time now, struct batch *batch)
{
    engine->ledger.now = now;
    engine->ledger.batch = batch;
}

int engine_load_container(struct engine *engine, struct bytes value, struct error *err)
{
    autodestroy(unit) struct unit *unit = NULL;
    autoarena arena = { 0 };
    struct container_row row;
    int r = schema_decode(&container_row_schema, value, &row, &arena, err);

    if (r < 0)
        return error_add_context(err, r, "row of a container");
    if (!container_id_is_valid(row.id) || engine_unit(engine, row.id) != NULL)
        return error_set(err, -EBADMSG, "row of container %s: its id is none, or is there twice",
                         row.id);
    unit = unit_new(row.id);
    r = unit_load_row(unit, value, err);
    if (r < 0)
        return r;
    if (!is_name_free(engine, row.config->name))
        return error_set(err, -EBADMSG, "row of container %s: its name %s is there twice", unit->id,
                         row.config->name);
    add_unit(engine, steal_ptr(unit), row.config->name);
    return 0;
}

static struct unit *new_unit(struct engine *engine, const char *id, const struct command *create)
{
    struct unit *unit = unit_new(id);

    add_unit(engine, unit, create->config->name);
    return unit;
}

static void enqueue(struct unit *unit, struct command *command)
{
    TAILQ_INSERT_TAIL(&unit->waiting, command, link);
    unit->command_count++;
}

int engine_load_image(struct engine *engine, struct bytes value, struct error *err)
{
    return stock_load_image(&engine->ledger.stock, value, err);
}

int engine_load_volume(struct engine *engine, struct bytes value, struct error *err)
{
    return stock_load_volume(&engine->ledger.stock, value, err);
}

static int load_errand(struct engine *engine, const struct record *record, struct error *err)
{
    struct refusal why;

    if (errands_take(&engine->ledger, record, &why) != FAILURE_NONE)
        return error_set(err, -EBADMSG, "the kept command at %llu: %s",
                         (unsigned long long)record->pos, why.text);
    return 0;
}

int engine_load_command(struct engine *engine, struct bytes value, struct error *err)
{
    autoarena arena = { 0 };
    struct command *command;
    struct record record;
    struct refusal why;
    struct unit *unit;
    int r = schema_decode(&record_schema, value, &record, &arena, err);

    if (r < 0)
        return error_add_context(err, r, "a kept command");
    if (storage_command_is(record.type))
        return load_errand(engine, &record, err);
    if (command_read(&record, &command, &why) != FAILURE_NONE)
        return error_set(err, -EBADMSG, "the kept command at %llu: %s",
                         (unsigned long long)record.pos, why.text);
    unit = engine_unit(engine, record.container);
    if (unit == NULL && command->operation == CONTAINER_OPERATION_CREATE &&
        is_name_free(engine, command->config->name))
        unit = new_unit(engine, record.container, command);
    if (unit == NULL) {
        command_destroy(command);
        return error_set(err, -EBADMSG, "the kept command at %llu: there is no container %s",
                         (unsigned long long)record.pos, record.container);
    }
    if (command->name != NULL && names_hold(&engine->ledger.names, command->name, unit) == NULL) {
        command_destroy(command);
        return error_set(err, -EBADMSG, "the kept command at %llu: its name is taken",
                         (unsigned long long)record.pos);
    }
    enqueue(unit, command);
    return 0;
}

int engine_load_unit(struct engine *engine, struct bytes value, struct error *err)
{
    autoarena arena = { 0 };
    const char *id = unit_memo_id(value, &arena);
    struct unit *unit = id == NULL ? NULL : engine_unit(engine, id);

    if (unit == NULL)
        return error_set(err, -EBADMSG, "operations of container %s, which is not there",
                         id == NULL ? "?" : id);
    if (unit_load_memo(unit, value, err) < 0)
        return -EBADMSG;
    stock_take_up(&engine->ledger, unit);
    return 0;
}

void engine_set_lost(struct engine *engine, const char *id)
{
    struct unit *unit = engine_unit(engine, id);

    if (unit != NULL)
        unit->is_exit_due = true;
}

void engine_set_exit(struct engine *engine, const char *id, uint32_t run,
                     const struct container_died *died)
{
    struct unit *unit = engine_unit(engine, id);

    if (unit != NULL && unit_is_live(unit) && unit->row.run == run)
        unit->exit = (struct held_exit){ .is_held = true, .run = run, .died = *died };
}

/* All runs, before anybody asks whether what he requires runs. */
static void end_runs(struct engine *engine)
{
    struct unit *unit;
    struct unit *next;

    HASH_ITER(by_id, engine->ledger.units, unit, next)
    {
        lifecycle_end_run(&engine->ledger, unit);
    }
}

void engine_resume(struct engine *engine, bool is_rebooted, struct engine_time now,
                   struct batch *batch)
{
    struct unit *unit;
    struct unit *next;

    begin_call(engine, now, batch);
    HASH_ITER(by_id, engine->ledger.units, unit, next)
    {
        requirements_link(&engine->ledger, unit);
    }
    if (is_rebooted)
        end_runs(engine);
    HASH_ITER(by_id, engine->ledger.units, unit, next)
    {
        if (is_rebooted)
            lifecycle_resume_rebooted(&engine->ledger, unit);
        else
            lifecycle_resume(&engine->ledger, unit, !unit->is_exit_due);
        settle_one(engine, unit);
    }
    settle_restless(engine);
    errands_settle(&engine->ledger);
}

bool engine_turns_away(const struct engine *engine, const struct record *record,
                       struct refusal *why)
{
    if (record->host != NULL && strcmp(record->host, engine->ledger.host) != 0)
        return refuse(why, FAILURE_NO_HOST, "%s is for host %s, and this is host %s", record->type,
                      record->host, engine->ledger.host) != FAILURE_NONE;
    if (engine->ledger.is_full)
        return refuse(why, FAILURE_BUSY,
                      "the journal of host %s is full of events that no broker has taken: "
                      "ask again when the broker can be reached",
                      engine->ledger.host) != FAILURE_NONE;
    return false;
}

/* Why the command cannot be taken in; `unit` is its container, NULL when there is none. */
static enum failure check_place(const struct engine *engine, const struct unit *unit,
                                const struct record *record, const struct command *command,
                                struct refusal *why)
{
    bool is_create = command->operation == CONTAINER_OPERATION_CREATE;
    const char *name = is_create ? command->config->name : command->name;

    if (engine_turns_away(engine, record, why))
        return why->failure;
    if (is_create && unit != NULL)
        return refuse(why, FAILURE_CONTAINER_EXISTS, "container %.12s is there already", unit->id);
    if (name != NULL && !is_name_free(engine, name))
        return refuse(why, FAILURE_CONTAINER_EXISTS,
                      "container name %s is taken on host %s: choose another, or remove that one",
                      name, engine->ledger.host);
    if (!is_create && unit == NULL)
        return refuse(why, FAILURE_NO_CONTAINER, "there is no container %.12s on host %s",
                      record->container, engine->ledger.host);
    if (unit != NULL && unit->command_count >= UNIT_COMMANDS_MAX)
        return refuse(why, FAILURE_BUSY, "%d commands wait for container %.12s: ask again later",
                      UNIT_COMMANDS_MAX, unit->id);
    return FAILURE_NONE;
}

static void accept_errand(struct engine *engine, const struct record *record)
{
    struct refusal why;

    if (engine_turns_away(engine, record, &why) ||
        errands_take(&engine->ledger, record, &why) != FAILURE_NONE) {
        ledger_refuse_record(&engine->ledger, record, &why);
        return;
    }
    ledger_keep_command(&engine->ledger, record);
    errands_settle(&engine->ledger);
}

static void accept(struct engine *engine, const struct record *record)
{
    struct command *command = NULL;
    struct unit *unit;
    struct refusal why;

    if (record->type != NULL && strcmp(record->type, command_cancel_schema.name) == 0) {
        engine_cancel(engine, record); /* which cannot be cancelled itself */
        return;
    }
    if (engine_is_cancelled(engine, record))
        return;
    if (record->type != NULL && storage_command_is(record->type)) {
        accept_errand(engine, record);
        return;
    }
    if (command_read(record, &command, &why) != FAILURE_NONE) {
        ledger_refuse_record(&engine->ledger, record, &why);
        return;
    }
    unit = engine_unit(engine, record->container);
    if (check_place(engine, unit, record, command, &why) != FAILURE_NONE) {
        ledger_refuse_record(&engine->ledger, record, &why);
        command_destroy(command);
        return;
    }
    if (unit == NULL)
        unit = new_unit(engine, record->container, command);
    ledger_keep_command(&engine->ledger, record);
    if (command->name != NULL)
        (void)names_hold(&engine->ledger.names, command->name, unit);
    enqueue(unit, command);
    engine_settle(engine, unit);
}

void engine_command(struct engine *engine, const struct record *record, struct engine_time now,
                    struct batch *batch)
{
    if (record->pos <= engine->cursor)
        return;
    begin_call(engine, now, batch);
    engine->cursor = record->pos;
    ledger_cursor(&engine->ledger, record->pos);
    accept(engine, record);
}

void engine_result(struct engine *engine, const char *id, const struct step_result *result,
                   struct engine_time now, struct batch *batch)
{
    struct unit *unit = engine_unit(engine, id);

    assert(unit != NULL && unit->in_flight != STEP_NONE);
    begin_call(engine, now, batch);
    lifecycle_result(&engine->ledger, unit, result);
    engine_settle(engine, unit);
}

void engine_errand_result(struct engine *engine, uint64_t number,
                          const struct errand_result *result, struct engine_time now,
                          struct batch *batch)
{
    struct errand *errand = errands_find(&engine->ledger.errands, number);

    if (errand == NULL)
        return;
    begin_call(engine, now, batch);
    errands_result(&engine->ledger, errand, result);
    errands_settle(&engine->ledger);
}

void engine_exit(struct engine *engine, const char *id, uint32_t run,
                 const struct container_died *died, struct engine_time now, struct batch *batch)
{
    struct unit *unit = engine_unit(engine, id);

    begin_call(engine, now, batch);
    if (unit == NULL) {
        ledger_forget_exit(&engine->ledger, id, run);
        return;
    }
    lifecycle_exit(&engine->ledger, unit, run, died);
    engine_settle(engine, unit);
}

void engine_timer(struct engine *engine, struct engine_time now, struct batch *batch)
{
    struct unit *unit = deadlines_first(&engine->deadlines);

    begin_call(engine, now, batch);
    while (unit != NULL && unit->deadline_ms <= now.steady_ms) {
        lifecycle_tick(&engine->ledger, unit);
        engine_settle(engine, unit);
        unit = deadlines_first(&engine->deadlines);
    }
}

uint64_t engine_deadline_ms(const struct engine *engine)
{
    const struct unit *unit = deadlines_first(&engine->deadlines);

    return unit == NULL ? UINT64_MAX : unit->deadline_ms;
}

void engine_set_full(struct engine *engine, bool is_full)
{
    struct unit *unit;
    struct unit *next;

    engine->ledger.is_full = is_full;
    HASH_ITER(by_id, engine->ledger.units, unit, next)
    {
        deadlines_set(&engine->deadlines, unit, agenda_deadline_ms(&engine->ledger, unit));
    }
}

static struct engine_container container_of_unit(const struct unit *unit)
{
    return (struct engine_container){ .id = unit->id,
                                      .row = &unit->row,
                                      .config = unit_config(unit),
                                      .is_live = unit_is_live(unit) };
}

bool engine_find(const struct engine *engine, const char *id, struct engine_container *ret)
{
    const struct unit *unit = engine_unit(engine, id);

    if (unit == NULL)
        return false;
    *ret = container_of_unit(unit);
    return true;
}

void engine_walk(const struct engine *engine,
                 void (*visit)(void *owner, const struct engine_container *container), void *owner)
{
    struct unit *unit;
    struct unit *next;

    HASH_ITER(by_id, engine->ledger.units, unit, next)
    {
        struct engine_container container = container_of_unit(unit);

        visit(owner, &container);
    }
}

uint64_t engine_cursor(const struct engine *engine)
{
    return engine->cursor;
}
