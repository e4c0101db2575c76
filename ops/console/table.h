/*
 * Rows in columns, aligned as podman aligns them: columns at least 12 wide and two spaces apart,
 * nothing behind the last.
 */
#ifndef GANTRY_OPS_CONSOLE_TABLE_H
#define GANTRY_OPS_CONSOLE_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "common/arena.h"

struct table;

/* An empty table, in `arena`. */
struct table *table_new(struct arena *arena);

/* Add a row: its cells are parted by tabs. */
void table_add(struct table *table, const char *cells);

void table_print(const struct table *table, FILE *out);

#endif
