/* Which container of the past is meant; see the header. */
#include "ops/console/subject.h"

#include <errno.h>
#include <string.h>

#include "ops/console/fleet_rows.h"
#include "ops/console/select.h"
#include "ops/console/watch.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/events.h"

/* The creations in the log, while they are read. */
struct search {
    const char *word;
    char by_name[CONTAINER_ID_SIZE + 1]; /* of the latest of that name; "": none */
    char by_id[CONTAINER_ID_SIZE + 1];   /* whose id begins so */
    char other[CONTAINER_ID_SIZE + 1];   /* another one whose id begins so */
};

/* A create command and the event of its success carry the same body. */
static const char *name_of(const struct record *record, struct arena *arena)
{
    struct container_created body = { 0 };
    struct container_renamed renamed = { 0 };

    if (strcmp(record->type, container_renamed_schema.name) == 0 &&
        schema_decode(&container_renamed_schema, record->body.bytes, &renamed, arena, NULL) == 0)
        return renamed.name;
    if (schema_decode(&container_created_schema, record->body.bytes, &body, arena, NULL) < 0)
        return "";
    return body.config->name;
}

static int match_name(void *owner, const struct record *record, struct error *err)
{
    struct search *search = owner;
    const char *id = record->container;
    autoarena arena = { 0 };

    (void)err;
    if (id == NULL || !container_id_is_valid(id))
        return 0;
    if (strcmp(name_of(record, &arena), search->word) == 0)
        memcpy(search->by_name, id, sizeof(search->by_name));
    if (strncmp(id, search->word, strlen(search->word)) != 0 || strcmp(id, search->by_id) == 0)
        return 0;
    memcpy(search->by_id[0] == '\0' ? search->by_id : search->other, id, sizeof(search->by_id));
    return 0;
}

static int choose(const struct search *search, struct subject *subject, struct error *err)
{
    const char *found = search->by_name[0] != '\0' ? search->by_name : search->by_id;

    if (found[0] == '\0')
        return error_set(err, -ENOENT,
                         "no container with name or ID \"%s\" found, nor was there ever one",
                         search->word);
    if (found == search->by_id && search->other[0] != '\0')
        return error_set(err, -ENOTUNIQ,
                         "more than one container that was has an ID like \"%s\": %s, %s",
                         search->word, search->by_id, search->other);
    memcpy(subject->id, found, sizeof(subject->id));
    return 0;
}

static int find_in_log(struct console *console, const char *host, const char *word,
                       struct subject *subject, struct error *err)
{
    char *types[] = { arena_text(&console->arena, container_create_schema.name),
                      arena_text(&console->arena, container_created_schema.name),
                      arena_text(&console->arena, container_renamed_schema.name) };
    char *hosts[] = { arena_text(&console->arena, host) };
    struct watch watch = { .cursor = subject->beginning,
                           .types = { .items = types, .count = sizeof(types) / sizeof(*types) },
                           .hosts = { .items = hosts, .count = host != NULL } };
    struct search search = { .word = word };
    uint64_t head = 0;
    int r = watch_to_end(console, &watch, match_name, &search, &head, err);

    return r == 0 ? choose(&search, subject, err) : r;
}

static int ask_beginning(struct console *console, uint64_t *ret, struct error *err)
{
    static const struct nothing nothing;
    const struct client_question question = { .schema = &info_schema,
                                              .message = &nothing,
                                              .reply = &info_is_schema };
    struct info_is info = { 0 };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    if (r == 0)
        r = client_ask(client, &question, &info, &console->arena, err);
    if (r < 0)
        return r;
    if (info.floor > 0)
        console_note("the log begins after position %llu: what was before is no longer kept",
                     (unsigned long long)info.floor);
    *ret = info.floor;
    return 0;
}

int subject_find(struct console *console, const char *host, const char *word, struct subject *ret,
                 struct error *err)
{
    struct subject subject = { 0 };
    const struct container_row *row = NULL;
    struct container_rows containers;
    int r = ask_beginning(console, &subject.beginning, err);

    if (r == 0)
        r = fleet_containers(console, host, &containers, err);
    if (r < 0)
        return r;
    r = select_container(&containers, word, &row, err);
    subject.is_there = r == 0;
    if (r == 0)
        memcpy(subject.id, row->id, sizeof(subject.id));
    else if (r == -ENOENT && *word != '\0')
        r = find_in_log(console, host, word, &subject, err);
    if (r == 0)
        *ret = subject;
    return r;
}
