/* A worker without a worker; see the header. */
#include "tests/support/engine_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fleet/fleet.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/registry.h"

#define CLIENT 7

/* One durable value: by number or by id. */
struct entry {
    uint64_t number;
    char id[CONTAINER_ID_SIZE + 1];
    struct buffer value;
};

struct table {
    struct entry *entries;
    size_t count;
};

/* How a command ended, by its position. */
struct ending {
    unsigned count;
    const char *type; /* of the last one */
    const char *code; /* "" for command.done */
};

struct engine_world {
    struct engine *engine;
    struct engine_time now;
    struct batch batch;
    bool is_automatic;
    bool is_held; /* what is said is not brought */
    uint64_t incarnation;
    uint64_t cursor;
    struct table events;
    struct table containers;
    struct table commands;
    struct table units;
    struct table images;
    struct table volumes;
    struct table log;       /* of commands: all that were ever said */
    struct ending *endings; /* of these */
    struct world_action *actions;
    size_t action_count;
    struct arena texts;
};

static struct entry *table_find(const struct table *table, uint64_t number, const char *id)
{
    for (size_t i = 0; i < table->count; i++) {
        struct entry *entry = &table->entries[i];

        if (entry->number == number && strcmp(entry->id, id == NULL ? "" : id) == 0)
            return entry;
    }
    return NULL;
}

static void table_put(struct table *table, uint64_t number, const char *id, struct bytes value)
{
    struct entry *entry = table_find(table, number, id);

    if (entry == NULL) {
        table->entries = mem_resized(table->entries, (table->count + 1) * sizeof(*entry));
        entry = &table->entries[table->count++];
        *entry = (struct entry){ .number = number };
        (void)snprintf(entry->id, sizeof(entry->id), "%s", id == NULL ? "" : id);
    }
    entry->value.size = 0;
    buffer_append(&entry->value, value.data, value.size);
}

static void table_remove(struct table *table, uint64_t number, const char *id)
{
    struct entry *entry = table_find(table, number, id);

    if (entry == NULL)
        return;
    buffer_done(&entry->value);
    memmove(entry, entry + 1, (size_t)(table->entries + table->count - entry - 1) * sizeof(*entry));
    table->count--;
}

static void table_done(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        buffer_done(&table->entries[i].value);
    free(table->entries);
}

static struct engine *fresh_engine(struct engine_world *world)
{
    struct engine_settings settings = {
        .host = WORLD_HOST,
        .incarnation = ++world->incarnation,
        .last_seq = world->events.count,
        .cursor = world->cursor,
    };

    return engine_new(&settings);
}

struct engine_world *engine_world_new(void)
{
    struct engine_world *world = mem_new(struct engine_world);

    world->is_automatic = true;
    world->now = (struct engine_time){ .wall_ns = 1000000000000, .steady_ms = 1000 };
    world->engine = fresh_engine(world);
    return world;
}

void engine_world_destroy(struct engine_world *world)
{
    if (world == NULL)
        return;
    engine_destroy(world->engine);
    batch_done(&world->batch);
    table_done(&world->events);
    table_done(&world->containers);
    table_done(&world->commands);
    table_done(&world->units);
    table_done(&world->images);
    table_done(&world->volumes);
    table_done(&world->log);
    arena_done(&world->texts);
    free(world->actions);
    free(world->endings);
    free(world);
}

struct engine *world_engine(struct engine_world *world)
{
    return world->engine;
}

struct engine_time world_now(const struct engine_world *world)
{
    return world->now;
}

void world_set_auto_commit(struct engine_world *world, bool is_automatic)
{
    world->is_automatic = is_automatic;
}

static struct table *table_of(struct engine_world *world, enum change_kind kind)
{
    switch (kind) {
    case CHANGE_EVENT:
        return &world->events;
    case CHANGE_CONTAINER:
        return &world->containers;
    case CHANGE_UNIT:
        return &world->units;
    case CHANGE_COMMAND:
        return &world->commands;
    case CHANGE_IMAGE:
        return &world->images;
    case CHANGE_VOLUME:
        return &world->volumes;
    case CHANGE_CURSOR:
        return NULL;
    }
    return NULL;
}

static void note_ending(struct engine_world *world, struct bytes event)
{
    autoarena arena = { 0 };
    struct command_failed failed = { 0 };
    struct ending *ending;
    struct record record;

    if (schema_decode(&record_schema, event, &record, &arena, NULL) < 0)
        abort();
    if (strncmp(record.type, "command.", strlen("command.")) != 0)
        return;
    ending = &world->endings[command_id_sequence(record.cause) - 1];
    ending->count++;
    ending->type = registry_body(record.type)->name;
    ending->code = "";
    if (strcmp(record.type, command_done_schema.name) == 0)
        return;
    if (schema_decode(&command_failed_schema, record.body.bytes, &failed, &arena, NULL) < 0)
        abort();
    ending->code = failure_name(failure_parse(failed.code));
}

