/* gantry image ls (images), gantry image inspect */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/image_report.h"
#include "ops/console/select.h"
#include "ops/console/show.h"
#include "ops/console/tree.h"
#include "ops/console/verbs.h"

#define DEFAULT_FORMAT \
    "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}\t{{.Host}}"
#define DIGESTS_FORMAT                                                                 \
    "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Created}}\t{{.Size}}\t" \
    "{{.Host}}"

struct ls_options {
    const char *host;
    struct text_list operands; /* a name: only images that are called so */
    struct text_list filters;
    bool all; /* there are no intermediate ones: it changes nothing */
    bool digests;
    bool is_quiet;
    bool is_whole;
    bool no_titles;
    const char *format;
    const char *sort;
};

#define LS(...) ARG(struct ls_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row ls_rows[] = {
    LS(all, ARG_FLAG, 'a', "all", NULL, "All images (that is so anyway)"),
    LS(digests, ARG_FLAG, 0, "digests", NULL, "Digests too"),
    LS(filters, ARG_LIST, 'f', "filter", "KEY=VALUE", "dangling, host, id, label, reference"),
    LS(format, ARG_TEXT, 0, "format", "FORMAT", "json, a Go template, or \"table TEMPLATE\""),
    LS(host, ARG_TEXT, 0, "host", "HOST", "Only images of this host"),
    LS(no_titles, ARG_FLAG, 'n', "noheading", NULL, "No line of titles"),
    LS(is_whole, ARG_FLAG, 0, "no-trunc", NULL, "Whole ids"),
    LS(is_quiet, ARG_FLAG, 'q', "quiet", NULL, "Ids only"),
    LS(sort, ARG_TEXT, 0, "sort", "FIELD", "created, host, id, repository or size"),
};
/* clang-format on */

static const struct args_table ls_table = {
    .rows = ls_rows,
    .count = sizeof(ls_rows) / sizeof(*ls_rows),
    .operands = offsetof(struct ls_options, operands),
};

static bool is_called(const struct image_row *row, const char *pattern)
{
    for (size_t i = 0; i < row->image->names.count; i++) {
        const char *name = row->image->names.items[i];
        const char *colon = strrchr(name, ':');
        size_t size = strlen(pattern);

        if (fnmatch(pattern, name, 0) == 0)
            return true;
        /* "web" and "a/web" are what the name ends with before its tag. */
        if (colon != NULL && (size_t)(colon - name) >= size &&
            strncmp(colon - size, pattern, size) == 0 &&
            (colon - size == name || colon[-(ptrdiff_t)size - 1] == '/'))
            return true;
        if (strlen(name) > size && strcmp(name + strlen(name) - size, pattern) == 0 &&
            name[strlen(name) - size - 1] == '/')
            return true;
    }
    return false;
}

static bool passes_dangling(const struct image_row *row, const char *value)
{
    return (row->image->names.count == 0) == (strcmp(value, "true") == 0);
}

static bool passes_host(const struct image_row *row, const char *value)
{
    return strcmp(row->host, value) == 0;
}

static bool passes_id(const struct image_row *row, const char *value)
{
    return strncmp(row->image->id, value, strlen(value)) == 0;
}

static bool passes_label(const struct image_row *row, const char *value)
{
    size_t size = strcspn(value, "=");

    for (size_t i = 0; row->image->config != NULL && i < row->image->config->labels.count; i++) {
        const struct text_pair *label = &row->image->config->labels.items[i];

        if (strlen(label->key) == size && strncmp(label->key, value, size) == 0 &&
            (value[size] == '\0' || strcmp(label->value, value + size + 1) == 0))
            return true;
    }
    return false;
}

static const struct {
    const char *key;
    bool (*passes)(const struct image_row *row, const char *value);
} filters[] = {
    { "dangling", passes_dangling }, { "host", passes_host },    { "id", passes_id },
    { "label", passes_label },       { "reference", is_called },
};

static int passes(const struct image_row *row, const struct text_list *words, bool *ret,
                  struct error *err)
{
    *ret = true;
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        size_t size = strcspn(word, "=");
        bool is_known = false;

        for (size_t j = 0; word[size] == '=' && j < sizeof(filters) / sizeof(*filters); j++) {
            if (strlen(filters[j].key) != size || strncmp(filters[j].key, word, size) != 0)
                continue;
            is_known = true;
            *ret = *ret && (row == NULL || filters[j].passes(row, word + size + 1));
        }
        if (!is_known)
            return error_set(err, -EINVAL, "invalid filter \"%s\"", word);
    }
    return 0;
}

typedef int compare_fn(const void *a, const void *b);

static const struct image_row *row_of(const void *item)
{
    return item;
}

/* The newest first, as podman. */
static int by_created(const void *a, const void *b)
{
    uint64_t first = row_of(a)->image->created;
    uint64_t second = row_of(b)->image->created;

    return first > second ? -1 : first < second;
}

static int by_size(const void *a, const void *b)
{
    uint64_t first = row_of(a)->image->size;
    uint64_t second = row_of(b)->image->size;

    return first < second ? -1 : first > second;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(row_of(a)->image->id, row_of(b)->image->id);
}

static int by_host(const void *a, const void *b)
{
    return strcmp(row_of(a)->host, row_of(b)->host);
}

static const char *first_name(const struct image_row *row)
{
    return row->image->names.count > 0 ? row->image->names.items[0] : "";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(first_name(row_of(a)), first_name(row_of(b)));
}

