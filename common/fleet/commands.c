/* Commands and how they ended; see the header. */
#include "common/fleet/commands.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/fleet/body.h"
#include "common/fleet/clients.h"
#include "common/fleet/containers.h"
#include "common/fleet/hosts.h"
#include "common/fleet/view.h"
#include "schemas/codec.h"
#include "schemas/commands.h"

#define DROP_AT_ONCE 2 /* one comes, two may go: the table shrinks to its bound and stays there */

static struct bytes id_bytes(const struct command_id *id)
{
    return (struct bytes){ .data = id->bytes, .size = sizeof(id->bytes) };
}

static int put_row(const struct view *view, const struct command_row *row, struct error *err)
{
    return view_put_row(view, VIEW_COMMANDS, id_bytes(&row->id), row, err);
}

static int count_pending(const struct view *view, const char *host, int step, struct error *err)
{
    autoarena arena = { 0 };
    uint64_t pending;

    if (host == NULL || !name_is_valid(host))
        return 0;
    return view_add_to_total(view, view_pending_key(host, &arena), step, &pending, err);
}

static bool is_create(const char *type)
{
    return strcmp(type, container_create_schema.name) == 0;
}

static bool is_rename(const char *type)
{
    return strcmp(type, container_rename_schema.name) == 0;
}

/* The name that a rename asks for; NULL for other commands, and when its body makes no sense. */
static char *new_name(const struct record *command, struct arena *arena)
{
    struct container_rename rename;

    if (!is_rename(command->type) ||
        body_decode(&container_rename_schema, command, &rename, arena, NULL) < 0)
        return NULL;
    return rename.name;
}

/* Its client's mark does not say so when the client was forgotten before the command was. */
static int check_is_new(const struct view *view, const struct record *command, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row;
    int r;

    r = view_command(view, command->id, &row, &arena, err);
    if (r == 0)
        return error_set(err, -EPROTO, "command at %llu again at %llu", (unsigned long long)row.pos,
                         (unsigned long long)command->pos);
    return r == -ENOENT ? 0 : r;
}

int commands_ask(const struct view *view, const struct record *command, struct error *err)
{
    struct command_row row = {
        .id = command->id,
        .state = COMMAND_PENDING,
        .type = command->type,
        .host = command->host,
        .container = command->container,
        .actor = command->actor,
        .pos = command->pos,
        .time = command->time,
    };
    autoarena arena = { 0 };
    int r;

    row.name = new_name(command, &arena);
    r = check_is_new(view, command, err);
    if (r == 0)
        r = clients_heard(view, command->id, command, err);
    if (r == 0)
        r = put_row(view, &row, err);
    if (r == 0)
        r = count_pending(view, row.host, 1, err);
    if (r == 0 && is_create(row.type))
        r = containers_reserve(view, command, err);
    if (r == 0 && is_rename(row.type))
        r = containers_hold_name(view, command, err);
    return r;
}

/* How a command ends, by the type of the record that says so. */
struct outcome_kind {
    const struct schema *schema;
    enum command_state state;
};

static const struct outcome_kind *find_outcome(const char *type)
{
    static const struct outcome_kind kinds[] = {
        { &command_done_schema, COMMAND_DONE },
        { &command_failed_schema, COMMAND_FAILED },
        { &command_refused_schema, COMMAND_REFUSED },
        { &command_expired_schema, COMMAND_EXPIRED },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].schema->name, type) == 0)
            return &kinds[i];
    }
    return NULL;
}

static int read_outcome(const struct record *record, struct command_row *row, struct arena *arena,
                        struct error *err)
{
    const struct outcome_kind *kind = find_outcome(record->type);
    struct command_failed failed;
    struct command_done done;
    int r;

    assert(kind != NULL);
    if (kind->state == COMMAND_DONE) {
        r = body_decode(kind->schema, record, &done, arena, err);
        row->run = r == 0 ? done.run : 0;
        row->results = r == 0 ? done.results : (struct text_list){ 0 };
    } else {
        r = body_decode(kind->schema, record, &failed, arena, err);
        row->code = r == 0 ? failed.code : NULL;
        row->text = r == 0 ? failed.text : NULL;
        row->run = record->run;
    }
    row->state = (uint32_t)kind->state;
    row->outcome_pos = record->pos;
    return r;
}

/* Rows of VIEW_FINISHED. */
struct finished_key {
    uint8_t pos[VIEW_NUMBER_SIZE];
};

struct finished_value {
    uint8_t time[VIEW_NUMBER_SIZE];
    struct command_id id;
};

static int drop_finished(const struct view *view, const struct finished_key *key,
                         const struct finished_value *value, uint64_t *total, struct error *err)
{
    int r;

    r = view_remove(view, VIEW_COMMANDS, id_bytes(&value->id), err);
    if (r == 0)
        r = view_remove(view, VIEW_FINISHED,
                        (struct bytes){ .data = key->pos, .size = sizeof(key->pos) }, err);
    if (r == 0)
        r = view_add_to_total(view, "finished", -1, total, err);
    return r;
}

static int drop_oldest(const struct view *view, uint64_t now, uint64_t total, struct error *err)
{
    struct view_entry entry;
    struct finished_key key;
    struct finished_value value;
    uint64_t time;
    int r = 0;

    for (unsigned n = 0; r == 0 && n < DROP_AT_ONCE; n++) {
        r = view_first(view, VIEW_FINISHED, &entry, err);
        if (r < 0)
            return r == -ENOENT ? 0 : r;
        memcpy(&key, entry.key, sizeof(key));
        memcpy(&value, entry.value, sizeof(value));
        time = view_read_number(value.time);
        if (total <= VIEW_FINISHED_MAX && (now <= time || now - time <= VIEW_KEPT_NS))
            return 0;
        r = drop_finished(view, &key, &value, &total, err);
    }
    return r;
}

