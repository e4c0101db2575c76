/* A record of the log as it is shown; see the header. */
#include "ops/console/record_report.h"

#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/signals.h"
#include "ops/console/record_stock.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/events.h"
#include "schemas/registry.h"

#define NS_PER_S 1000000000ULL

/* What podman calls it. */
static const char *const podman_words[][2] = {
    { "container.created", "create" },
    { "container.initialized", "init" },
    { "container.started", "start" },
    { "container.stopping", "stop" },
    { "container.signalled", "kill" },
    { "container.cleaned", "cleanup" },
    { "container.paused", "pause" },
    { "container.unpaused", "unpause" },
    { "container.restarting", "restart" },
    { "container.removed", "remove" },
    { "container.renamed", "rename" },
    { "container.updated", "update" },
    { "image.added", "add" },
    { "image.tagged", "tag" },
    { "image.removed", "remove" },
    { "volume.created", "create" },
    { "volume.removed", "remove" },
};

const char *record_report_status(const struct record *record)
{
    const char *dot = strchr(record->type, '.');

    for (size_t i = 0; i < sizeof(podman_words) / sizeof(*podman_words); i++) {
        if (strcmp(podman_words[i][0], record->type) == 0)
            return podman_words[i][1];
    }
    return dot != NULL ? dot + 1 : record->type;
}

/* The body by its type's schema; NULL when it is of another type or cannot be read. */
static const void *body_of(const struct record *record, const struct schema *schema,
                           struct arena *arena)
{
    void *body;

    if (strcmp(record->type, schema->name) != 0)
        return NULL;
    body = arena_zeroed(arena, schema->size);
    if (schema_decode(schema, record->body.bytes, body, arena, NULL) < 0)
        return NULL;
    return body;
}

/* "container" of "container.died" */
static char *family_of(const struct record *record, struct arena *arena)
{
    return arena_text_n(arena, record->type, strcspn(record->type, "."));
}

static void set_exit(struct json_t *tree, const struct record *record, struct arena *arena)
{
    const struct container_died *died = body_of(record, &container_died_schema, arena);

    if (died == NULL)
        return;
    tree_set_number(tree, "ContainerExitCode", died->is_unknown ? -1 : died->exit_code);
    tree_set_bool(tree, "OOMKilled", died->oom_killed);
}

static void set_body(struct json_t *tree, const struct record *record, struct arena *arena)
{
    const struct schema *schema = registry_body(record->type);
    const void *body = schema != NULL ? body_of(record, schema, arena) : NULL;
    autofree char *text = body != NULL ? schema_json(schema, body) : NULL;
    struct json_t *details = NULL;

    if (text != NULL && tree_parse(text, &details, NULL) == 0)
        tree_set(tree, "Details", details);
}

struct json_t *record_report_fields(const struct record *record, const char *name,
                                    struct arena *arena)
{
    const struct record_stock stock = record_stock_of(record, arena);
    struct json_t *tree = tree_object();
    char time[UNITS_TIME_SIZE];
    char cause[2 * COMMAND_ID_SIZE + 1] = "";

    units_write_time(record->happened != 0 ? record->happened : record->time, time);
    if (!command_id_is_zero(record->cause))
        hex_write(record->cause.bytes, COMMAND_ID_SIZE, cause);
    tree_set_text(tree, "ID", record->container != NULL ? record->container : stock.id);
    tree_set_text(tree, "Name", name != NULL ? name : stock.name);
    tree_set_text(tree, "Image", "");
    tree_set_text(tree, "Status", record_report_status(record));
    tree_set_text(tree, "Type", family_of(record, arena));
    tree_set_text(tree, "Time", time);
    tree_set_number(tree, "TimeNano",
                    (int64_t)(record->happened != 0 ? record->happened : record->time));
    tree_set_text(tree, "Host", record->host);
    tree_set_number(tree, "Run", record->run);
    tree_set_number(tree, "Pos", (int64_t)record->pos);
    tree_set_text(tree, "Kind", record->kind == RECORD_COMMAND ? "command" : "event");
    tree_set_text(tree, "Record", record->type);
    tree_set_text(tree, "Actor", record->actor);
    tree_set_text(tree, "Cause", cause);
    set_exit(tree, record, arena);
    set_body(tree, record, arena);
    return tree;
}

/* Append "key=text" to the attributes in parentheses. */
static char *with_attribute(char *attributes, const char *key, const char *text,
                            struct arena *arena)
{
    if (text == NULL || *text == '\0')
        return attributes;
    return arena_printf(arena, "%s%s%s=%s", attributes, *attributes != '\0' ? ", " : "", key, text);
}

