/* Why a container is as it is; see the header. */
#include "ops/console/story.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "ops/console/record_report.h"
#include "schemas/codec.h"
#include "schemas/commands.h"

/* As far as it fits, on one line: what others wrote must not play with the operator's terminal. */
static void write_text(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%s", text != NULL ? text : "");
    for (; *ret != '\0'; ret++) {
        if (iscntrl((unsigned char)*ret))
            *ret = ' ';
    }
}

static struct story_fact fact_of(const struct record *record)
{
    struct story_fact fact = {
        .pos = record->pos,
        .time = record->happened != 0 ? record->happened : record->time,
        .kind = record->kind,
        .run = record->run,
        .id = record->kind == RECORD_COMMAND ? record->id : record->cause,
    };
    autoarena arena = { 0 };

    write_text(fact.type, sizeof(fact.type), record->type);
    write_text(fact.actor, sizeof(fact.actor), record->actor);
    write_text(fact.details, sizeof(fact.details), record_report_details(record, &arena));
    return fact;
}

static const struct story_fact *find_command(const struct story *story, struct command_id id)
{
    size_t kept = story->command_count < STORY_COMMANDS ? story->command_count : STORY_COMMANDS;

    if (command_id_is_zero(id))
        return NULL;
    for (size_t i = 0; i < kept; i++) {
        if (command_id_equal(story->commands[i].id, id))
            return &story->commands[i];
    }
    return NULL;
}

static struct story_event event_of(const struct story *story, const struct record *record)
{
    struct story_event event = { .fact = fact_of(record) };
    const struct story_fact *command = find_command(story, record->cause);

    if (command != NULL)
        event.command = *command;
    return event;
}

static void forget(struct story *story, enum story_part part)
{
    story->parts[part] = (struct story_event){ 0 };
}

static void take_config(struct story *story, const struct record *record)
{
    struct container_created created = { 0 };
    autoarena arena = { 0 };

    /* A create command and the event of its success carry the same body. */
    if (schema_decode(&container_created_schema, record->body.bytes, &created, &arena, NULL) < 0)
        return;
    write_text(story->name, sizeof(story->name), created.config->name);
    write_text(story->policy, sizeof(story->policy), created.config->restart_policy);
    story->is_auto_removed = created.config->auto_remove;
}

static void add_command(struct story *story, const struct record *record)
{
    struct story_fact *kept = &story->commands[story->command_count++ % STORY_COMMANDS];

    *kept = fact_of(record);
    if (strcmp(record->type, container_create_schema.name) != 0)
        return;
    story->creation = *kept;
    take_config(story, record);
}

static bool is_trouble(const char *type)
{
    return strcmp(type, command_failed_schema.name) == 0 ||
           strcmp(type, command_refused_schema.name) == 0 ||
           strcmp(type, command_expired_schema.name) == 0;
}

/* A life begins: a removed container's id may be given again. */
static void begin_life(struct story *story, const struct record *record)
{
    for (unsigned part = 0; part < STORY_PART_COUNT; part++)
        forget(story, (enum story_part)part);
    story->first_start = story->restarting = story->last_died = (struct story_event){ 0 };
    story->run = 0;
    take_config(story, record);
}

/* A run begins: a user's, or one of the restart policy's, which goes back to the exit before. */
static void begin_run(struct story *story, const struct story_event *event)
{
    static const enum story_part of_run[] = { STORY_INIT_FAILED, STORY_STARTED,   STORY_PAUSED,
                                              STORY_STOPPING,    STORY_SIGNALLED, STORY_DIED,
                                              STORY_CLEANED,     STORY_RESTARTING };
    bool is_policys =
        command_id_is_zero(event->fact.id) && story->parts[STORY_RESTARTING].fact.pos != 0;

    story->restarting = is_policys ? story->parts[STORY_RESTARTING] : (struct story_event){ 0 };
    story->last_died = is_policys ? story->parts[STORY_DIED] : (struct story_event){ 0 };
    if (!is_policys)
        story->first_start = *event;
    for (size_t i = 0; i < sizeof(of_run) / sizeof(*of_run); i++)
        forget(story, of_run[i]);
    story->run = event->fact.run;
    story->signal = 0;
}

static void take_died(struct story *story, const struct record *record)
{
    struct container_died died = { 0 };
    autoarena arena = { 0 };

    if (schema_decode(&container_died_schema, record->body.bytes, &died, &arena, NULL) == 0)
        story->died = died;
}

static void take_signal(struct story *story, const struct record *record)
{
    struct container_signalled signalled = { 0 };
    autoarena arena = { 0 };

    if (schema_decode(&container_signalled_schema, record->body.bytes, &signalled, &arena, NULL) ==
        0)
        story->signal = signalled.signal;
}

static void take_name(struct story *story, const struct record *record)
{
    struct container_renamed renamed = { 0 };
    autoarena arena = { 0 };

    if (schema_decode(&container_renamed_schema, record->body.bytes, &renamed, &arena, NULL) == 0)
        write_text(story->name, sizeof(story->name), renamed.name);
}

static void take_policy(struct story *story, const struct record *record)
{
    struct container_update updated = { 0 };
    autoarena arena = { 0 };

    if (schema_decode(&container_updated_schema, record->body.bytes, &updated, &arena, NULL) == 0 &&
        updated.restart_policy != NULL)
        write_text(story->policy, sizeof(story->policy), updated.restart_policy);
}