static int enter_finished(const struct view *view, const struct record *record, struct error *err)
{
    struct finished_key key;
    struct finished_value value = { .id = record->cause };
    uint64_t total;
    int r;

    view_write_number(key.pos, record->pos);
    view_write_number(value.time, record->time);
    r = view_put_bytes(view, VIEW_FINISHED, (struct bytes){ .data = key.pos, .size = sizeof(key) },
                       (struct bytes){ .data = value.time, .size = sizeof(value) }, err);
    if (r == 0)
        r = view_add_to_total(view, "finished", 1, &total, err);
    if (r == 0)
        r = drop_oldest(view, record->time, total, err);
    return r;
}

/* The outcome of a command that the log does not hold: the answer to whoever asks again. */
static int end_unasked(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row = {
        .id = record->cause,
        .type = record->type,
        .host = record->host,
        .container = record->container,
        .actor = record->actor,
        .pos = record->pos,
        .time = record->time,
    };
    int r;

    r = read_outcome(record, &row, &arena, err);
    if (r == 0)
        r = put_row(view, &row, err);
    if (r == 0)
        r = enter_finished(view, record, err);
    return r;
}

static int refuse_at_door(const struct view *view, const struct record *record, struct error *err)
{
    int r;

    r = clients_heard(view, record->cause, record, err);
    return r == 0 ? end_unasked(view, record, err) : r;
}

static bool is_refusal_at_door(const struct record *record)
{
    return record->journal_seq == 0 && !command_id_is_zero(record->cause) &&
           strcmp(record->type, command_refused_schema.name) == 0;
}

static int check_pending(const struct command_row *row, const struct record *record,
                         struct error *err)
{
    if (row->state != COMMAND_PENDING)
        return error_set(err, -EPROTO, "%s at %llu of a command that ended at %llu", record->type,
                         (unsigned long long)record->pos, (unsigned long long)row->outcome_pos);
    if (record->host != NULL && row->host != NULL && strcmp(record->host, row->host) != 0)
        return error_set(err, -EPROTO, "%s by host %s of a command to host %s", record->type,
                         record->host, row->host);
    return 0;
}

int commands_end(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row;
    int r;

    r = view_command(view, record->cause, &row, &arena, err);
    if (r == -ENOENT && is_refusal_at_door(record))
        return refuse_at_door(view, record, err);
    if (r == -ENOENT)
        return error_set(err, -EPROTO, "%s of an unknown command", record->type);
    if (r == 0)
        r = check_pending(&row, record, err);
    if (r == 0)
        r = read_outcome(record, &row, &arena, err);
    if (r < 0)
        return r;

    r = put_row(view, &row, err);
    if (r == 0)
        r = count_pending(view, row.host, -1, err);
    if (r == 0 && is_create(row.type)) /* held still: it came to nothing, whatever it says */
        r = containers_release(view, row.container, row.pos, err);
    if (r == 0 && row.name != NULL)
        r = containers_release_name(view, &row, err);
    if (r == 0)
        r = enter_finished(view, record, err);
    return r;
}

int commands_end_past(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row;
    int r;

    if (find_outcome(record->type) == NULL)
        return 0;
    r = view_command(view, record->cause, &row, &arena, err);
    if (r == 0)
        return row.state == COMMAND_PENDING ? commands_end(view, record, err) : 0;
    if (r != -ENOENT)
        return r;
    r = clients_recovered(view, record->cause, record, err);
    return r == 0 ? end_unasked(view, record, err) : r;
}

/* Make the row of a command that the log does not hold, and hold what it needs. */
static int ask_again(const struct view *view, const struct record *record,
                     const struct record *command, struct error *err)
{
    autoarena arena = { 0 };
    struct command_row row = {
        .id = command->id,
        .state = COMMAND_PENDING,
        .type = command->type,
        .host = command->host,
        .container = command->container,
        .actor = command->actor,
        .pos = record->pos,
        .time = command->time,
        .name = new_name(command, &arena),
        .recovered = record->pos,
    };
    struct container_row container;
    struct record asked = *command;
    int r;

    asked.pos = record->pos;
    r = clients_recovered(view, row.id, record, err);
    if (r == 0)
        r = put_row(view, &row, err);
    if (r == 0)
        r = count_pending(view, row.host, 1, err);
    if (r < 0)
        return r;
    if (is_rename(row.type))
        return containers_hold_name(view, &asked, err);
    if (!is_create(row.type) || row.container == NULL)
        return 0;
    r = view_container_sealed(view, row.container, &container, &arena, err);
    return r == -ENOENT ? containers_reserve(view, &asked, err) : r;
}

int commands_recovered(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct command_recovered recovered = { 0 };
    struct record command;
    struct command_row row;
    int r;

    r = hosts_count_recovered(view, record, err);
    if (r == 0)
        r = body_decode(&command_recovered_schema, record, &recovered, &arena, err);
    if (r < 0)
        return r;
    if (schema_decode(&record_schema, recovered.command.bytes, &command, &arena, err) < 0)
        return error_add_context(err, -EPROTO, "command in %s", record->type);
    if (command.kind != RECORD_COMMAND || !command_id_equal(command.id, record->cause) ||
        command.host == NULL || record->host == NULL || strcmp(command.host, record->host) != 0)
        return error_set(err, -EPROTO, "%s at %llu holds another command", record->type,
                         (unsigned long long)record->pos);
    r = view_command(view, record->cause, &row, &arena, err);
    if (r == -ENOENT)
        return ask_again(view, record, &command, err);
    if (r < 0 || row.state != COMMAND_PENDING)
        return r; /* what ended it stands */
    row.recovered = record->pos;
    return put_row(view, &row, err);
}
