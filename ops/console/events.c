/* gantry events */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "ops/console/event_names.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/record_report.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"
#include "ops/console/watch.h"

struct events_options {
    const char *host;
    struct text_list operands;
    struct text_list filters;
    const char *format;
    const char *since;
    const char *until;
    struct maybe_i64 from;
    struct maybe_i64 limit;
    bool streams;
    bool no_stream;
    bool shows_commands;
    bool is_whole;
};

#define EVENTS(...) ARG(struct events_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    EVENTS(shows_commands, ARG_FLAG, 0, "commands", NULL, "What was asked for, too"),
    EVENTS(filters, ARG_LIST, 'f', "filter", "KEY=VALUE",
        "container, event, type, host"),
    EVENTS(format, ARG_TEXT, 0, "format", "FORMAT", "json, or a Go template"),
    EVENTS(from, ARG_NUMBER, 0, "from-seq", "POS", "From this position of the log on; 0: all"),
    EVENTS(host, ARG_TEXT, 0, "host", "HOST", "Only of this host"),
    EVENTS(limit, ARG_NUMBER, 0, "limit", "N", "End after N events: scripts wait for one so"),
    EVENTS(is_whole, ARG_FLAG, 0, "no-trunc", NULL, "Taken for podman's sake: nothing is cut"),
    EVENTS(since, ARG_TEXT, 0, "since", "TIME", "From this time on: a time, or \"10m\" ago"),
    EVENTS(streams, ARG_FLAG, 0, "stream", NULL, "Go on when all was shown (default: true)"),
    EVENTS(no_stream, ARG_FLAG, 0, "no-stream", NULL, "The same as --stream=false"),
    EVENTS(until, ARG_TEXT, 0, "until", "TIME", "Up to this time"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct events_options, operands),
};

/* What is shown, and of what. */
struct following {
    struct console *console;
    const struct events_options *options;
    struct event_names *names;
    struct watch watch;
    uint64_t since; /* ns; 0: all */
    uint64_t until; /* ns; 0: no end */
    int64_t left;   /* events to show until the limit */
    bool is_over;   /* the limit, or a record after `until`, was reached */
};

static uint64_t time_of(const struct record *record)
{
    return record->happened != 0 ? record->happened : record->time;
}

