/* Printing what --format asks for: JSON, a template for each row, or a table of them. */
#ifndef GANTRY_OPS_CONSOLE_SHOW_H
#define GANTRY_OPS_CONSOLE_SHOW_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/error.h"

struct json_t;

/* A tree as JSON on stdout, indented as podman does. */
void show_json(struct json_t *tree);

/* What a template makes of a tree, and a newline. */
int show_template(const char *format, struct json_t *tree, struct arena *arena, struct error *err);

/* What inspect shows: the list as JSON, or what a template makes of each of it; NULL: JSON. */
int show_inspected(const char *format, struct json_t *list, struct arena *arena, struct error *err);

/*
 * A list of objects, a line each, made by a template: "table TEMPLATE" prints a line of `titles`
 * above (unless `has_titles` is false); cells are parted by tabs.
 */
struct show_rows {
    const char *format;
    struct json_t *titles;
    bool has_titles;
};
int show_rows(const struct show_rows *how, struct json_t *list, struct arena *arena,
              struct error *err);

/* Rows whose fields can be had one by one, without a tree for each row. */
struct show_cells {
    void *owner;
    size_t row_count;
    int (*find)(const char *field); /* its number, or -1 */
    const char *(*cell)(void *owner, size_t row, int field, struct arena *arena); /* NULL: empty */
};
/* As show_rows(). -ENOTSUP when the template wants more than fields that are found. */
int show_cells(const struct show_rows *how, const struct show_cells *cells, struct arena *arena,
               struct error *err);

/* Whether `format` asks for JSON: "json" or "{{json .}}". NULL does not. */
bool show_is_json(const char *format);

#endif
