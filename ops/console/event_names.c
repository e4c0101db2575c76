/* Names of containers; see the header. */
#include "ops/console/event_names.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/events.h"

struct name {
    char id[CONTAINER_ID_SIZE + 1];
    char *text;
    UT_hash_handle hh;
};

struct event_names {
    struct name *by_id;
    char *removed; /* the name that was given last for a removed container */
};

struct event_names *event_names_new(void)
{
    return mem_new(struct event_names);
}

static void forget(struct event_names *names, struct name *name)
{
    HASH_DEL(names->by_id, name);
    free(names->removed);
    names->removed = name->text;
    free(name);
}

void event_names_destroy(struct event_names *names)
{
    struct name *name;
    struct name *next;

    if (names == NULL)
        return;
    HASH_ITER(hh, names->by_id, name, next)
    forget(names, name);
    free(names->removed);
    free(names);
}

static struct name *find(struct event_names *names, const char *id)
{
    struct name *name = NULL;

    HASH_FIND_STR(names->by_id, id, name);
    return name;
}

static void learn(struct event_names *names, const char *id, const char *text)
{
    struct name *name;

    if (!container_id_is_valid(id) || find(names, id) != NULL)
        return;
    name = mem_new(struct name);
    memcpy(name->id, id, sizeof(name->id));
    name->text = mem_dup_text(text);
    HASH_ADD_STR(names->by_id, id, name);
}

void event_names_learn_rows(struct event_names *names, const struct container_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].config != NULL)
            learn(names, rows->items[i].id, rows->items[i].config->name);
    }
}

static void learn_created(struct event_names *names, const struct record *record)
{
    autoarena arena = { 0 };
    struct container_created created = { 0 };

    if (schema_decode(&container_created_schema, record->body.bytes, &created, &arena, NULL) == 0 &&
        created.config != NULL)
        learn(names, record->container, created.config->name);
}

static void learn_renamed(struct event_names *names, const struct record *record)
{
    autoarena arena = { 0 };
    struct container_renamed renamed = { 0 };
    struct name *name = find(names, record->container);

    if (schema_decode(&container_renamed_schema, record->body.bytes, &renamed, &arena, NULL) < 0)
        return;
    if (name != NULL)
        forget(names, name);
    learn(names, record->container, renamed.name);
}

const char *event_names_of(struct event_names *names, const struct record *record)
{
    struct name *name;

    if (record->container == NULL)
        return NULL;
    if (strcmp(record->type, container_created_schema.name) == 0)
        learn_created(names, record);
    else if (strcmp(record->type, container_renamed_schema.name) == 0)
        learn_renamed(names, record);
    name = find(names, record->container);
    if (name == NULL || (strcmp(record->type, container_removed_schema.name) != 0 &&
                         strcmp(record->type, container_lost_schema.name) != 0))
        return name != NULL ? name->text : NULL;
    forget(names, name);
    return names->removed;
}
