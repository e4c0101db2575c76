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

struct report_options {
    uint64_t now;        /* ns since 1970 */
    bool is_whole;       /* ids and commands are not cut (--no-trunc) */
    bool is_unreachable; /* the host is silent: what is known may be old */
};

/* "Up 5 minutes", "Exited (0) 2 hours ago", "Created"; in `arena`. */
char *container_report_status(const struct container_row *row, const struct report_options *options,
                              struct arena *arena);

/* The fields of `ps --format TEMPLATE`. The caller owns the tree. */
struct json_t *container_report_fields(const struct container_row *row,
                                       const struct report_options *options, struct arena *arena);

/* The titles of these fields, for `--format "table ..."`. */
struct json_t *container_report_titles(void);

/* One object of `ps --format json`. */
struct json_t *container_report_listed(const struct container_row *row,
                                       const struct report_options *options, struct arena *arena);

/* One object of `inspect`. */
struct json_t *container_report_inspected(const struct container_row *row, struct arena *arena);

#endif