/* "key=value": the value when the word is of this key. */
static const char *value_of(const char *word, const char *key)
{
    size_t size = strlen(key);

    return strncmp(word, key, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static bool matches(const char *key, const char *value, const struct record *record,
                    const char *name)
{
    if (strcmp(key, "container") == 0)
        return record->container != NULL &&
               (strncmp(record->container, value, strlen(value)) == 0 ||
                (name != NULL && strcmp(name, value) == 0));
    if (strcmp(key, "event") == 0)
        return strcmp(value, record_report_status(record)) == 0 || strcmp(value, record->type) == 0;
    if (strcmp(key, "type") == 0)
        return strncmp(record->type, value, strlen(value)) == 0 &&
               record->type[strlen(value)] == '.';
    return record->host != NULL && strcmp(record->host, value) == 0;
}

static const char *const filter_keys[] = { "container", "event", "type", "host" };
#define FILTER_KEY_COUNT (sizeof(filter_keys) / sizeof(*filter_keys))

/* Values of one key are alternatives; every key must match. */
static bool passes_key(const struct following *following, const char *key,
                       const struct record *record, const char *name, bool *ret_is_given)
{
    const struct text_list *filters = &following->options->filters;
    bool is_matched = false;

    *ret_is_given = false;
    for (size_t i = 0; i < filters->count; i++) {
        const char *value = value_of(filters->items[i], key);

        if (value == NULL)
            continue;
        *ret_is_given = true;
        is_matched |= matches(key, value, record, name);
    }
    return is_matched || !*ret_is_given;
}

/* Outcomes of commands and words about access and the log are shown when they are asked for: podman
 * has no such events. */
static bool is_background(const struct record *record)
{
    return strncmp(record->type, "command.", 8) == 0 || strncmp(record->type, "access.", 7) == 0 ||
           strncmp(record->type, "log.", 4) == 0;
}

static bool is_shown(const struct following *following, const struct record *record,
                     const char *name)
{
    bool asks_for_type = false;

    if (time_of(record) < following->since)
        return false;
    for (size_t i = 0; i < FILTER_KEY_COUNT; i++) {
        bool is_given = false;

        if (!passes_key(following, filter_keys[i], record, name, &is_given))
            return false;
        asks_for_type |= is_given && i > 0 && i < 3;
    }
    return asks_for_type || !is_background(record);
}

static int show_record(const struct following *following, const struct record *record,
                       const char *name, struct error *err)
{
    const char *format = following->options->format;
    autoarena arena = { 0 };
    autotree *fields = NULL;
    autofree char *json = NULL;

    if (format == NULL) {
        puts(record_report_line(record, name, &arena));
        return 0;
    }
    fields = record_report_fields(record, name, &arena);
    if (!show_is_json(format))
        return show_template(format, fields, &arena, err);
    json = tree_json(fields, 0);
    puts(json);
    return 0;
}

static int show_counted(struct following *following, const struct record *record, const char *name,
                        struct error *err)
{
    following->left--;
    following->is_over = following->left == 0;
    return show_record(following, record, name, err);
}

static int show_page(struct following *following, const struct watch_page *page, struct error *err)
{
    int r = 0;

    if (page->missed_upto != 0)
        console_note("records up to %llu are no longer kept",
                     (unsigned long long)page->missed_upto);
    for (size_t i = 0; r == 0 && i < page->count && !following->is_over; i++) {
        const struct record *record = &page->records[i];
        const char *name = event_names_of(following->names, record);

        if (following->until != 0 && time_of(record) > following->until)
            following->is_over = true;
        else if (is_shown(following, record, name))
            r = show_counted(following, record, name, err);
    }
    (void)fflush(stdout);
    return r;
}

static int follow(struct following *following, struct error *err)
{
    bool streams = following->options->streams && !following->options->no_stream;

    for (;;) {
        autoarena arena = { 0 };
        struct watch_page page;
        int r;

        following->watch.wait_ms = streams ? POLL_WAIT_MS : 0;
        r = watch_next(following->console, &following->watch, &arena, &page, err);
        if (r == 0)
            r = show_page(following, &page, err);
        if (r < 0 || following->is_over)
            return r;
        if (!page.page.has_more && !streams)
            return 0;
        if (!page.page.has_more && following->until != 0 && clock_wall_ns() > following->until)
            return 0;
    }
}

static int check_filters(const struct text_list *filters, struct error *err)
{
    for (size_t i = 0; i < filters->count; i++) {
        bool is_known = false;

        for (size_t key = 0; key < FILTER_KEY_COUNT; key++)
            is_known |= value_of(filters->items[i], filter_keys[key]) != NULL;
        if (!is_known)
            return error_set(err, -EINVAL, "invalid filter \"%s\"", filters->items[i]);
    }
    return 0;
}

/* Where to begin: podman shows what comes from now on unless a beginning is given, or the end is
 * now. */
static int choose_beginning(struct following *following, uint64_t head, struct error *err)
{
    const struct events_options *options = following->options;
    uint64_t now = clock_wall_ns();
    bool streams = options->streams && !options->no_stream;
    int r = 0;

    if (options->since != NULL)
        r = units_parse_time(options->since, now, &following->since, err);
    if (r == 0 && options->until != NULL)
        r = units_parse_time(options->until, now, &following->until, err);
    if (r < 0)
        return r;
    if (options->limit.is_set && options->limit.value < 1)
        return error_set(err, -EINVAL, "--limit: give a number from 1 on");
    following->left = options->limit.is_set ? options->limit.value : INT64_MAX;
    if (options->from.is_set && options->from.value < 0)
        return error_set(err, -EINVAL, "--from-seq: give a position from 0 on");
    if (options->from.is_set)
        following->watch.cursor = options->from.value > 0 ? (uint64_t)options->from.value - 1 : 0;
    else if (options->since == NULL && options->until == NULL && streams)
        following->watch.cursor = head;
    return 0;
}

int verb_events(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct events_options options = { .host = console->host, .streams = true };
    autodestroy(event_names) struct event_names *names = event_names_new();
    struct following following = { .console = console, .options = &options, .names = names };
    struct container_rows containers = { 0 };
    char *host;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 0, err);
    if (r == 0)
        r = check_filters(&options.filters, err);
    if (r == 0)
        r = fleet_containers(console, NULL, &containers, err);
    if (r < 0)
        return r;
    event_names_learn_rows(names, &containers);
    host = arena_text(&console->arena, options.host);
    following.watch = (struct watch){
        .hosts = { .items = &host, .count = host != NULL },
        .kind = options.shows_commands ? 0 : RECORD_EVENT,
    };
    r = choose_beginning(&following, containers.pos, err);
    return r == 0 ? follow(&following, err) : r;
}
