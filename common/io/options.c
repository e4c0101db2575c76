/* A daemon's options; see the header. */
#include "common/io/options.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"

#define FILE_SIZE_MAX (1024UL * 1024)
#define SPACE         " \t\r"
#define FLAG_VALUE    "yes"
#define NAME_COLUMN   28 /* where --help begins to explain */

/* What was said of one row, in order. */
struct saying {
    char **values;
    size_t count;
    bool is_settled; /* the command line spoke: the file is not asked */
};

struct option_set {
    const struct option_row *rows;
    size_t count;
    struct saying *sayings; /* by row */
};

/* What the command line says beside the rows. */
struct request {
    const char *config; /* borrowed from argv */
    bool wants_help;
    bool wants_version;
};

/* The row's index; the count when there is none of that name. */
static size_t find_row(const struct option_set *set, const char *name)
{
    size_t i = 0;

    while (i < set->count && strcmp(set->rows[i].name, name) != 0)
        i++;
    return i;
}

static void say(struct saying *saying, const char *value)
{
    saying->values = mem_resized(saying->values, (saying->count + 1) * sizeof(*saying->values));
    saying->values[saying->count++] = mem_dup_text(value);
}

static void unsay(struct saying *saying)
{
    while (saying->count > 0)
        free(saying->values[--saying->count]);
}

/* "--name=value" and "--name" "value": the name is cut off `text`. NULL: the argument has none. */
static const char *split_value(char *text)
{
    char *equals = strchr(text, '=');

    if (equals == NULL)
        return NULL;
    *equals = '\0';
    return equals + 1;
}

/* The value of argument `*i`, which may be the next argument; moves on to it. */
static int take_value(char **argv, int *i, const char *name, const char **value, struct error *err)
{
    if (*value != NULL)
        return 0;
    if (argv[*i + 1] == NULL)
        return error_set(err, -EINVAL, "option --%s needs a value", name);
    *value = argv[++*i];
    return 0;
}

static int parse_row(struct option_set *set, char **argv, int *i, char *name, struct error *err)
{
    const char *value = split_value(name);
    size_t index = find_row(set, name);
    int r;

    if (index == set->count)
        return error_set(err, -EINVAL, "unknown option --%s", name);
    if (set->rows[index].value == NULL) {
        if (value != NULL)
            return error_set(err, -EINVAL, "option --%s takes no value", name);
        value = FLAG_VALUE;
    }
    r = take_value(argv, i, name, &value, err);
    if (r < 0)
        return r;
    set->sayings[index].is_settled = true;
    say(&set->sayings[index], value);
    return 0;
}

static int parse_argument(struct option_set *set, char **argv, int *i, struct request *request,
                          struct error *err)
{
    const char *argument = argv[*i];
    autofree char *name = NULL;

    if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0')
        return error_set(err, -EINVAL, "unexpected argument %s", argument);
    name = mem_dup_text(argument + 2);
    if (strcmp(name, "help") == 0) {
        request->wants_help = true;
        return 0;
    }
    if (strcmp(name, "version") == 0) {
        request->wants_version = true;
        return 0;
    }
    if (strncmp(argument, "--config=", strlen("--config=")) == 0) {
        request->config = argument + strlen("--config=");
        return 0;
    }
    if (strcmp(name, "config") == 0) {
        request->config = NULL;
        return take_value(argv, i, name, &request->config, err);
    }
    return parse_row(set, argv, i, name, err);
}

/* Without the spaces around it; `text` is cut. */
static char *trim(char *text)
{
    size_t size;

    text += strspn(text, SPACE);
    for (size = strlen(text); size > 0 && strchr(SPACE, text[size - 1]) != NULL; size--)
        continue;
    text[size] = '\0';
    return text;
}

/* A '#' within a word is the word's: URLs may hold one. */
static void cut_comment(char *line)
{
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '#' && (at == line || strchr(SPACE, at[-1]) != NULL)) {
            *at = '\0';
            return;
        }
    }
}

/* A flag in a file: said when it is "yes", not said when it is "no". */
static int set_flag(struct saying *saying, const char *name, const char *value, struct error *err)
{
    if (value == NULL || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0) {
        say(saying, FLAG_VALUE);
        return 0;
    }
    if (strcmp(value, "no") == 0 || strcmp(value, "false") == 0) {
        unsay(saying);
        return 0;
    }
    return error_set(err, -EINVAL, "option %s is yes or no, not %s", name, value);
}

