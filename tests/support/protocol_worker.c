/* The worker of the protocol's world; see the header. */
#include "tests/support/protocol_worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "worker/core/engine.h"

#define ENTRIES_MAX 64
#define ACTIONS_MAX 8

/* The kinds of change that have a table. */
#define TABLES (CHANGE_COMMAND + 1)

struct kept {
    uint64_t number;
    struct buffer value;
};

struct table {
    struct kept entries[ENTRIES_MAX];
    size_t count;
};

/* The container as it is, and how often something was done to it. */
struct body {
    bool has_directories, has_runtime, is_started;
    uint32_t run;
    unsigned made, created, started;
    bool was_unasked; /* something was done that no durable command asks for */
};

struct protocol_worker {
    enum protocol_mutant mutant;
    struct engine *engine;
    uint64_t incarnation;
    uint64_t cursor; /* durable */
    uint64_t acked;
    struct table tables[TABLES];
    struct batch batch;
    struct action actions[ACTIONS_MAX];
    size_t action_count;
    struct body body;
};

/* Time stands still: no step waits for it. */
static const struct engine_time now = { .wall_ns = 1700000000000000000ULL, .steady_ms = 1000 };

static void start(struct protocol_worker *worker)
{
    const struct engine_settings settings = {
        .host = PROTOCOL_HOST,
        .incarnation = ++worker->incarnation,
        .last_seq = worker->tables[CHANGE_EVENT].count,
        .cursor = worker->cursor,
    };

    worker->engine = engine_new(&settings);
}

struct protocol_worker *protocol_worker_new(enum protocol_mutant mutant)
{
    struct protocol_worker *worker = mem_new(struct protocol_worker);

    worker->mutant = mutant;
    start(worker);
    return worker;
}

void protocol_worker_destroy(struct protocol_worker *worker)
{
    if (worker == NULL)
        return;
    engine_destroy(worker->engine);
    batch_done(&worker->batch);
    for (unsigned i = 0; i < TABLES; i++) {
        for (size_t n = 0; n < worker->tables[i].count; n++)
            buffer_done(&worker->tables[i].entries[n].value);
    }
    free(worker);
}

static void apply_change(struct protocol_worker *worker, const struct change *change)
{
    struct table *table = &worker->tables[change->kind];
    size_t at = 0;

    if (change->kind == CHANGE_CURSOR) {
        worker->cursor = change->number;
        return;
    }
    while (at < table->count && table->entries[at].number != change->number)
        at++;
    if (change->is_removal) {
        if (at == table->count)
            return;
        buffer_done(&table->entries[at].value);
        memmove(&table->entries[at], &table->entries[at + 1],
                (table->count - at - 1) * sizeof(*table->entries));
        table->count--;
        return;
    }
    if (at == table->count)
        table->entries[table->count++] = (struct kept){ .number = change->number };
    table->entries[at].value.size = 0;
    buffer_append(&table->entries[at].value, change->value.data, change->value.size);
}

static void take_actions(struct protocol_worker *worker)
{
    for (size_t i = 0; i < worker->batch.action_count; i++) {
        if (worker->batch.actions[i].kind == ACTION_STEP && worker->action_count < ACTIONS_MAX)
            worker->actions[worker->action_count++] = worker->batch.actions[i];
    }
    worker->batch.action_count = 0;
}

/* After each call of the engine. */
static void settle(struct protocol_worker *worker)
{
    if (worker->mutant == PROTOCOL_ACTS_EARLY)
        take_actions(worker);
    for (size_t i = 0; i < worker->batch.change_count; i++) {
        if (worker->mutant == PROTOCOL_LOSES_INBOX &&
            worker->batch.changes[i].kind == CHANGE_CURSOR)
            apply_change(worker, &worker->batch.changes[i]);
    }
}

void protocol_worker_commit(struct protocol_worker *worker)
{
    for (size_t i = 0; i < worker->batch.change_count; i++)
        apply_change(worker, &worker->batch.changes[i]);
    take_actions(worker);
    batch_done(&worker->batch);
}

void protocol_worker_command(struct protocol_worker *worker, const struct record *record)
{
    engine_command(worker->engine, record, now, &worker->batch);
    settle(worker);
}

static struct step_result refusal(void)
{
    return (struct step_result){ .code = -EIO, .failure = FAILURE_RUNTIME, .text = "no" };
}

static struct step_result success(const struct body *body)
{
    static char runtime[] = "crun";

    return (struct step_result){
        .init = { .pid = 100 + body->run, .conmon_pid = 50 + body->run, .runtime = runtime }
    };
}

/* The step, done to the host. */
static struct step_result perform(struct protocol_worker *worker, const struct action *action)
{
    struct body *body = &worker->body;

    body->was_unasked |= worker->tables[CHANGE_COMMAND].count == 0;
    switch ((int)action->step) {
    case STEP_MAKE_DIRECTORIES:
        body->made += !body->has_directories;
        body->has_directories = true;
        return success(body);
    case STEP_CREATE_RUNTIME:
        if (!body->has_directories)
            return refusal();
        body->created++;
        body->has_runtime = true;
        body->run = action->run;
        return success(body);
    case STEP_RESOLVE_CREATE:
        return body->has_runtime && body->run == action->run ? success(body) : refusal();
    case STEP_START_RUNTIME:
        if (!body->has_runtime)
            return refusal();
        body->started += !body->is_started;
        body->is_started = true;
        return success(body);
    case STEP_DELETE_RUNTIME:
        body->has_runtime = false;
        body->is_started = false;
        return success(body);
    case STEP_REMOVE_DIRECTORIES:
        body->has_directories = false;
        return success(body);
    default: /* these commands need no other */
        break;
    }
    (void)fprintf(stderr, "nobody can carry out %s\n", step_name(action->step));
    abort();
}

