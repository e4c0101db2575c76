/* Printing what --format asks for; see the header. */
#include "ops/console/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "ops/console/table.h"
#include "ops/console/template.h"
#include "ops/console/tree.h"

#define TABLE_WORD "table"

bool show_is_json(const char *format)
{
    return format != NULL && (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0 ||
                              strcmp(format, "{{ json . }}") == 0);
}

void show_json(struct json_t *tree)
{
    autofree char *text = tree_json(tree, 4);

    puts(text);
}

/* One line into the arena. */
static int render(const struct template *template, struct json_t *tree, struct arena *arena,
                  char **ret, struct error *err)
{
    struct buffer out = { 0 };
    int r = template_render(template, tree, &out, err);

    if (r == 0)
        *ret = arena_text_n(arena, (const char *)out.data, out.size);
    buffer_done(&out);
    return r;
}

int show_template(const char *format, struct json_t *tree, struct arena *arena, struct error *err)
{
    struct template *template = NULL;
    char *line = NULL;
    int r = template_parse(format, arena, &template, err);

    if (r == 0)
        r = render(template, tree, arena, &line, err);
    if (r == 0)
        puts(line);
    return r;
}

int show_inspected(const char *format, struct json_t *list, struct arena *arena, struct error *err)
{
    int r = 0;

    if (format == NULL || show_is_json(format)) {
        show_json(list);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < tree_length(list); i++)
        r = show_template(format, tree_at(list, i, NULL), arena, err);
    return r;
}

static int add_line(struct table *table, const struct template *template, struct json_t *tree,
                    struct arena *arena, struct error *err)
{
    char *line = NULL;
    int r = render(template, tree, arena, &line, err);

    if (r == 0)
        table_add(table, line);
    return r;
}

/* "table TEMPLATE": where the template begins; NULL when there is no such word. */
static const char *behind_table(const char *format)
{
    size_t size = strlen(TABLE_WORD);

    if (strncmp(format, TABLE_WORD, size) != 0 || (format[size] != ' ' && format[size] != '\t'))
        return NULL;
    return format + size + strspn(format + size, " \t");
}

int show_rows(const struct show_rows *how, struct json_t *list, struct arena *arena,
              struct error *err)
{
    const char *columns = behind_table(how->format);
    struct table *table = table_new(arena);
    struct template *template = NULL;
    int r = template_parse(columns != NULL ? columns : how->format, arena, &template, err);

    if (r == 0 && columns != NULL && how->has_titles)
        r = add_line(table, template, how->titles, arena, err);
    for (size_t i = 0; r == 0 && i < tree_length(list); i++)
        r = add_line(table, template, tree_at(list, i, NULL), arena, err);
    if (r == 0)
        table_print(table, stdout);
    return r;
}