char *record_report_line(const struct record *record, const char *name, struct arena *arena)
{
    const struct container_died *died = body_of(record, &container_died_schema, arena);
    const struct record_stock stock = record_stock_of(record, arena);
    const char *id = record->container != NULL ? record->container : stock.id;
    char *attributes = arena_text(arena, "");
    char time[UNITS_TIME_SIZE];

    units_write_go_time(record->happened != 0 ? record->happened : record->time, time);
    attributes = with_attribute(attributes, "host", record->host, arena);
    attributes = with_attribute(attributes, "name", name != NULL ? name : stock.name, arena);
    if (record->run != 0)
        attributes =
            with_attribute(attributes, "run", arena_printf(arena, "%u", record->run), arena);
    if (died != NULL)
        attributes = with_attribute(
            attributes, "exitCode",
            died->is_unknown ? "unknown" : arena_printf(arena, "%d", died->exit_code), arena);
    return arena_printf(arena, "%s %s %s %s%s(%s)", time, family_of(record, arena),
                        record_report_status(record), id != NULL ? id : "", id != NULL ? " " : "",
                        attributes);
}

static char *died_details(const struct container_died *died, struct arena *arena)
{
    if (died->is_unknown)
        return arena_text(arena, "exit code unknown");
    return arena_printf(arena, "exit code %d%s", died->exit_code,
                        died->oom_killed ? ", out of memory" : "");
}

static char *stopping_details(const struct container_stopping *stopping, struct arena *arena)
{
    char signal[SIGNALS_NAME_SIZE];

    signals_write_name(stopping->signal, signal);
    return arena_printf(arena, "%s, then SIGKILL after %u s", signal, stopping->timeout_s);
}

static char *signal_details(uint32_t number, struct arena *arena)
{
    char signal[SIGNALS_NAME_SIZE];

    signals_write_name(number, signal);
    return arena_text(arena, signal);
}

static char *id_details(struct command_id id, struct arena *arena)
{
    char hex[2 * COMMAND_ID_SIZE + 1];

    hex_write(id.bytes, COMMAND_ID_SIZE, hex);
    return arena_text(arena, hex);
}

/* Of commands' outcomes other than done: they share a body. */
static const struct command_failed *failure_of(const struct record *record, struct arena *arena)
{
    const struct command_failed *failed = body_of(record, &command_failed_schema, arena);

    if (failed == NULL)
        failed = body_of(record, &command_refused_schema, arena);
    return failed != NULL ? failed : body_of(record, &command_expired_schema, arena);
}

char *record_report_details(const struct record *record, struct arena *arena)
{
    const struct container_died *died = body_of(record, &container_died_schema, arena);
    const struct container_stopping *stopping = body_of(record, &container_stopping_schema, arena);
    const struct container_signalled *signalled =
        body_of(record, &container_signalled_schema, arena);
    const struct container_kill *kill = body_of(record, &container_kill_schema, arena);
    const struct container_initialized *initialized =
        body_of(record, &container_initialized_schema, arena);
    const struct container_init_failed *init_failed =
        body_of(record, &container_init_failed_schema, arena);
    const struct container_restarting *restarting =
        body_of(record, &container_restarting_schema, arena);
    const struct container_lost *lost = body_of(record, &container_lost_schema, arena);
    const struct container_rename *rename = body_of(record, &container_rename_schema, arena);
    const struct container_renamed *renamed = body_of(record, &container_renamed_schema, arena);
    const struct command_cancel *cancel = body_of(record, &command_cancel_schema, arena);
    const struct command_failed *failed = failure_of(record, arena);

    if (died != NULL)
        return died_details(died, arena);
    if (stopping != NULL)
        return stopping_details(stopping, arena);
    if (signalled != NULL)
        return signal_details(signalled->signal, arena);
    if (kill != NULL)
        return signal_details(kill->signal, arena);
    if (initialized != NULL)
        return arena_printf(arena, "pid %u, %s", initialized->pid, initialized->runtime);
    if (init_failed != NULL && init_failed->text != NULL)
        return arena_text(arena, init_failed->text);
    if (restarting != NULL)
        return arena_printf(arena, "restart %u in %llu ms", restarting->count,
                            (unsigned long long)restarting->delay_ms);
    if (rename != NULL)
        return arena_printf(arena, "to %s", rename->name);
    if (renamed != NULL)
        return arena_printf(arena, "to %s", renamed->name);
    if (lost != NULL && lost->text != NULL)
        return arena_text(arena, lost->text);
    if (cancel != NULL)
        return id_details(cancel->id, arena);
    if (failed != NULL)
        return arena_printf(arena, "%s: %s", failed->code, failed->text);
    return arena_text(arena, "");
}