/* What an event means beyond being the latest of its kind. */
static void follow(struct story *story, enum container_event event, const struct record *record,
                   const struct story_event *what)
{
    switch (event) {
    case CONTAINER_EVENT_CREATED:
        begin_life(story, record);
        break;
    case CONTAINER_EVENT_INITIALIZED:
        begin_run(story, what);
        break;
    case CONTAINER_EVENT_STARTED:
        if (what->command.pos != 0 && story->restarting.fact.pos == 0)
            story->first_start = *what;
        break;
    case CONTAINER_EVENT_DIED:
        take_died(story, record);
        break;
    case CONTAINER_EVENT_SIGNALLED:
        take_signal(story, record);
        break;
    case CONTAINER_EVENT_RENAMED:
        take_name(story, record);
        break;
    case CONTAINER_EVENT_UPDATED:
        take_policy(story, record);
        break;
    case CONTAINER_EVENT_NONE:
    case CONTAINER_EVENT_INIT_FAILED:
    case CONTAINER_EVENT_STOPPING:
    case CONTAINER_EVENT_CLEANED:
    case CONTAINER_EVENT_PAUSED:
    case CONTAINER_EVENT_UNPAUSED:
    case CONTAINER_EVENT_RESTARTING:
    case CONTAINER_EVENT_REMOVING:
    case CONTAINER_EVENT_REMOVED:
    case CONTAINER_EVENT_COUNT:
        break;
    }
}

static const enum story_part part_of[CONTAINER_EVENT_COUNT] = {
    [CONTAINER_EVENT_CREATED] = STORY_CREATED,
    [CONTAINER_EVENT_INITIALIZED] = STORY_INITIALIZED,
    [CONTAINER_EVENT_INIT_FAILED] = STORY_INIT_FAILED,
    [CONTAINER_EVENT_STARTED] = STORY_STARTED,
    [CONTAINER_EVENT_STOPPING] = STORY_STOPPING,
    [CONTAINER_EVENT_SIGNALLED] = STORY_SIGNALLED,
    [CONTAINER_EVENT_DIED] = STORY_DIED,
    [CONTAINER_EVENT_CLEANED] = STORY_CLEANED,
    [CONTAINER_EVENT_PAUSED] = STORY_PAUSED,
    [CONTAINER_EVENT_UNPAUSED] = STORY_PAUSED,
    [CONTAINER_EVENT_RESTARTING] = STORY_RESTARTING,
    [CONTAINER_EVENT_REMOVING] = STORY_REMOVING,
    [CONTAINER_EVENT_REMOVED] = STORY_REMOVED,
    [CONTAINER_EVENT_RENAMED] = STORY_RENAMED,
    [CONTAINER_EVENT_UPDATED] = STORY_UPDATED,
};

/* An event that is illegal in the state changes nothing, as in the fold. */
static void add_event(struct story *story, enum container_event event, const struct record *record)
{
    bool is_first = event == CONTAINER_EVENT_CREATED;
    enum container_state before = is_first ? CONTAINER_UNKNOWN : story->state;
    enum container_state after = container_state_after(before, event);
    struct story_event what = event_of(story, record);

    if (after == CONTAINER_STATE_COUNT)
        return;
    follow(story, event, record, &what);
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized*): it cannot read a table by a symbol */
    story->parts[part_of[event]] = what;
    if (after != story->state || event == CONTAINER_EVENT_REMOVED)
        story->since = what.fact.time;
    story->state = after;
}

static void lose(struct story *story, const struct record *record)
{
    story->parts[STORY_LOST] = event_of(story, record);
    story->since = story->parts[STORY_LOST].fact.time;
}

/* With another journal the host knows nothing of the containers that it had. */
static void add_hello(struct story *story, const struct record *record)
{
    struct host_hello hello = { 0 };
    autoarena arena = { 0 };
    bool is_other;

    if (schema_decode(&host_hello_schema, record->body.bytes, &hello, &arena, NULL) < 0)
        return;
    is_other =
        !command_id_is_zero(story->journal) && !command_id_equal(story->journal, hello.journal);
    story->journal = hello.journal;
    if (!is_other || story->parts[STORY_REMOVED].fact.pos != 0 ||
        story->parts[STORY_LOST].fact.pos != 0 || story->parts[STORY_CREATED].fact.pos == 0 ||
        record->pos < story->parts[STORY_CREATED].fact.pos)
        return;
    lose(story, record);
}

struct story *story_new(const char *id)
{
    struct story *story = mem_new(struct story);

    write_text(story->id, sizeof(story->id), id);
    return story;
}

void story_add(struct story *story, const struct record *record)
{
    enum container_event event = container_event_of(record->type);

    if (strcmp(record->type, host_hello_schema.name) == 0) {
        add_hello(story, record);
        return;
    }
    if (record->container == NULL || strcmp(record->container, story->id) != 0)
        return;
    story->record_count++;
    if (record->host != NULL)
        write_text(story->host, sizeof(story->host), record->host);
    if (record->kind == RECORD_COMMAND)
        add_command(story, record);
    else if (event != CONTAINER_EVENT_NONE)
        add_event(story, event, record);
    else if (strcmp(record->type, container_lost_schema.name) == 0)
        lose(story, record);
    else if (is_trouble(record->type))
        story->troubles[story->trouble_count++ % STORY_TROUBLES] = event_of(story, record);
}

const struct story_event *story_trouble(const struct story *story, size_t i)
{
    size_t kept = story->trouble_count < STORY_TROUBLES ? story->trouble_count : STORY_TROUBLES;

    return i < kept ? &story->troubles[(story->trouble_count - kept + i) % STORY_TROUBLES] : NULL;
}
