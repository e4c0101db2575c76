/*
 * A container as it is shown: podman's words and shapes, made of the view's row. Pure.
 */
#ifndef GANTRY_OPS_CONSOLE_CONTAINER_REPORT_H
#define GANTRY_OPS_CONSOLE_CONTAINER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "schemas/rows.h"

struct json_t;

/* Of its files on its host. */
struct container_size {
    bool is_known;
    uint64_t written_bytes; /* what it changed of its image */
    uint64_t all_bytes;     /* its whole root filesystem */
};

struct report_options {
    uint64_t now;                      /* ns since 1970 */
    bool is_whole;                     /* ids and commands are not cut (--no-trunc) */
    bool is_unreachable;               /* the host is silent: what is known may be old */
    const struct container_size *size; /* NULL: nobody asked for it */
};

/* "Up 5 minutes", "Exited (0) 2 hours ago", "Created"; in `arena`. */
char *container_report_status(const struct container_row *row, const struct report_options *options,
                              struct arena *arena);

/* The fields of `ps --format TEMPLATE`. The caller owns the tree. */
struct json_t *container_report_fields(const struct container_row *row,
                                       const struct report_options *options, struct arena *arena);

/* One of these fields that are texts, by a number: most tables need no tree. -1: it is none. */
int container_report_find_cell(const char *field);
/* Its text, as the row, `arena` or this program has it; NULL is an empty one. */
const char *container_report_cell(const struct container_row *row,
                                  const struct report_options *options, int cell,
                                  struct arena *arena);

/* The titles of these fields, for `--format "table ..."`. */
struct json_t *container_report_titles(void);

/* One object of `ps --format json`. */
struct json_t *container_report_listed(const struct container_row *row,
                                       const struct report_options *options, struct arena *arena);

/* Add what `inspect --size` says. */
void container_report_add_size(struct json_t *inspected, const struct container_size *size);

/* One object of `inspect`. */
struct json_t *container_report_inspected(const struct container_row *row,
                                          const struct host_row *host, struct arena *arena);

#endif
