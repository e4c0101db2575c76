/* A log of one's own making; see the header. */
#include "tests/support/fleet_log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/registry.h"

static struct raw encode_body(struct fleet_log *log, const char *type, const void *body)
{
    const struct schema *schema = registry_body(type);
    struct buffer buffer = { 0 };
    struct raw raw = { 0 };

    if (body == NULL)
        return raw;
    assert(schema != NULL);
    schema_encode(schema, body, &buffer);
    raw.bytes.data = (uint8_t *)arena_text_n(&log->arena, (char *)buffer.data, buffer.size);
    raw.bytes.size = buffer.size;
    buffer_done(&buffer);
    return raw;
}

struct record fleet_log_command(struct fleet_log *log, const char *type, const char *container,
                                const void *body)
{
    return (struct record){
        .kind = RECORD_COMMAND,
        .type = arena_text(&log->arena, type),
        .host = arena_text(&log->arena, LOG_HOST),
        .container = arena_text(&log->arena, container),
        .id = command_id_make(LOG_CLIENT, ++log->sequence),
        .actor = arena_text(&log->arena, "unix:0"),
        .happened = log->now_ns,
        .body = encode_body(log, type, body),
    };
}

struct record fleet_log_event(struct fleet_log *log, const char *type, const char *container,
                              uint32_t run, const void *body)
{
    return (struct record){
        .kind = RECORD_EVENT,
        .type = arena_text(&log->arena, type),
        .host = arena_text(&log->arena, LOG_HOST),
        .container = arena_text(&log->arena, container),
        .run = run,
        .journal_seq = ++log->journal_seq,
        .happened = log->now_ns,
        .body = encode_body(log, type, body),
    };
}

struct record fleet_log_system(struct fleet_log *log, const char *type, const char *host,
                               const void *body)
{
    return (struct record){
        .kind = RECORD_EVENT,
        .type = arena_text(&log->arena, type),
        .host = arena_text(&log->arena, host),
        .happened = log->now_ns,
        .body = encode_body(log, type, body),
    };
}

struct record fleet_log_outcome(struct fleet_log *log, const char *type, struct command_id command)
{
    static char code[] = "rootfs";
    static char text[] = "rootfs /x of container web: no such directory";
    struct command_failed failed = { .code = code, .text = text };
    struct command_done done = { .run = 1 };
    bool is_done = strcmp(type, "command.done") == 0;
    const void *body = is_done ? (const void *)&done : (const void *)&failed;
    struct record record = fleet_log_event(log, type, NULL, 0, body);

    record.cause = command;
    return record;
}

int fleet_log_apply(struct fleet_log *log, struct record *record, struct error *err)
{
    record->pos = ++log->pos;
    record->time = log->now_ns;
    return fleet_apply(log->view, record, err);
}

void fleet_log_must(struct fleet_log *log, struct record record)
{
    struct error err = { 0 };

    if (fleet_log_apply(log, &record, &err) == 0)
        return;
    (void)fprintf(stderr, "%s was not folded: %s\n", record.type, err.text);
    abort();
}

struct fleet_log *fleet_log_new_empty(void)
{
    struct fleet_log *log = mem_new(struct fleet_log);

    log->memory = memory_view_new();
    log->view = memory_view_view(log->memory);
    log->now_ns = LOG_START;
    return log;
}

struct fleet_log *fleet_log_new(void)
{
    struct fleet_log *log = fleet_log_new_empty();
    struct host_facts facts = { .version = arena_text(&log->arena, "0.1.0") };
    struct host_hello hello = { .incarnation = 1,
                                .journal = command_id_make(1, 1),
                                .facts = &facts };

    fleet_log_must(log, fleet_log_system(log, "host.hello", LOG_HOST, &hello));
    return log;
}

void fleet_log_destroy(struct fleet_log *log)
{
    if (log == NULL)
        return;
    memory_view_destroy(log->memory);
    arena_done(&log->arena);
    free(log);
}

char *fleet_log_container(struct fleet_log *log, unsigned number)
{
    return arena_printf(&log->arena, "%064x", number);
}

struct container_config *fleet_log_config(struct fleet_log *log, const char *name)
{
    struct container_config *config = arena_zeroed(&log->arena, sizeof(*config));

    config->name = arena_text(&log->arena, name);
    config->rootfs = arena_text(&log->arena, "/srv/rootfs");
    config->command.items = arena_zeroed(&log->arena, sizeof(char *));
    config->command.items[0] = arena_text(&log->arena, "/bin/true");
    config->command.count = 1;
    return config;
}

struct command_id fleet_log_create(struct fleet_log *log, const char *id, const char *name)
{
    struct container_create create = { .config = fleet_log_config(log, name) };
    struct record command = fleet_log_command(log, "container.create", id, &create);

    fleet_log_must(log, command);
    return command.id;
}

void fleet_log_created(struct fleet_log *log, const char *id, const char *name)
{
    struct container_created created = { .config = fleet_log_config(log, name) };

    fleet_log_must(log, fleet_log_event(log, "container.created", id, 0, &created));
}

void fleet_log_initialized(struct fleet_log *log, const char *id, uint32_t run)
{
    struct container_initialized initialized = {
        .pid = 100 + run,
        .pid_started = 5000,
        .conmon_pid = 90 + run,
        .conmon_started = 4999,
        .runtime = arena_text(&log->arena, "crun"),
    };

    fleet_log_must(log, fleet_log_event(log, "container.initialized", id, run, &initialized));
}

void fleet_log_running(struct fleet_log *log, const char *id, const char *name)
{
    fleet_log_created(log, id, name);
    fleet_log_initialized(log, id, 1);
    fleet_log_must(log, fleet_log_event(log, "container.started", id, 1, NULL));
}

struct container_row fleet_log_row(struct fleet_log *log, const char *id)
{
    struct container_row row = { 0 };
    int r;

    r = view_container(log->view, id, &row, &log->arena, NULL);
    assert(r == 0 || r == -ENOENT);
    return r == 0 ? row : (struct container_row){ 0 };
}

struct command_row fleet_log_command_row(struct fleet_log *log, struct command_id id)
{
    struct command_row row = { 0 };
    int r;

    r = view_command(log->view, id, &row, &log->arena, NULL);
    assert(r == 0 || r == -ENOENT);
    return r == 0 ? row : (struct command_row){ 0 };
}

uint64_t fleet_log_hash(const struct fleet_log *log)
{
    uint64_t hash = 0;
    int r;

    r = view_hash(log->view, &hash, NULL);
    assert(r == 0);
    return hash;
}
