/* The expressions of a Go template; see the header. */
#include "ops/console/expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "ops/console/tree.h"

#define ARGUMENTS_MAX 8
#define DEPTH_MAX     16

struct reader {
    const char *at;
    struct json_t *dot;
    unsigned depth; /* of parentheses */
};

struct arguments {
    struct json_t *items[ARGUMENTS_MAX]; /* owned */
    size_t count;
};

struct function {
    const char *name;
    size_t arguments_min;
    int (*call)(const struct arguments *arguments, struct json_t **ret, struct error *err);
};

static int read_pipeline(struct reader *reader, struct json_t **ret, struct error *err);

static void arguments_done(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        tree_destroy(arguments->items[i]);
}

static int call_json(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    autofree char *text = tree_json(arguments->items[0], 0);

    (void)err;
    *ret = tree_of_text(text);
    return 0;
}

static int call_index(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    struct json_t *value = arguments->items[0];

    for (size_t i = 1; i < arguments->count; i++) {
        const char *key = tree_text(arguments->items[i]);
        int64_t place = -1;

        if (key != NULL && tree_is_object(value))
            value = tree_get(value, key);
        else if (tree_number(arguments->items[i], &place) && tree_is_list(value) && place >= 0)
            value = tree_at(value, (size_t)place, NULL);
        else
            return error_set(err, -EINVAL, "index: this value has no such index");
        if (value == NULL && place >= 0)
            return error_set(err, -EINVAL, "index out of range: %lld", (long long)place);
    }
    *ret = value != NULL ? tree_ref(value) : tree_of_text("");
    return 0;
}

static int call_len(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    struct json_t *value = arguments->items[0];

    if (tree_text(value) == NULL && !tree_is_list(value) && !tree_is_object(value))
        return error_set(err, -EINVAL, "len of what has no length");
    *ret = tree_of_number((int64_t)tree_length(value));
    return 0;
}

static struct json_t *mapped_text(struct json_t *value, int (*map)(int))
{
    autofree char *text = tree_plain(value);

    for (char *at = text; *at != '\0'; at++)
        *at = (char)map((unsigned char)*at);
    return tree_of_text(text);
}

static int call_lower(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = mapped_text(arguments->items[0], tolower);
    return 0;
}

static int call_upper(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = mapped_text(arguments->items[0], toupper);
    return 0;
}

static int call_title(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    autofree char *text = tree_plain(arguments->items[0]);

    (void)err;
    text[0] = (char)toupper((unsigned char)text[0]);
    *ret = tree_of_text(text);
    return 0;
}

/* The texts of `count` values from `items` on, with `between` between them. */
static struct json_t *joined(struct json_t *const *items, size_t count, const char *between)
{
    struct buffer out = { 0 };
    struct json_t *text;

    for (size_t i = 0; i < count; i++) {
        autofree char *item = tree_plain(items[i]);

        if (i > 0)
            buffer_append(&out, between, strlen(between));
        buffer_append(&out, item, strlen(item));
    }
    buffer_append(&out, "", 1);
    text = tree_of_text((char *)out.data);
    buffer_done(&out);
    return text;
}

static int call_join(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    struct json_t *list = arguments->items[0];
    const char *between = tree_text(arguments->items[1]);
    size_t count = tree_length(list);
    autofree struct json_t **items = mem_zeroed((count + 1) * sizeof(struct json_t *));

    if (!tree_is_list(list) || between == NULL)
        return error_set(err, -EINVAL, "join wants a list and a text");
    for (size_t i = 0; i < count; i++)
        items[i] = tree_at(list, i, NULL);
    *ret = joined(items, count, between);
    return 0;
}

static int call_split(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    const char *text = tree_text(arguments->items[0]);
    const char *between = tree_text(arguments->items[1]);
    struct json_t *list;

    if (text == NULL || between == NULL || *between == '\0')
        return error_set(err, -EINVAL, "split wants two texts");
    list = tree_list();
    for (const char *end; (end = strstr(text, between)) != NULL; text = end + strlen(between)) {
        autofree char *part = mem_text("%.*s", (int)(end - text), text);

        tree_append_text(list, part);
    }
    tree_append_text(list, text);
    *ret = list;
    return 0;
}

static int call_print(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = joined(arguments->items, arguments->count, "");
    return 0;
}

