/* Rows in columns; see the header. */
#include "ops/console/table.h"

#include <stdint.h>
#include <string.h>

#define COLUMNS_MAX      32
#define COLUMN_WIDTH_MIN 12
#define COLUMN_GAP       2

struct row {
    struct row *next;
    const char *cells[COLUMNS_MAX];
    size_t count;
};

struct table {
    struct arena *arena;
    struct row *first;
    struct row **end;
    size_t widths[COLUMNS_MAX];
};

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t shown_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

struct table *table_new(struct arena *arena)
{
    struct table *table = arena_zeroed(arena, sizeof(*table));

    table->arena = arena;
    table->end = &table->first;
    return table;
}

void table_add(struct table *table, const char *cells)
{
    struct row *row = arena_zeroed(table->arena, sizeof(*row));
    char *rest = arena_text(table->arena, cells);

    while (rest != NULL && row->count < COLUMNS_MAX) {
        const char *cell = strsep(&rest, "\t");
        size_t width = shown_width(cell);

        /* The last cell of a row does not widen its column: nothing stands behind it. */
        if (rest != NULL && width > table->widths[row->count])
            table->widths[row->count] = width;
        row->cells[row->count++] = cell;
    }
    *table->end = row;
    table->end = &row->next;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = table->widths[column] + COLUMN_GAP;

    return width > COLUMN_WIDTH_MIN ? width : COLUMN_WIDTH_MIN;
}

void table_print(const struct table *table, FILE *out)
{
    for (const struct row *row = table->first; row != NULL; row = row->next) {
        for (size_t i = 0; i + 1 < row->count; i++) {
            size_t width = column_width(table, i);
            size_t used = shown_width(row->cells[i]);

            (void)fprintf(out, "%s%*s", row->cells[i], (int)(width - used), "");
        }
        (void)fprintf(out, "%s\n", row->count > 0 ? row->cells[row->count - 1] : "");
    }
}
