/* gantry why: from a container's state back to whoever asked for it. */
#include <errno.h>
#include <stdio.h>

#include "common/io/clock.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/moment.h"
#include "ops/console/show.h"
#include "ops/console/story_chain.h"
#include "ops/console/subject.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"
#include "ops/console/watch.h"

struct why_options {
    const char *at;
    const char *host;
    const char *format;
    struct text_list containers;
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct why_options, at, ARG_TEXT, 0, "at", MOMENT_VALUE, "Why it was as it was then: " MOMENT_HELP),
    ARG(struct why_options, format, ARG_TEXT, 'f', "format", "FORMAT", "json, or a Go template"),
    ARG(struct why_options, host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct why_options, containers),
};

/* A story while it is read. */
struct reading {
    struct story *story;
    const struct moment *moment; /* NULL: to the end */
    uint64_t time_ns;            /* of the last record */
};

static int add_record(void *owner, const struct record *record, struct error *err)
{
    struct reading *reading = owner;

    (void)err;
    if (reading->moment != NULL && moment_is_before(reading->moment, record))
        return 1;
    reading->time_ns = record->time;
    story_add(reading->story, record);
    return 0;
}

static int read_container(struct console *console, const struct subject *subject,
                          struct reading *reading, struct error *err)
{
    char *id = arena_text(&console->arena, subject->id);
    struct watch watch = { .cursor = subject->beginning,
                           .containers = { .items = &id, .count = 1 } };
    uint64_t head = 0;
    int r = watch_to_end(console, &watch, add_record, reading, &head, err);

    return r < 0 ? r : 0;
}

/* A container that nobody removed and that is not there: its host has forgotten it. */
static int read_host(struct console *console, const struct subject *subject,
                     struct reading *reading, struct error *err)
{
    char *host = arena_text(&console->arena, reading->story->host);
    char *type = arena_text(&console->arena, host_hello_schema.name);
    struct watch watch = { .cursor = subject->beginning,
                           .hosts = { .items = &host, .count = 1 },
                           .types = { .items = &type, .count = 1 } };
    uint64_t head = 0;
    int r;

    if (subject->is_there || story_part(reading->story, STORY_REMOVED)->fact.pos != 0 ||
        story_part(reading->story, STORY_LOST)->fact.pos != 0)
        return 0;
    r = watch_to_end(console, &watch, add_record, reading, &head, err);
    return r < 0 ? r : 0;
}

static const char *const section_names[] = {
    [CHAIN_STATE] = "state",
    [CHAIN_END] = "end",
    [CHAIN_RUN] = "run",
    [CHAIN_EXISTENCE] = "existence",
};

static void set_fact(struct json_t *tree, const struct story_fact *fact)
{
    char time[UNITS_TIME_SIZE];

    units_write_time(fact->time, time);
    tree_set_number(tree, "Pos", (int64_t)fact->pos);
    tree_set_text(tree, "Time", time);
    tree_set_text(tree, "Kind", fact->kind == RECORD_COMMAND ? "command" : "event");
    tree_set_text(tree, "Record", fact->type);
    tree_set_number(tree, "Run", fact->run);
    tree_set_text(tree, "Actor", fact->actor);
}

static struct json_t *chain_tree(const struct chain *chain)
{
    static const struct story_fact no_fact;
    struct json_t *list = tree_list();

    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_link *link = &chain->links[i];
        struct json_t *tree = tree_object();

        tree_set_text(tree, "Section", section_names[link->section]);
        tree_set_text(tree, "Text", link->text);
        set_fact(tree, link->fact != NULL ? link->fact : &no_fact);
        tree_append(list, tree);
    }
    return list;
}

static struct json_t *troubles_tree(const struct story *story)
{
    struct json_t *list = tree_list();
    const struct story_event *trouble;

    for (size_t i = 0; (trouble = story_trouble(story, i)) != NULL; i++) {
        struct json_t *tree = tree_object();
        char text[CHAIN_TEXT_MAX];

        chain_trouble_text(trouble, text);
        tree_set_text(tree, "Text", text);
        set_fact(tree, &trouble->fact);
        tree_append(list, tree);
    }
    return list;
}

static struct json_t *story_tree(const struct story *story, const struct chain *chain)
{
    struct json_t *tree = tree_object();
    char since[UNITS_TIME_SIZE];

