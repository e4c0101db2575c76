/* gantry diff: what changed between two moments. */
#include <errno.h>
#include <string.h>

#include "common/io/clock.h"
#include "ops/console/differences.h"
#include "ops/console/past.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"

#define DEFAULT_FORMAT \
    "table {{.Kind}}\t{{.ID}}\t{{.Name}}\t{{.Host}}\t{{.Change}}\t{{.From}}\t{{.To}}"

#define SHORT_ID_SIZE 12

struct diff_options {
    const char *from;
    const char *to;
    const char *host;
    const char *format;
    bool is_whole;
    bool no_titles;
    struct text_list containers;
};

#define DIFF(...) ARG(struct diff_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    DIFF(format, ARG_TEXT, 0, "format", "FORMAT", "json, a Go template, or \"table TEMPLATE\""),
    DIFF(from, ARG_TEXT, 0, "from", MOMENT_VALUE, "The earlier moment: " MOMENT_HELP),
    DIFF(host, ARG_TEXT, 0, "host", "HOST", "Only this host and its containers"),
    DIFF(no_titles, ARG_FLAG, 0, "noheading", NULL, "No line of titles"),
    DIFF(is_whole, ARG_FLAG, 0, "no-trunc", NULL, "Whole ids"),
    DIFF(to, ARG_TEXT, 0, "to", MOMENT_VALUE, "The later moment (default: now)"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct diff_options, containers),
};

/* The two moments and the fleet at each of them. */
struct span {
    struct moment from;
    struct moment to;
    struct fleet_rows before;
    struct fleet_rows after;
};

static int read_rows(const struct past *past, struct fleet_rows *ret, struct error *err)
{
    int r = past_containers(past, &ret->containers, err);

    return r == 0 ? past_hosts(past, &ret->hosts, err) : r;
}

static int check_order(const struct diff_options *options, const struct past *past,
                       const struct moment *to, struct error *err)
{
    const struct record reached = { .pos = past_pos(past), .time = past_time_ns(past) };

    if (!moment_is_before(to, &reached))
        return 0;
    return error_set(err, -EINVAL, "--to %s is before --from %s", options->to, options->from);
}

/* One reading of the log: on the way to the later moment it comes by the earlier one. */
static int fold(struct console *console, const struct diff_options *options, struct span *span,
                struct error *err)
{
    autodestroy(past) struct past *past = past_new(console, options->host);
    int r = past_fold(past, &span->from, err);

    if (r == 0)
        r = read_rows(past, &span->before, err);
    if (r == 0)
        r = check_order(options, past, &span->to, err);
    if (r == 0)
        r = past_fold(past, &span->to, err);
    return r == 0 ? read_rows(past, &span->after, err) : r;
}

static int parse_moments(const struct diff_options *options, struct span *ret, struct error *err)
{
    uint64_t now_ns = clock_wall_ns();
    int r;

    if (options->from == NULL)
        return error_set(err, -EINVAL, "diff needs --from %s", MOMENT_VALUE);
    r = moment_parse(options->from, now_ns, &ret->from, err);
    if (r == 0)
        r = moment_parse(options->to, now_ns, &ret->to, err);
    if (r < 0)
        return r;
    if (!ret->from.is_position && !ret->to.is_position && ret->to.time_ns < ret->from.time_ns)
        return error_set(err, -EINVAL, "--to %s is before --from %s", options->to, options->from);
    return 0;
}

static bool is_of_container(const struct difference *difference, const char *word)
{
    return strcmp(difference->name, word) == 0 || strncmp(difference->id, word, strlen(word)) == 0;
}

static bool is_shown(const struct diff_options *options, const struct difference *difference)
{
    if (options->containers.count == 0)
        return true;
    return *difference->id != '\0' && is_of_container(difference, options->containers.items[0]);
}

static struct json_t *report(const struct difference *difference, bool is_whole,
                             struct arena *arena)
{
    struct json_t *tree = tree_object();
    size_t size = is_whole ? strlen(difference->id) : strnlen(difference->id, SHORT_ID_SIZE);

    tree_set_text(tree, "Kind", difference->kind);
    tree_set_text(tree, "ID", arena_text_n(arena, difference->id, size));
    tree_set_text(tree, "Name", difference->name);
    tree_set_text(tree, "Host", difference->host);
    tree_set_text(tree, "Change", difference->what);
    tree_set_text(tree, "From", difference->from);
    tree_set_text(tree, "To", difference->to);
    return tree;
}

static struct json_t *make_titles(void)
{
    static const char *const titles[][2] = {
        { "Kind", "KIND" },     { "ID", "CONTAINER ID" }, { "Name", "NAME" }, { "Host", "HOST" },
        { "Change", "CHANGE" }, { "From", "FROM" },       { "To", "TO" },
    };
    struct json_t *tree = tree_object();

    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        tree_set_text(tree, titles[i][0], titles[i][1]);
    return tree;
}

static int show(struct console *console, const struct diff_options *options,
                const struct differences *differences, struct error *err)
{
    bool is_json = show_is_json(options->format);
    autotree *list = tree_list();
    autotree *titles = make_titles();
    const struct show_rows how = { .format = options->format,
                                   .titles = titles,
                                   .has_titles = !options->no_titles };

    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];

        if (is_shown(options, difference))
            tree_append(list, report(difference, is_json || options->is_whole, &console->arena));
    }
    if (!is_json)
        return show_rows(&how, list, &console->arena, err);
    show_json(list);
    return 0;
}

int verb_diff(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct diff_options options = { .host = console->host, .to = "now", .format = DEFAULT_FORMAT };
    struct differences differences = { 0 };
    struct span span = { 0 };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    /* Without a moment it is podman's: what the container has changed of its image. */
    if (options.from == NULL && options.containers.count > 0 && strcmp(options.to, "now") == 0)
        return diff_container(console, usage, argv, err);
    r = console_check_operands(usage, options.containers.count, 0, 1, err);
    if (r == 0)
        r = parse_moments(&options, &span, err);
    if (r == 0)
        r = fold(console, &options, &span, err);
    if (r < 0)
        return r;
    differences_find(&span.before, &span.after, &differences, &console->arena);
    return show(console, &options, &differences, err);
}
