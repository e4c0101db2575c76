/* gantry history: every record about one container, commands and outcomes included. */
#include <stdio.h>

#include "ops/console/record_report.h"
#include "ops/console/show.h"
#include "ops/console/subject.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"
#include "ops/console/watch.h"

/* What is read is shown in parts of so many records: a long history does not fill the memory. */
#define PART_RECORDS 1024

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

/* What was read and is not shown yet. */
struct part {
    const char *format;
    bool is_json;
    struct json_t *titles;
    struct json_t *list; /* owned */
    size_t count;        /* of all records, shown ones too */
};

static void print_json(const struct part *part)
{
    size_t first = part->count - tree_length(part->list);

    for (size_t i = 0; i < tree_length(part->list); i++) {
        autofree char *text = tree_json(tree_at(part->list, i, NULL), 4);

        printf("%s%s", first + i > 0 ? ",\n" : "", text);
    }
}

static int print_part(struct part *part, struct error *err)
{
    const struct show_rows how = {
        .format = part->format,
        .titles = part->titles,
        .has_titles = part->count == tree_length(part->list),
    };
    autoarena arena = { 0 };
    int r = 0;

    if (part->is_json)
        print_json(part);
    else
        r = show_rows(&how, part->list, &arena, err);
    tree_destroy(part->list);
    part->list = tree_list();
    return r;
}

static int add_record(void *owner, const struct record *record, struct error *err)
{
    struct part *part = owner;
    autoarena arena = { 0 };
    struct json_t *fields = record_report_fields(record, NULL, &arena);

    if (!part->is_json)
        tree_set_text(fields, "Details", record_report_details(record, &arena));
    tree_append(part->list, fields);
    part->count++;
    return tree_length(part->list) < PART_RECORDS ? 0 : print_part(part, err);
}

static int show_history(struct console *console, const struct subject *subject, struct part *part,
                        struct error *err)
{
    char *id = arena_text(&console->arena, subject->id);
    struct watch watch = { .cursor = subject->beginning,
                           .containers = { .items = &id, .count = 1 } };
    uint64_t head = 0;
    int r;

    if (part->is_json)
        puts("[");
    r = watch_to_end(console, &watch, add_record, part, &head, err);
    if (r == 0)
        r = print_part(part, err);
    if (part->is_json)
        puts("\n]");
    return r;
}

int verb_history(struct console *console, const struct args_usage *usage, char **argv,
                 struct error *err)
{
    struct history_options options = { .host = console->host, .format = DEFAULT_FORMAT };
    struct subject subject = { 0 };
    autotree *titles = make_titles();
    struct part part = { .titles = titles };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.containers.count, 1, 1, err);
    if (r == 0)
        r = subject_find(console, options.host, options.containers.items[0], &subject, err);
    if (r < 0)
        return r;
    part.format = options.format;
    part.is_json = show_is_json(options.format);
    part.list = tree_list();
    r = show_history(console, &subject, &part, err);
    tree_destroy(part.list);
    return r;
}