static void apply_change(struct engine_world *world, const struct change *change)
{
    struct table *table = table_of(world, change->kind);

    if (table == NULL)
        world->cursor = change->number;
    else if (change->is_removal)
        table_remove(table, change->number, change->id);
    else
        table_put(table, change->number, change->id, change->value);
    if (change->kind != CHANGE_EVENT)
        return;
    assert(change->number == world->events.count);
    note_ending(world, change->value);
}

static void keep_action(struct engine_world *world, const struct action *action)
{
    struct world_action *kept;

    world->actions =
        mem_resized(world->actions, (world->action_count + 1) * sizeof(*world->actions));
    kept = &world->actions[world->action_count++];
    *kept = (struct world_action){
        .kind = action->kind,
        .run = action->run,
        .step = action->step,
        .signal = action->signal,
        .number = action->number,
    };
    (void)snprintf(kept->id, sizeof(kept->id), "%s", action->id == NULL ? "" : action->id);
}

void world_commit(struct engine_world *world)
{
    for (size_t i = 0; i < world->batch.change_count; i++)
        apply_change(world, &world->batch.changes[i]);
    for (size_t i = 0; i < world->batch.action_count; i++)
        keep_action(world, &world->batch.actions[i]);
    batch_done(&world->batch);
}

static void turn(struct engine_world *world)
{
    if (world->is_automatic)
        world_commit(world);
}

static void load_all(struct engine_world *world, const struct table *table,
                     int (*load)(struct engine *engine, struct bytes value, struct error *err))
{
    for (size_t i = 0; i < table->count; i++) {
        struct error err = { 0 };
        int r = load(world->engine, buffer_bytes(&table->entries[i].value), &err);

        if (r < 0) {
            (void)fprintf(stderr, "load: %s\n", err.text);
            abort();
        }
    }
}

struct lost_finder {
    struct engine *engine;
    bool (*is_alive)(void *owner, const char *id, uint32_t run);
    void *owner;
};

static void find_lost(void *owner, const struct engine_container *container)
{
    struct lost_finder *finder = owner;

    if (container->is_live && !finder->is_alive(finder->owner, container->id, container->row->run))
        engine_set_lost(finder->engine, container->id);
}

struct exit_finder {
    struct engine *engine;
    world_find_exit_fn *find_exit;
    void *owner;
};

static void find_kept_exit(void *owner, const struct engine_container *container)
{
    struct exit_finder *finder = owner;
    uint32_t run = container->row->run;
    struct container_died died;

    if (container->is_live && finder->find_exit(finder->owner, container->id, run, &died))
        engine_set_exit(finder->engine, container->id, run, &died);
}

static void foresee(struct engine_world *world, const struct entry *entry)
{
    autoarena arena = { 0 };
    struct record record;
    int r = schema_decode(&record_schema, buffer_bytes(&entry->value), &record, &arena, NULL);

    assert(r == 0);
    (void)r;
    engine_foresee(world->engine, &record, world->now);
}

static void say(struct engine_world *world, const struct entry *entry)
{
    autoarena arena = { 0 };
    struct record record;
    int r = schema_decode(&record_schema, buffer_bytes(&entry->value), &record, &arena, NULL);

    assert(r == 0);
    (void)r;
    engine_command(world->engine, &record, world->now, &world->batch);
}

void world_hold(struct engine_world *world)
{
    world->is_held = true;
}

void world_deliver(struct engine_world *world)
{
    world->is_held = false;
    for (uint64_t i = engine_cursor(world->engine); i < world->log.count; i++)
        foresee(world, &world->log.entries[i]);
    for (uint64_t i = engine_cursor(world->engine); i < world->log.count; i++)
        say(world, &world->log.entries[i]);
    turn(world);
}

static void load_engine(struct engine_world *world)
{
    engine_destroy(world->engine);
    batch_done(&world->batch);
    world->action_count = 0;
    world->engine = fresh_engine(world);
    load_all(world, &world->images, engine_load_image);
    load_all(world, &world->volumes, engine_load_volume);
    load_all(world, &world->containers, engine_load_container);
    load_all(world, &world->commands, engine_load_command);
    load_all(world, &world->units, engine_load_unit);
}

static void resume(struct engine_world *world, bool is_rebooted)
{
    engine_resume(world->engine, is_rebooted, world->now, &world->batch);
    turn(world);
    world_deliver(world);
}

