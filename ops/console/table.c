/* Rows in columns; see the header. */
#include "ops/console/table.h"

#include <stdint.h>
#include <string.h>

#include "common/bytes.h"

#define COLUMNS_MAX      32
#define COLUMN_WIDTH_MIN 12
#define COLUMN_GAP       2

/* Of a row's text. */
struct cell {
    uint32_t size;  /* bytes */
    uint32_t width; /* characters, not bytes: continuation bytes of UTF-8 take no room */
};

struct row {
    struct row *next;
    const char *text; /* its cells with a tab behind each but the last */
    size_t count;
    struct cell cells[];
};

struct table {
    struct arena *arena;
    struct row *first;
    struct row **end;
    size_t widths[COLUMNS_MAX];
};

struct table *table_new(struct arena *arena)
{
    struct table *table = arena_zeroed(arena, sizeof(*table));

    table->arena = arena;
    table->end = &table->first;
    return table;
}

/* How many; behind the last column everything is dropped. */
static size_t read_cells(const char *text, struct cell cells[static COLUMNS_MAX])
{
    size_t count = 0;
    uint32_t width = 0;
    const char *begin = text;

    for (const char *at = text;; at++) {
        if (*at != '\t' && *at != '\0') {
            width += ((unsigned char)*at & 0xc0) != 0x80;
            continue;
        }
        cells[count++] = (struct cell){ .size = (uint32_t)(at - begin), .width = width };
        if (*at == '\0' || count == COLUMNS_MAX)
            return count;
        begin = at + 1;
        width = 0;
    }
}

void table_add(struct table *table, const char *text)
{
    struct cell cells[COLUMNS_MAX];
    size_t count = read_cells(text, cells);
    struct row *row = arena_zeroed(table->arena, sizeof(*row) + count * sizeof(*cells));

    memcpy(row->cells, cells, count * sizeof(*cells));
    row->count = count;
    row->text = arena_text(table->arena, text);
    /* The last cell of a row does not widen its column: nothing stands behind it. */
    for (size_t i = 0; i + 1 < count; i++) {
        if (cells[i].width > table->widths[i])
            table->widths[i] = cells[i].width;
    }
    *table->end = row;
    table->end = &row->next;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = table->widths[column] + COLUMN_GAP;

    return width > COLUMN_WIDTH_MIN ? width : COLUMN_WIDTH_MIN;
}

static void append_spaces(struct buffer *line, size_t count)
{
    static const char spaces[] = "                                ";

    while (count > 0) {
        size_t some = count < sizeof(spaces) - 1 ? count : sizeof(spaces) - 1;

        buffer_append(line, spaces, some);
        count -= some;
    }
}

void table_print(const struct table *table, FILE *out)
{
    struct buffer line = { 0 };
    size_t widths[COLUMNS_MAX];

    for (size_t i = 0; i < COLUMNS_MAX; i++)
        widths[i] = column_width(table, i);
    for (const struct row *row = table->first; row != NULL; row = row->next) {
        const char *text = row->text;

        line.size = 0;
        for (size_t i = 0; i < row->count; i++) {
            buffer_append(&line, text, row->cells[i].size);
            if (i + 1 < row->count)
                append_spaces(&line, widths[i] - row->cells[i].width);
            text += row->cells[i].size + 1;
        }
        buffer_append(&line, "\n", 1);
        (void)fwrite(line.data, 1, line.size, out);
    }
    buffer_done(&line);
}