    units_write_time(story->since, since);
    tree_set_text(tree, "Id", story->id);
    tree_set_text(tree, "Name", story->name);
    tree_set_text(tree, "Host", story->host);
    tree_set_text(tree, "State", container_state_name(story->state));
    tree_set_bool(tree, "Removed", story_part(story, STORY_REMOVED)->fact.pos != 0);
    tree_set_bool(tree, "Lost", story_part(story, STORY_LOST)->fact.pos != 0);
    tree_set_text(tree, "Since", since);
    tree_set_number(tree, "Run", story->run);
    tree_set_text(tree, "Summary", chain->summary);
    tree_set(tree, "Chain", chain_tree(chain));
    tree_set(tree, "Troubles", troubles_tree(story));
    return tree;
}

static void print_place(const struct story_fact *fact)
{
    char time[UNITS_TIME_SIZE];

    units_write_time(fact->time, time);
    printf("  [pos %llu, %s]", (unsigned long long)fact->pos, time);
}

static void print_chain(const struct story *story, const struct chain *chain)
{
    enum chain_section section = 0;

    puts(chain->summary);
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_link *link = &chain->links[i];

        if (link->section != section)
            printf("\n%s\n     %s", chain_heading(story, link->section), link->text);
        else
            printf("  <- %s", link->text);
        section = link->section;
        if (link->fact != NULL)
            print_place(link->fact);
        putchar('\n');
    }
}

static void print_troubles(const struct story *story)
{
    const struct story_event *trouble;

    /* Of a container that never came to be the chain has told it already. */
    if (story->trouble_count == 0 ||
        (story->state == CONTAINER_UNKNOWN && story->trouble_count == 1))
        return;
    puts("\nWhat was asked for and did not happen");
    for (size_t i = 0; (trouble = story_trouble(story, i)) != NULL; i++) {
        char text[CHAIN_TEXT_MAX];

        chain_trouble_text(trouble, text);
        printf("     %s", text);
        print_place(&trouble->fact);
        putchar('\n');
    }
    if (story->trouble_count > STORY_TROUBLES)
        printf("     and %zu before\n", story->trouble_count - STORY_TROUBLES);
}

/* What is known of a silent host's container may be old. */
static int print_silence(struct console *console, const struct story *story, struct error *err)
{
    const struct host_row *host;
    struct host_rows hosts;
    char since[UNITS_TIME_SIZE];
    int r = fleet_hosts(console, &hosts, err);

    if (r < 0)
        return r;
    host = host_rows_find(&hosts, story->host);
    if (host == NULL || host->state != HOST_UNREACHABLE)
        return 0;
    units_write_time(host->since, since);
    printf("\nHost %s cannot be reached since %s: what is said here may be old.\n", host->name,
           since);
    return 0;
}

static int show(struct console *console, const struct why_options *options,
                const struct story *story, uint64_t now_ns, struct error *err)
{
    struct chain *chain = arena_zeroed(&console->arena, sizeof(*chain));
    autotree *tree = NULL;

    chain_make(story, now_ns, chain);
    if (options->format != NULL)
        tree = story_tree(story, chain);
    if (show_is_json(options->format)) {
        show_json(tree);
        return 0;
    }
    if (options->format != NULL)
        return show_template(options->format, tree, &console->arena, err);
    print_chain(story, chain);
    print_troubles(story);
    return options->at == NULL ? print_silence(console, story, err) : 0;
}

/* What "5 minutes ago" is reckoned from. */
static uint64_t time_of(const struct reading *reading)
{
    if (reading->moment == NULL)
        return clock_wall_ns();
    return reading->moment->is_position ? reading->time_ns : reading->moment->time_ns;
}

static int explain(struct console *console, const struct why_options *options,
                   const struct moment *moment, struct error *err)
{
    const char *word = options->containers.items[0];
    autofree struct story *story = NULL;
    struct reading reading = { .moment = moment };
    struct subject subject = { 0 };
    int r = subject_find(console, options->host, word, &subject, err);

    if (r < 0)
        return r;
    story = story_new(subject.id);
    reading.story = story;
    r = read_container(console, &subject, &reading, err);
    if (r == 0 && story_is_empty(story))
        r = error_set(err, -ENOENT, "nothing is known of container %s at that moment", word);
    if (r == 0)
        r = read_host(console, &subject, &reading, err);
    return r == 0 ? show(console, options, story, time_of(&reading), err) : r;
}

int verb_why(struct console *console, const struct args_usage *usage, char **argv,
             struct error *err)
{
    struct why_options options = { .host = console->host };
    struct moment moment;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.containers.count, 1, 1, err);
    if (r == 0 && options.at != NULL)
        r = moment_parse(options.at, clock_wall_ns(), &moment, err);
    return r == 0 ? explain(console, &options, options.at != NULL ? &moment : NULL, err) : r;
}