void world_restart(struct engine_world *world, bool is_rebooted,
                   bool (*is_alive)(void *owner, const char *id, uint32_t run), void *owner)
{
    struct lost_finder finder = { .is_alive = is_alive, .owner = owner };

    load_engine(world);
    finder.engine = world->engine;
    if (is_alive != NULL && !is_rebooted)
        engine_walk(world->engine, find_lost, &finder);
    resume(world, is_rebooted);
}

void world_reboot(struct engine_world *world, world_find_exit_fn *find_exit, void *owner)
{
    struct exit_finder finder = { .find_exit = find_exit, .owner = owner };

    load_engine(world);
    finder.engine = world->engine;
    engine_walk(world->engine, find_kept_exit, &finder);
    resume(world, true);
}

uint64_t world_submit_until(struct engine_world *world, const char *type, const char *id,
                            const void *body, uint64_t deadline)
{
    const struct schema *schema = registry_find(MESSAGE_COMMAND, type);
    uint64_t pos = world->log.count + 1;
    struct buffer encoded_body = { 0 };
    struct buffer encoded = { 0 };
    struct record record = {
        .pos = pos,
        .kind = RECORD_COMMAND,
        .type = arena_text(&world->texts, type),
        .host = arena_text(&world->texts, WORLD_HOST),
        .container = arena_text(&world->texts, id),
        .id = command_id_make(CLIENT, pos),
        .deadline = deadline,
    };

    if (body != NULL)
        schema_encode(schema, body, &encoded_body);
    record.body.bytes = buffer_bytes(&encoded_body);
    schema_encode(&record_schema, &record, &encoded);
    table_put(&world->log, pos, NULL, buffer_bytes(&encoded));
    world->endings = mem_resized(world->endings, pos * sizeof(*world->endings));
    world->endings[pos - 1] = (struct ending){ .code = "" };
    buffer_done(&encoded_body);
    buffer_done(&encoded);
    if (!world->is_held)
        world_deliver(world);
    return pos;
}

uint64_t world_submit(struct engine_world *world, const char *type, const char *id,
                      const void *body)
{
    return world_submit_until(world, type, id, body, 0);
}

uint64_t world_cancel(struct engine_world *world, uint64_t target)
{
    const struct entry *entry = table_find(&world->log, target, NULL);
    const struct command_cancel cancel = { .id = command_id_make(CLIENT, target) };
    autoarena arena = { 0 };
    struct record record;
    int r = schema_decode(&record_schema, buffer_bytes(&entry->value), &record, &arena, NULL);

    assert(r == 0);
    (void)r;
    return world_submit(world, command_cancel_schema.name, record.container, &cancel);
}

uint64_t world_create(struct engine_world *world, const char *id, const char *name,
                      const char *restart_policy, bool auto_remove)
{
    char *argv[] = { arena_text(&world->texts, "/bin/true") };
    struct container_config config = {
        .name = arena_text(&world->texts, name),
        .rootfs = arena_text(&world->texts, "/rootfs"),
        .command = { .items = argv, .count = 1 },
        .restart_policy = arena_text(&world->texts, restart_policy),
        .auto_remove = auto_remove,
    };

    return world_submit(world, "container.create", id,
                        &(struct container_create){ .config = &config });
}

uint64_t world_create_requiring(struct engine_world *world, const char *id, const char *name,
                                const char *required)
{
    char *argv[] = { arena_text(&world->texts, "/bin/true") };
    char *words[] = { arena_text(&world->texts, required) };
    struct container_config config = {
        .name = arena_text(&world->texts, name),
        .rootfs = arena_text(&world->texts, "/rootfs"),
        .command = { .items = argv, .count = 1 },
        .requires = { .items = words, .count = 1 },
    };

    return world_submit(world, "container.create", id,
                        &(struct container_create){ .config = &config });
}

size_t world_action_count(const struct engine_world *world)
{
    return world->action_count;
}

struct world_action world_action(const struct engine_world *world, size_t index)
{
    assert(index < world->action_count);
    return world->actions[index];
}

void world_answer(struct engine_world *world, size_t index, const struct step_result *result)
{
    struct world_action action = world_action(world, index);

    memmove(&world->actions[index], &world->actions[index + 1],
            (world->action_count - index - 1) * sizeof(action));
    world->action_count--;
    if (action.kind == ACTION_STEP)
        engine_result(world->engine, action.id, result, world->now, &world->batch);
    turn(world);
}

void world_answer_errand(struct engine_world *world, size_t index,
                         const struct errand_result *result)
{
    struct world_action action = world_action(world, index);

    assert(action.kind == ACTION_ERRAND);
    memmove(&world->actions[index], &world->actions[index + 1],
            (world->action_count - index - 1) * sizeof(action));
    world->action_count--;
    engine_errand_result(world->engine, action.number, result, world->now, &world->batch);
    turn(world);
}