static int call_println(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    struct json_t *parts[2] = { joined(arguments->items, arguments->count, " "),
                                tree_of_text("\n") };

    (void)err;
    *ret = joined(parts, 2, "");
    tree_destroy(parts[0]);
    tree_destroy(parts[1]);
    return 0;
}

/* eq with several values: whether the first is any of the others. */
static bool equals_any(const struct arguments *arguments)
{
    for (size_t i = 1; i < arguments->count; i++) {
        if (tree_equal(arguments->items[0], arguments->items[i]))
            return true;
    }
    return false;
}

static int call_eq(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = tree_of_bool(equals_any(arguments));
    return 0;
}

static int call_ne(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = tree_of_bool(!equals_any(arguments));
    return 0;
}

static int call_not(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = tree_of_bool(!tree_is_true(arguments->items[0]));
    return 0;
}

/* The first value that decides, or the last one. */
static struct json_t *first_that_is(const struct arguments *arguments, bool wanted)
{
    for (size_t i = 0; i + 1 < arguments->count; i++) {
        if (tree_is_true(arguments->items[i]) == wanted)
            return tree_ref(arguments->items[i]);
    }
    return tree_ref(arguments->items[arguments->count - 1]);
}

static int call_and(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = first_that_is(arguments, false);
    return 0;
}

static int call_or(const struct arguments *arguments, struct json_t **ret, struct error *err)
{
    (void)err;
    *ret = first_that_is(arguments, true);
    return 0;
}

/* clang-format off */
static const struct function functions[] = {
    { "json",    1, call_json },
    { "index",   1, call_index },
    { "len",     1, call_len },
    { "lower",   1, call_lower },
    { "upper",   1, call_upper },
    { "title",   1, call_title },
    { "join",    2, call_join },
    { "split",   2, call_split },
    { "print",   0, call_print },
    { "println", 0, call_println },
    { "eq",      2, call_eq },
    { "ne",      2, call_ne },
    { "not",     1, call_not },
    { "and",     1, call_and },
    { "or",      1, call_or },
};
/* clang-format on */

static void skip_spaces(struct reader *reader)
{
    while (isspace((unsigned char)*reader->at))
        reader->at++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static char *take_word(struct reader *reader)
{
    const char *start = reader->at;

    while (is_word(*reader->at))
        reader->at++;
    return mem_text("%.*s", (int)(reader->at - start), start);
}

/* ".A.B" behind a value, which is taken over. */
static int read_members(struct reader *reader, struct json_t *value, struct json_t **ret,
                        struct error *err)
{
    autotree *current = value;

    while (reader->at[0] == '.' && is_word(reader->at[1])) {
        autofree char *name = NULL;
        struct json_t *member;

        reader->at++;
        name = take_word(reader);
        member = tree_get(current, name);
        if (member == NULL && isupper((unsigned char)name[0]))
            return error_set(err, -EINVAL, "can't evaluate field %s", name);
        member = member != NULL ? tree_ref(member) : tree_of_null();
        tree_destroy(current);
        current = member;
    }
    *ret = steal_ptr(current);
    return 0;
}

/* "text" with Go's common escapes, or `text` without. */
static int read_text(struct reader *reader, struct json_t **ret, struct error *err)
{
    char quote = *reader->at++;
    struct buffer out = { 0 };

    while (*reader->at != quote && *reader->at != '\0') {
        char c = *reader->at++;

        if (c == '\\' && quote == '"' && *reader->at != '\0') {
            c = *reader->at++;
            c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
        }
        buffer_append(&out, &c, 1);
    }
    buffer_append(&out, "", 1);
    if (*reader->at == quote)
        *ret = tree_of_text((char *)out.data);
    buffer_done(&out);
    if (*reader->at != quote)
        return error_set(err, -EINVAL, "unterminated quoted string");
    reader->at++;
    return 0;
}

static int read_number(struct reader *reader, struct json_t **ret)
{
    char *end = NULL;

    *ret = tree_of_number(strtoll(reader->at, &end, 10));
    reader->at = end;
    return 0;
}

static int read_parenthesis(struct reader *reader, struct json_t **ret, struct error *err)
{
    struct json_t *value = NULL;
    int r;

    if (reader->depth == DEPTH_MAX)
        return error_set(err, -EINVAL, "parentheses are nested too deeply");
    reader->at++;
    reader->depth++;
    r = read_pipeline(reader, &value, err);
    if (r < 0)
        return r;
    reader->depth--;
    if (*reader->at != ')') {
        tree_destroy(value);
        return error_set(err, -EINVAL, "unclosed left paren");
    }
    reader->at++;
    return read_members(reader, value, ret, err);
}

static int read_constant(const char *word, struct json_t **ret, struct error *err)
{
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        *ret = tree_of_bool(word[0] == 't');
    else if (strcmp(word, "nil") == 0)
        *ret = tree_of_null();
    else
        return error_set(err, -EINVAL, "function \"%s\" not defined", word);
    return 0;
}

static int read_operand(struct reader *reader, struct json_t **ret, struct error *err)
{
    autofree char *word = NULL;
    char c = *reader->at;

    if (c == '.' && is_word(reader->at[1]))
        return read_members(reader, tree_ref(reader->dot), ret, err);
    if (c == '.') {
        reader->at++;
        *ret = tree_ref(reader->dot);
        return 0;
    }
    if (c == '"' || c == '`')
        return read_text(reader, ret, err);
    if (c == '(')
        return read_parenthesis(reader, ret, err);
    if (isdigit((unsigned char)c) || (c == '-' && isdigit((unsigned char)reader->at[1])))
        return read_number(reader, ret);
    if (!is_word(c))
        return error_set(err, -EINVAL, "unexpected \"%.8s\"", reader->at);
    word = take_word(reader);
    return read_constant(word, ret, err);
}

static const struct function *find_function(const char *word, size_t size)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        if (strlen(functions[i].name) == size && memcmp(functions[i].name, word, size) == 0)
            return &functions[i];
    }
    return NULL;
}