static int parse_line(struct option_set *set, char *line, struct error *err)
{
    const char *value;
    const char *name;
    char *equals;
    size_t index;

    cut_comment(line);
    line = trim(line);
    if (*line == '\0')
        return 0;
    equals = strchr(line, '=');
    if (equals != NULL)
        *equals = '\0';
    name = trim(line);
    value = equals != NULL ? trim(equals + 1) : NULL;
    index = find_row(set, name);
    if (index == set->count)
        return error_set(err, -EINVAL, "unknown option %s", name);
    if (set->sayings[index].is_settled)
        return 0;
    if (set->rows[index].value == NULL)
        return set_flag(&set->sayings[index], name, value, err);
    if (value == NULL || *value == '\0')
        return error_set(err, -EINVAL, "option %s needs a value", name);
    say(&set->sayings[index], value);
    return 0;
}

static int parse_file(struct option_set *set, const char *path, struct error *err)
{
    autofree char *content = NULL;
    unsigned number = 0;
    char *rest;
    char *line;
    int r = files_read(AT_FDCWD, path, FILE_SIZE_MAX, &content, NULL, err);

    if (r < 0)
        return r;
    rest = content;
    while ((line = strsep(&rest, "\n")) != NULL) {
        number++;
        r = parse_line(set, line, err);
        if (r < 0)
            return error_add_context(err, r, "%s:%u", path, number);
    }
    return 0;
}

/* One option: its name, then its lines of help in a column of their own. */
static void print_option(const char *name, const char *value, const char *help)
{
    int width = printf("  --%s%s%s", name, value != NULL ? " " : "", value != NULL ? value : "");

    if (width >= NAME_COLUMN) {
        (void)printf("\n");
        width = 0;
    }
    while (*help != '\0') {
        size_t size = strcspn(help, "\n");

        (void)printf("%*s%.*s\n", NAME_COLUMN - width, "", (int)size, help);
        width = 0;
        help += help[size] == '\0' ? size : size + 1;
    }
}

static void print_help(const char *program, const char *purpose, const struct option_set *set,
                       const char *default_file)
{
    autofree char *config =
        mem_text("read options from this file%s%s", default_file != NULL ? "\ndefault: " : "",
                 default_file != NULL ? default_file : "");

    (void)printf("Usage: %s [OPTION ...]\n\n%s\n\n", program, purpose);
    for (size_t i = 0; i < set->count; i++) {
        const struct option_row *row = &set->rows[i];
        autofree char *help = mem_text(
            "%s%s%s%s", row->help, row->is_repeatable ? "\nmay be given several times" : "",
            row->fallback != NULL ? "\ndefault: " : "", row->fallback != NULL ? row->fallback : "");

        print_option(row->name, row->value, help);
    }
    print_option("config", "PATH", config);
    print_option("help", NULL, "print this text");
    print_option("version", NULL, "print the version");
}

static int read_config(struct option_set *set, const char *asked_for, const char *default_file,
                       struct error *err)
{
    if (asked_for != NULL)
        return parse_file(set, asked_for, err);
    if (default_file == NULL)
        return 0;
    if (access(default_file, F_OK) < 0 && errno == ENOENT)
        return 0;
    return parse_file(set, default_file, err);
}

/* NOLINTNEXTLINE(readability-function-size): a main says it once, in a row */
int options_parse(const char *program, const char *purpose, const struct option_row *rows,
                  size_t count, const char *default_file, int argc, char **argv,
                  struct option_set **ret, struct error *err)
{
    autodestroy(option_set) struct option_set *set = mem_new(struct option_set);
    struct request request = { 0 };
    int r;

    set->rows = rows;
    set->count = count;
    set->sayings = mem_zeroed(count * sizeof(*set->sayings));
    for (int i = 1; i < argc; i++) {
        r = parse_argument(set, argv, &i, &request, err);
        if (r < 0)
            return r;
    }
    if (request.wants_help) {
        print_help(program, purpose, set, default_file);
        return 1;
    }
    if (request.wants_version) {
        (void)printf("%s %s\n", program, GANTRY_VERSION);
        return 1;
    }
    r = read_config(set, request.config, default_file, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(set);
    return 0;
}

static size_t known_row(const struct option_set *set, const char *name)
{
    size_t index = find_row(set, name);

    assert(index < set->count);
    return index;
}

const char *options_get(const struct option_set *set, const char *name)
{
    size_t index = known_row(set, name);
    const struct saying *saying = &set->sayings[index];

    return saying->count > 0 ? saying->values[saying->count - 1] : set->rows[index].fallback;
}

const char *options_get_at(const struct option_set *set, const char *name, size_t i)
{
    size_t index = known_row(set, name);
    const struct saying *saying = &set->sayings[index];

    if (saying->count == 0 && i == 0)
        return set->rows[index].fallback;
    return i < saying->count ? saying->values[i] : NULL;
}

bool options_is_set(const struct option_set *set, const char *name)
{
    return set->sayings[known_row(set, name)].count > 0;
}

void options_destroy(struct option_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++) {
        unsay(&set->sayings[i]);
        free(set->sayings[i].values);
    }
    free(set->sayings);
    free(set);
}