void world_exit(struct engine_world *world, const char *id, uint32_t run,
                const struct container_died *died)
{
    engine_exit(world->engine, id, run, died, world->now, &world->batch);
    turn(world);
}

void world_advance_ms(struct engine_world *world, uint64_t ms)
{
    world->now.steady_ms += ms;
    world->now.wall_ns += ms * 1000000;
    if (engine_deadline_ms(world->engine) <= world->now.steady_ms)
        engine_timer(world->engine, world->now, &world->batch);
    turn(world);
}

enum container_state world_state(const struct engine_world *world, const char *id)
{
    const struct entry *entry = table_find(&world->containers, 0, id);
    autoarena arena = { 0 };
    struct container_row row;

    if (entry == NULL)
        return CONTAINER_STATE_COUNT;
    if (schema_decode(&container_row_schema, buffer_bytes(&entry->value), &row, &arena, NULL) < 0)
        abort();
    return (enum container_state)row.state;
}

/* The decoded event with that index. */
static struct record event_at(const struct engine_world *world, size_t index, struct arena *arena)
{
    struct record record;

    if (schema_decode(&record_schema, buffer_bytes(&world->events.entries[index].value), &record,
                      arena, NULL) < 0)
        abort();
    return record;
}

const char *world_outcome(const struct engine_world *world, uint64_t pos, unsigned *ret_count)
{
    const struct ending *ending = &world->endings[pos - 1];

    if (ret_count != NULL)
        *ret_count = ending->count;
    return ending->type;
}

const char *world_outcome_code(const struct engine_world *world, uint64_t pos)
{
    return world->endings[pos - 1].code;
}

char *world_trace(const struct engine_world *world, size_t mark)
{
    struct buffer text = { 0 };

    for (size_t i = mark; i < world->events.count; i++) {
        autoarena arena = { 0 };
        struct record record = event_at(world, i, &arena);

        if (text.size > 0)
            buffer_append(&text, " ", 1);
        buffer_append(&text, record.type, strlen(record.type));
    }
    buffer_append(&text, "", 1);
    return (char *)text.data;
}

size_t world_event_count(const struct engine_world *world)
{
    return world->events.count;
}

size_t world_kept_commands(const struct engine_world *world)
{
    return world->commands.count;
}

uint64_t world_last_pos(const struct engine_world *world)
{
    return world->log.count;
}

/* Fold the events of one container; its row's bytes in `ret`, none when it is removed. */
static char *fold_container(const struct engine_world *world, const char *id, struct buffer *ret)
{
    autoarena arena = { 0 };
    struct container_row row = { 0 };

    for (size_t i = 0; i < world->events.count; i++) {
        struct record record = event_at(world, i, &arena);
        struct error err = { 0 };

        if (record.container == NULL || strcmp(record.container, id) != 0 ||
            container_event_of(record.type) == CONTAINER_EVENT_NONE)
            continue;
        if (container_apply(&row, &record, &arena, &err) < 0)
            return mem_text("event %zu: %s", i + 1, err.text);
        if (container_event_of(record.type) == CONTAINER_EVENT_REMOVED)
            row = (struct container_row){ 0 };
    }
    if (row.id != NULL)
        schema_encode(&container_row_schema, &row, ret);
    return NULL;
}

static char *check_container(const struct engine_world *world, const char *id)
{
    const struct entry *entry = table_find(&world->containers, 0, id);
    struct bytes stored = entry == NULL ? (struct bytes){ 0 } : buffer_bytes(&entry->value);
    struct buffer folded = { 0 };
    char *wrong = fold_container(world, id, &folded);

    if (wrong == NULL && !bytes_equal(stored, buffer_bytes(&folded)))
        wrong = mem_text("container %.12s: its row (%zu bytes) is not the fold of its events "
                         "(%zu bytes)",
                         id, stored.size, folded.size);
    buffer_done(&folded);
    return wrong;
}

static bool is_among(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0)
            return true;
    }
    return false;
}

char *world_check_fold(const struct engine_world *world)
{
    autoarena arena = { 0 };
    const char **ids = arena_zeroed(&arena, (world->events.count + 1) * sizeof(*ids));
    size_t count = 0;

    for (size_t i = 0; i < world->events.count; i++) {
        struct record record = event_at(world, i, &arena);
        char *wrong = NULL;

        if (record.journal_seq != i + 1)
            return mem_text("event %zu has number %llu", i + 1,
                            (unsigned long long)record.journal_seq);
        if (record.container == NULL || is_among(ids, count, record.container))
            continue;
        ids[count++] = record.container;
        wrong = check_container(world, record.container);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}