static int find_order(const char *name, compare_fn **ret, struct error *err)
{
    static const struct {
        const char *name;
        compare_fn *compare;
    } orders[] = {
        { "created", by_created }, { "host", by_host },       { "id", by_id },
        { "size", by_size },       { "repository", by_name }, { "tag", by_name },
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        if (name == NULL || strcmp(orders[i].name, name) == 0) {
            *ret = orders[i].compare;
            return 0;
        }
    }
    return error_set(err, -EINVAL, "invalid option for --sort: \"%s\"", name);
}

/* Keep what is wanted. */
static int choose(const struct ls_options *options, struct image_rows *rows, struct error *err)
{
    size_t kept = 0;
    bool is_wanted;
    int r = passes(NULL, &options->filters, &is_wanted, err);

    for (size_t i = 0; r == 0 && i < rows->count; i++) {
        const struct image_row *row = &rows->items[i];

        if (row->image == NULL ||
            (options->operands.count > 0 && !is_called(row, options->operands.items[0])))
            continue;
        r = passes(row, &options->filters, &is_wanted, err);
        if (r == 0 && is_wanted)
            rows->items[kept++] = rows->items[i];
    }
    rows->count = kept;
    return r;
}

static void add_lines(struct json_t *list, const struct image_row *row,
                      const struct image_report_options *how, struct arena *arena)
{
    if (row->image->names.count == 0)
        tree_append(list, image_report_fields(row, NULL, how, arena));
    for (size_t i = 0; i < row->image->names.count; i++)
        tree_append(list, image_report_fields(row, row->image->names.items[i], how, arena));
}

/* An id is said once, however many names it has. */
static void print_ids(const struct image_rows *rows, bool is_whole)
{
    for (size_t i = 0; i < rows->count; i++)
        (void)printf("%s%.*s\n", is_whole ? "sha256:" : "", is_whole ? 64 : 12,
                     rows->items[i].image->id);
}

static unsigned count_users(const struct container_rows *containers, const struct image_row *row)
{
    unsigned count = 0;

    for (size_t i = 0; i < containers->count; i++) {
        const struct container_row *container = &containers->items[i];

        count += container->config != NULL && container->config->image_id != NULL &&
                 strcmp(container->host, row->host) == 0 &&
                 strcmp(container->config->image_id, row->image->id) == 0;
    }
    return count;
}

static int show_all_json(struct console *console, const struct ls_options *options,
                         const struct image_rows *rows, struct error *err)
{
    struct container_rows containers = { 0 };
    autotree *list = tree_list();
    int r = fleet_containers(console, options->host, &containers, err);

    for (size_t i = 0; r == 0 && i < rows->count; i++)
        tree_append(
            list, image_report_listed(&rows->items[i], count_users(&containers, &rows->items[i])));
    if (r == 0)
        show_json(list);
    return r;
}

static int show(struct console *console, const struct ls_options *options,
                const struct image_rows *rows, struct error *err)
{
    const struct image_report_options how = { .now = clock_wall_ns(),
                                              .is_whole = options->is_whole };
    autotree *list = tree_list();
    autotree *titles = image_report_titles();
    const struct show_rows shown = { .format = options->format != NULL ? options->format
                                               : options->digests      ? DIGESTS_FORMAT
                                                                       : DEFAULT_FORMAT,
                                     .titles = titles,
                                     .has_titles = !options->no_titles };

    if (options->is_quiet) {
        print_ids(rows, options->is_whole);
        return 0;
    }
    if (show_is_json(options->format))
        return show_all_json(console, options, rows, err);
    for (size_t i = 0; i < rows->count; i++)
        add_lines(list, &rows->items[i], &how, &console->arena);
    return show_rows(&shown, list, &console->arena, err);
}

int verb_images(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct ls_options options = { .host = console->host };
    struct image_rows rows = { 0 };
    compare_fn *order = NULL;
    int r = args_parse(&ls_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 0, 1, err);
    if (r == 0 && options.is_quiet && options.format != NULL)
        r = error_set(err, -EINVAL, "quiet and format cannot be used together");
    if (r == 0)
        r = find_order(options.sort, &order, err);
    if (r == 0)
        r = fleet_images(console, options.host, &rows, err);
    if (r == 0)
        r = choose(&options, &rows, err);
    if (r < 0)
        return r;
    if (rows.count > 1)
        qsort(rows.items, rows.count, sizeof(*rows.items), order);
    return show(console, &options, &rows, err);
}

/* --- inspect */

struct inspect_options {
    const char *host;
    const char *format;
    struct text_list images;
};

/* clang-format off */
static const struct arg_row inspect_rows[] = {
    ARG(struct inspect_options, format, ARG_TEXT, 'f', "format", "FORMAT", "json, or a Go template"),
    ARG(struct inspect_options, host, ARG_TEXT, 0, "host", "HOST", "Only images of this host"),
};
/* clang-format on */

static const struct args_table inspect_table = {
    .rows = inspect_rows,
    .count = sizeof(inspect_rows) / sizeof(*inspect_rows),
    .operands = offsetof(struct inspect_options, images),
};

int image_inspect(struct console *console, const struct args_usage *usage, char **argv,
                  struct error *err)
{
    struct inspect_options options = { .host = console->host };
    struct image_rows rows = { 0 };
    autotree *list = NULL;
    int r = args_parse(&inspect_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.images.count, 1, SIZE_MAX, err);
    if (r == 0)
        r = fleet_images(console, options.host, &rows, err);
    if (r < 0)
        return r;
    list = tree_list();
    for (size_t i = 0; i < options.images.count; i++) {
        const struct image_row *row = NULL;
        struct error why = { 0 };

        if (select_image(&rows, options.images.items[i], &row, &why) < 0)
            console_report(console, &why);
        else
            tree_append(list, image_report_inspected(row, &console->arena));
    }
    return show_inspected(options.format, list, &console->arena, err);
}
