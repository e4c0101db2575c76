/*
 * Rows of the fleet's view, asked of the broker: all pages of a table, decoded.
 */
#ifndef GANTRY_OPS_CONSOLE_FLEET_ROWS_H
#define GANTRY_OPS_CONSOLE_FLEET_ROWS_H

#include <stdint.h>

#include "ops/console/console.h"
#include "schemas/images.h"
#include "schemas/rows.h"
#include "schemas/volumes.h"

/* Rows in the console's arena, in order of their keys. */
struct container_rows {
    struct container_row *items;
    size_t count;
    uint64_t pos; /* the rows hold everything up to this position of the log */
};

struct host_rows {
    struct host_row *items;
    size_t count;
};

/* Of one host, or of all when `host` is NULL. */
int fleet_containers(struct console *console, const char *host, struct container_rows *ret,
                     struct error *err);
int fleet_hosts(struct console *console, struct host_rows *ret, struct error *err);

struct image_rows {
    struct image_row *items;
    size_t count;
};

struct volume_rows {
    struct volume_row *items;
    size_t count;
};

/* Of one host, or of all when `host` is NULL. */
int fleet_images(struct console *console, const char *host, struct image_rows *ret,
                 struct error *err);
int fleet_volumes(struct console *console, const char *host, struct volume_rows *ret,
                  struct error *err);

/* "reachable" */
const char *host_state_name(uint32_t state);

/* NULL when no host is called so. */
const struct host_row *host_rows_find(const struct host_rows *hosts, const char *name);

#endif
