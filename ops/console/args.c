/* The words behind a verb; see the header. */
#include "ops/console/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 32

struct parser {
    const struct args_table *table;
    char **next; /* the next word */
    char *options;
    struct arena *arena;
};

void args_list_add(struct text_list *list, const char *text, struct arena *arena)
{
    /* Room doubles at powers of two, so that a list needs no field for its capacity. */
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : list->count * 2;
        char **items = arena_zeroed(arena, room * sizeof(*items));

        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
    }
    list->items[list->count] = arena_text(arena, text);
    list->count++;
}

static const struct arg_row *find_name(const struct args_table *table, const char *name,
                                       size_t size)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct arg_row *row = &table->rows[i];

        if (strlen(row->name) == size && memcmp(row->name, name, size) == 0)
            return row;
    }
    return NULL;
}

static const struct arg_row *find_letter(const struct args_table *table, char letter)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    }
    return NULL;
}

static int bad_value(const struct arg_row *row, const char *value, struct error *err)
{
    return error_set(err, -EINVAL, "invalid argument \"%s\" for --%s", value, row->name);
}

static int store_flag(const struct arg_row *row, const char *value, bool *ret, struct error *err)
{
    if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
        *ret = true;
    else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
        *ret = false;
    else
        return bad_value(row, value, err);
    return 0;
}

static int store_number(const struct arg_row *row, const char *value, struct maybe_i64 *ret,
                        struct error *err)
{
    char *end = NULL;
    long long number;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0')
        return bad_value(row, value, err);
    *ret = (struct maybe_i64){ .is_set = true, .value = number };
    return 0;
}

static int store_value(struct parser *parser, const struct arg_row *row, const char *value,
                       struct error *err)
{
    void *member = parser->options + row->offset;

    switch (row->kind) {
    case ARG_FLAG:
        return store_flag(row, value, member, err);
    case ARG_TEXT:
        *(const char **)member = value;
        return 0;
    case ARG_LIST:
        args_list_add(member, value, parser->arena);
        return 0;
    case ARG_NUMBER:
        return store_number(row, value, member, err);
    case ARG_REFUSED:
        break;
    }
    return error_set(err, -EOPNOTSUPP, "--%s: %s", row->name, row->help);
}

static int store_with_next_word(struct parser *parser, const struct arg_row *row, struct error *err)
{
    if (row->value == NULL)
        return store_value(parser, row, "true", err);
    if (*parser->next == NULL)
        return error_set(err, -EINVAL, "flag needs an argument: --%s", row->name);
    return store_value(parser, row, *parser->next++, err);
}

/* "--name", "--name=value", "--name value" */
static int parse_long(struct parser *parser, const char *word, struct error *err)
{
    size_t size = strcspn(word, "=");
    const struct arg_row *row = find_name(parser->table, word, size);

    if (row == NULL)
        return error_set(err, -EINVAL, "unknown flag: --%.*s", (int)size, word);
    if (word[size] == '=')
        return store_value(parser, row, word + size + 1, err);
    return store_with_next_word(parser, row, err);
}

/* "-a", "-abc", "-eVALUE", "-e=VALUE", "-e VALUE" */
static int parse_letters(struct parser *parser, const char *word, struct error *err)
{
    for (const char *letter = word; *letter != '\0'; letter++) {
        const struct arg_row *row = find_letter(parser->table, *letter);
        const char *rest = letter + 1;
        int r;

        if (row == NULL)
            return error_set(err, -EINVAL, "unknown shorthand flag: '%c' in -%s", *letter, word);
        if (*rest == '=')
            return store_value(parser, row, rest + 1, err);
        if (row->value != NULL && *rest != '\0')
            return store_value(parser, row, rest, err);
        r = store_with_next_word(parser, row, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static void print_row(const struct arg_row *row)
{
    char left[128];
    const char *value = row->value != NULL ? row->value : "";
    int width;

    if (row->letter != 0)
        width = snprintf(left, sizeof(left), "  -%c, --%s %s", row->letter, row->name, value);
    else
        width = snprintf(left, sizeof(left), "      --%s %s", row->name, value);
    if (width >= HELP_COLUMN)
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", row->help);
    else
        printf("%-*s%s\n", HELP_COLUMN, left, row->help);
}

static void print_help(const struct args_table *table, const struct args_usage *usage)
{
    printf("%s\n\nUsage:\n  gantry %s [options] %s\n\nOptions:\n", usage->summary, usage->verb,
           usage->operands);
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].kind != ARG_REFUSED)
            print_row(&table->rows[i]);
    }
    printf("%-*s%s\n", HELP_COLUMN, "      --help", "Print this");
}

static bool asks_for_help(const struct args_table *table, const char *word)
{
    return strcmp(word, "--help") == 0 ||
           (strcmp(word, "-h") == 0 && find_letter(table, 'h') == NULL);
}

static void take_operands(struct parser *parser)
{
    struct text_list *operands = (void *)(parser->options + parser->table->operands);

    while (*parser->next != NULL)
        args_list_add(operands, *parser->next++, parser->arena);
}

int args_parse(const struct args_table *table, const struct args_usage *usage, char **argv,
               void *options, struct arena *arena, struct error *err)
{
    struct parser parser = { .table = table, .next = argv + 1, .options = options, .arena = arena };
    struct text_list *operands = (void *)(parser.options + table->operands);

    while (*parser.next != NULL) {
        const char *word = *parser.next++;
        int r = 0;

        if (asks_for_help(table, word)) {
            print_help(table, usage);
            return 1;
        }
        if (strcmp(word, "--") == 0) {
            take_operands(&parser);
        } else if (strncmp(word, "--", 2) == 0) {
            r = parse_long(&parser, word + 2, err);
        } else if (word[0] == '-' && word[1] != '\0') {
            r = parse_letters(&parser, word + 1, err);
        } else {
            args_list_add(operands, word, arena);
            if (table->ends_at_first)
                take_operands(&parser);
        }
        if (r < 0)
            return r;
    }
    return 0;
}