static bool is_end_of_command(const struct reader *reader)
{
    return *reader->at == '\0' || *reader->at == '|' || *reader->at == ')';
}

/* The operands up to the end of the command, and behind them what was piped in (taken over). */
static int read_arguments(struct reader *reader, struct json_t *piped, struct arguments *arguments,
                          struct error *err)
{
    autotree *last = piped;

    for (skip_spaces(reader); !is_end_of_command(reader); skip_spaces(reader)) {
        int r;

        if (arguments->count + 1 == ARGUMENTS_MAX)
            return error_set(err, -EINVAL, "too many arguments");
        r = read_operand(reader, &arguments->items[arguments->count], err);
        if (r < 0)
            return r;
        arguments->count++;
    }
    if (last != NULL)
        arguments->items[arguments->count++] = steal_ptr(last);
    return 0;
}

/* One command of a pipeline: a function with its arguments, or an operand alone. */
static int read_command(struct reader *reader, struct json_t *piped, struct json_t **ret,
                        struct error *err)
{
    const struct function *function;
    struct arguments arguments = { 0 };
    size_t size = 0;
    int r;

    skip_spaces(reader);
    while (is_word(reader->at[size]))
        size++;
    function = find_function(reader->at, size);
    if (function != NULL)
        reader->at += size;
    r = read_arguments(reader, piped, &arguments, err);
    if (r == 0 && function == NULL && arguments.count != 1)
        r = error_set(err, -EINVAL,
                      arguments.count == 0 ? "missing value for command"
                                           : "can't give argument to non-function");
    if (r == 0 && function != NULL && arguments.count < function->arguments_min)
        r = error_set(err, -EINVAL, "not enough arguments for %s", function->name);
    if (r == 0 && function != NULL)
        r = function->call(&arguments, ret, err);
    else if (r == 0)
        *ret = tree_ref(arguments.items[0]);
    arguments_done(&arguments);
    return r;
}

static int read_pipeline(struct reader *reader, struct json_t **ret, struct error *err)
{
    struct json_t *value = NULL;
    int r = read_command(reader, NULL, &value, err);

    while (r == 0 && *reader->at == '|') {
        struct json_t *piped = steal_ptr(value);

        reader->at++;
        r = read_command(reader, piped, &value, err);
    }
    if (r == 0)
        *ret = value;
    return r;
}

int expression_evaluate(const char *text, struct json_t *dot, struct json_t **ret,
                        struct error *err)
{
    struct reader reader = { .at = text, .dot = dot };
    autotree *value = NULL;
    int r = read_pipeline(&reader, &value, err);

    if (r < 0)
        return r;
    if (*reader.at != '\0')
        return error_set(err, -EINVAL, "unexpected \"%.8s\"", reader.at);
    *ret = steal_ptr(value);
    return 0;
}
