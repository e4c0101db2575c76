/* Printing what --format asks for; see the header. */
#include "ops/console/show.h"

#include <errno.h>
#include <stdint.h>
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

/* The template, and a table with the titles that are wanted. */
static int begin(const struct show_rows *how, struct arena *arena, struct template **ret_template,
                 struct table **ret_table, struct error *err)
{
    const char *columns = behind_table(how->format);
    int r = template_parse(columns != NULL ? columns : how->format, arena, ret_template, err);

    *ret_table = table_new(arena);
    if (r == 0 && columns != NULL && how->has_titles)
        r = add_line(*ret_table, *ret_template, how->titles, arena, err);
    return r;
}

int show_rows(const struct show_rows *how, struct json_t *list, struct arena *arena,
              struct error *err)
{
    struct template *template = NULL;
    struct table *table = NULL;
    int r = begin(how, arena, &template, &table, err);

    for (size_t i = 0; r == 0 && i < tree_length(list); i++)
        r = add_line(table, template, tree_at(list, i, NULL), arena, err);
    if (r == 0)
        table_print(table, stdout);
    return r;
}

/* --- without trees */

#define PARTS_MAX 64

struct part {
    const char *text; /* NULL: the field */
    int field;
};

/* How many; -ENOTSUP. */
static int read_parts(const struct template *template, const struct show_cells *cells,
                      struct part parts[static PARTS_MAX])
{
    struct template_part part;
    int count = 0;

    if (!template_is_plain(template))
        return -ENOTSUP;
    for (size_t i = 0; template_part(template, i, &part); i++) {
        int field = part.field != NULL ? cells->find(part.field) : 0;

        if (field < 0 || count == PARTS_MAX)
            return -ENOTSUP;
        parts[count++] = (struct part){ .text = part.text, .field = field };
    }
    return count;
}

static bool is_ascii(const char *text, size_t size)
{
    uint64_t some = 0;

    for (; size >= sizeof(some); size -= sizeof(some), text += sizeof(some)) {
        memcpy(&some, text, sizeof(some));
        if ((some & UINT64_C(0x8080808080808080)) != 0)
            return false;
    }
    some = 0;
    memcpy(&some, text, size);
    return (some & UINT64_C(0x8080808080808080)) == 0;
}

/* As a tree would have it: bytes that are no UTF-8 are made readable. */
static void append_readable(struct buffer *line, const char *text)
{
    autotree *tree = NULL;
    size_t size = strlen(text);

    if (!is_ascii(text, size)) {
        tree = tree_of_text(text);
        text = tree_text(tree);
        size = strlen(text);
    }
    buffer_append(line, text, size);
}

static void add_cells(struct table *table, const struct part *parts, int part_count,
                      const struct show_cells *cells)
{
    struct buffer line = { 0 };

    for (size_t row = 0; row < cells->row_count; row++) {
        autoarena arena = { 0 }; /* a cell is not needed any more when it is in its line */

        line.size = 0;
        for (int i = 0; i < part_count; i++) {
            const char *text = parts[i].text;

            if (text == NULL)
                text = cells->cell(cells->owner, row, parts[i].field, &arena);
            append_readable(&line, text != NULL ? text : "");
        }
        buffer_append(&line, "", 1);
        table_add(table, (const char *)line.data);
    }
    buffer_done(&line);
}

int show_cells(const struct show_rows *how, const struct show_cells *cells, struct arena *arena,
               struct error *err)
{
    struct template *template = NULL;
    struct table *table = NULL;
    struct part parts[PARTS_MAX];
    int count;
    int r = begin(how, arena, &template, &table, err);

    if (r < 0)
        return r;
    count = read_parts(template, cells, parts);
    if (count < 0)
        return count;
    add_cells(table, parts, count, cells);
    table_print(table, stdout);
    return 0;
}
