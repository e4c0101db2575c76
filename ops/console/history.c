/* gantry history: every record about one container, commands and outcomes included. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ops/console/fleet_rows.h"
#include "ops/console/record_report.h"
#include "ops/console/select.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"
#include "ops/console/watch.h"
#include "schemas/codec.h"
#include "schemas/events.h"

#define DEFAULT_FORMAT \
    "table {{.Pos}}\t{{.Time}}\t{{.Kind}}\t{{.Record}}\t{{.Run}}\t{{.Actor}}\t{{.Details}}"

struct history_options {
    const char *host;
    const char *format;
    struct text_list containers;
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct history_options, format, ARG_TEXT, 0, "format", "FORMAT",
        "json, a Go template, or \"table TEMPLATE\""),
    ARG(struct history_options, host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct history_options, containers),
};

/* A container that is in the log only: found by its container.created. */
struct search {
    const char *word;
    char id[CONTAINER_ID_SIZE + 1]; /* of the latest match */
};

static int match_created(void *owner, const struct record *record, struct error *err)
{
    struct search *search = owner;
    autoarena arena = { 0 };
    struct container_created created = { 0 };
    int r = schema_decode(&container_created_schema, record->body.bytes, &created, &arena, err);

    if (r < 0)
        return r;
    if (record->container == NULL || !container_id_is_valid(record->container))
        return 0;
    if (strncmp(record->container, search->word, strlen(search->word)) == 0 ||
        (created.config != NULL && strcmp(created.config->name, search->word) == 0))
        memcpy(search->id, record->container, sizeof(search->id));
    return 0;
}

static int find_removed(struct console *console, struct search *search, struct error *err)
{
    char *type = arena_text(&console->arena, container_created_schema.name);
    struct watch watch = { .types = { .items = &type, .count = 1 }, .kind = RECORD_EVENT };
    int r = watch_all(console, &watch, match_created, search, err);

    if (r < 0)
        return r;
    if (search->id[0] == '\0')
        return error_set(err, -ENOENT,
                         "no container with name or ID \"%s\" found: no such container",
                         search->word);
    return 0;
}

/* One that is there wins over one that was removed; of removed ones the latest. */
static int find_id(struct console *console, const struct history_options *options, const char *word,
                   const char **ret, struct error *err)
{
    struct search search = { .word = word };
    const struct container_row *row = NULL;
    struct container_rows containers;
    int r = fleet_containers(console, options->host, &containers, err);

    if (r < 0)
        return r;
    r = select_container(&containers, word, &row, err);
    if (r == 0)
        *ret = row->id;
    if (r != -ENOENT || *word == '\0')
        return r;
    r = find_removed(console, &search, err);
    if (r == 0)
        *ret = arena_text(&console->arena, search.id);
    return r;
}

struct collecting {
    struct json_t *list;
    struct arena *arena;
    bool is_json;
};

static int collect(void *owner, const struct record *record, struct error *err)
{
    struct collecting *collecting = owner;
    struct json_t *fields = record_report_fields(record, NULL, collecting->arena);

    (void)err;
    if (!collecting->is_json)
        tree_set_text(fields, "Details", record_report_details(record, collecting->arena));
    tree_append(collecting->list, fields);
    return 0;
}

static struct json_t *make_titles(void)
{
    static const char *const titles[][2] = {
        { "Pos", "POS" },   { "Time", "TIME" },   { "Kind", "KIND" },     { "Record", "RECORD" },
        { "Run", "RUN" },   { "Actor", "ACTOR" }, { "ID", "ID" },         { "Details", "DETAILS" },
        { "Host", "HOST" }, { "Cause", "CAUSE" }, { "Status", "STATUS" }, { "Type", "TYPE" },
    };
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        tree_set_text(tree, titles[i][0], titles[i][1]);
    return tree;
}

int verb_history(struct console *console, const struct args_usage *usage, char **argv,
                 struct error *err)
{
    struct history_options options = { .host = console->host };
    autotree *list = NULL;
    autotree *titles = NULL;
    const char *found = NULL;
    char *id;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.containers.count, 1, 1, err);
    if (r == 0)
        r = find_id(console, &options, options.containers.items[0], &found, err);
    if (r < 0)
        return r;
    id = arena_text(&console->arena, found);
    list = tree_list();
    titles = make_titles();

    struct collecting collecting = { .list = list,
                                     .arena = &console->arena,
                                     .is_json = show_is_json(options.format) };
    struct watch watch = { .containers = { .items = &id, .count = 1 } };

    r = watch_all(console, &watch, collect, &collecting, err);
    if (r < 0)
        return r;
    if (collecting.is_json) {
        show_json(list);
        return 0;
    }
    return show_rows(
        &(struct show_rows){ .format = options.format != NULL ? options.format : DEFAULT_FORMAT,
                             .titles = titles,
                             .has_titles = true },
        list, &console->arena, err);
}