void protocol_worker_act(struct protocol_worker *worker, size_t index)
{
    struct action action = worker->actions[index];
    struct step_result result = perform(worker, &action);

    memmove(&worker->actions[index], &worker->actions[index + 1],
            (worker->action_count - index - 1) * sizeof(action));
    worker->action_count--;
    engine_result(worker->engine, PROTOCOL_CONTAINER, &result, now, &worker->batch);
    settle(worker);
}

static void load(struct protocol_worker *worker, enum change_kind kind,
                 int (*load_one)(struct engine *engine, struct bytes value, struct error *err))
{
    const struct table *table = &worker->tables[kind];
    struct error err = { 0 };

    for (size_t i = 0; i < table->count; i++) {
        if (load_one(worker->engine, buffer_bytes(&table->entries[i].value), &err) < 0) {
            (void)fprintf(stderr, "load: %s\n", err.text);
            abort();
        }
    }
}

void protocol_worker_crash(struct protocol_worker *worker, bool has_acted)
{
    if (has_acted)
        (void)perform(worker, &worker->actions[0]);
    engine_destroy(worker->engine);
    batch_done(&worker->batch);
    worker->action_count = 0;
    start(worker);
    load(worker, CHANGE_CONTAINER, engine_load_container);
    load(worker, CHANGE_COMMAND, engine_load_command);
    load(worker, CHANGE_UNIT, engine_load_unit);
    engine_resume(worker->engine, false, now, &worker->batch);
    settle(worker);
}

void protocol_worker_acked(struct protocol_worker *worker, uint64_t seq)
{
    if (seq > worker->acked)
        worker->acked = seq;
}

bool protocol_worker_has_batch(const struct protocol_worker *worker)
{
    return !batch_is_empty(&worker->batch);
}

size_t protocol_worker_actions(const struct protocol_worker *worker)
{
    return worker->action_count;
}

uint64_t protocol_worker_incarnation(const struct protocol_worker *worker)
{
    return worker->incarnation;
}

uint64_t protocol_worker_cursor(const struct protocol_worker *worker)
{
    return engine_cursor(worker->engine);
}

uint64_t protocol_worker_acked_seq(const struct protocol_worker *worker)
{
    return worker->acked;
}

uint64_t protocol_worker_events(const struct protocol_worker *worker)
{
    return worker->tables[CHANGE_EVENT].count;
}

struct bytes protocol_worker_event(const struct protocol_worker *worker, uint64_t seq)
{
    return buffer_bytes(&worker->tables[CHANGE_EVENT].entries[seq - 1].value);
}

enum container_state protocol_worker_state(const struct protocol_worker *worker)
{
    const struct table *table = &worker->tables[CHANGE_CONTAINER];
    autoarena arena = { 0 };
    struct container_row row;

    if (table->count == 0)
        return CONTAINER_STATE_COUNT;
    if (schema_decode(&container_row_schema, buffer_bytes(&table->entries[0].value), &row, &arena,
                      NULL) < 0)
        abort();
    return (enum container_state)row.state;
}

/* Each effect at most once, and none that nobody asked for. */
char *protocol_worker_check(const struct protocol_worker *worker)
{
    const struct body *body = &worker->body;

    if (body->was_unasked)
        return mem_text("something was done for a command that the journal does not have");
    if (body->made > 1 || body->created > 1 || body->started > 1)
        return mem_text("done more than once: %u made, %u created, %u started", body->made,
                        body->created, body->started);
    return NULL;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 1099511628211ULL;
    return (hash ^ size) * 1099511628211ULL;
}

/* The engine in memory is its journal, the batch, and what it waits for. */
uint64_t protocol_worker_hash(const struct protocol_worker *worker)
{
    const struct body *body = &worker->body;
    uint64_t hash = 14695981039346656037ULL;
    const uint64_t numbers[] = { worker->incarnation,
                                 worker->cursor,
                                 worker->acked,
                                 engine_cursor(worker->engine),
                                 body->has_directories,
                                 body->has_runtime,
                                 body->is_started,
                                 body->run,
                                 body->made,
                                 body->created,
                                 body->started };

    for (unsigned kind = 0; kind < TABLES; kind++) {
        for (size_t i = 0; i < worker->tables[kind].count; i++) {
            const struct buffer *value = &worker->tables[kind].entries[i].value;

            hash = mix(hash, value->data, value->size);
        }
        hash = mix(hash, &kind, sizeof(kind));
    }
    for (size_t i = 0; i < worker->batch.change_count; i++) {
        const struct change *change = &worker->batch.changes[i];
        const uint64_t parts[] = { change->kind, change->number, change->is_removal };

        hash = mix(hash, parts, sizeof(parts));
        hash = mix(hash, change->value.data, change->value.size);
    }
    for (size_t i = 0; i < worker->batch.action_count; i++)
        hash = mix(hash, &worker->batch.actions[i].step, sizeof(enum step));
    for (size_t i = 0; i < worker->action_count; i++)
        hash = mix(hash, &worker->actions[i].step, sizeof(enum step));
    return mix(hash, numbers, sizeof(numbers));
}
