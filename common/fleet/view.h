/*
 * Reading and writing the rows of a view: for the parts of the fold. Others read with the view_*
 * functions of fleet.h, and nobody else writes.
 */
#ifndef GANTRY_COMMON_FLEET_VIEW_H
#define GANTRY_COMMON_FLEET_VIEW_H

#include "common/fleet/fleet.h"

#define VIEW_NUMBER_SIZE 8

/* A number as a key or a value: big endian, so that keys are in order. */
void view_write_number(uint8_t *ret, uint64_t number);
uint64_t view_read_number(const uint8_t *bytes);

/* Decode a row; its parts are in `arena`, or the store's own: no put changes them in place.
 * -ENOENT when there is none. */
int view_get_row(const struct view *view, enum view_table table, struct bytes key, void *ret,
                 struct arena *arena, struct error *err);

/* Encode and put a row; the table knows its schema. */
int view_put_row(const struct view *view, enum view_table table, struct bytes key, const void *row,
                 struct error *err);

/* The same for a row whose largest part nobody looks at: see schemas/rows.h. Of hosts and
 * containers. */
int view_get_sealed(const struct view *view, enum view_table table, struct bytes key, void *ret,
                    struct arena *arena, struct error *err);
int view_put_sealed(const struct view *view, enum view_table table, struct bytes key,
                    const void *row, struct error *err);

/* The leanest form of a table's rows, which the store may keep as messages: sealed where there is
 * such a form. NULL: its values are no messages. */
const struct schema *view_lean_schema(enum view_table table);
int view_get_lean(const struct view *view, enum view_table table, struct bytes key, void *ret,
                  struct arena *arena, struct error *err);
int view_put_lean(const struct view *view, enum view_table table, struct bytes key, const void *row,
                  struct error *err);

/* Put a value that is no message. */
int view_put_bytes(const struct view *view, enum view_table table, struct bytes key,
                   struct bytes value, struct error *err);

/* Nothing happens when there is no such row. */
int view_remove(const struct view *view, enum view_table table, struct bytes key,
                struct error *err);

/* The key of a container's name, in `arena`. */
struct bytes view_name_key(const char *host, const char *name, struct arena *arena);

/* A row, copied. */
struct view_copy {
    struct bytes key;
    struct bytes value;
    struct view_copy *next;
};

/* Copies, in `arena`, of all rows whose keys begin so, in no order: for who changes what it walks,
 * which a walk must not. NULL: there are none. */
int view_collect(const struct view *view, enum view_table table, struct bytes prefix,
                 struct arena *arena, struct view_copy **ret, struct error *err);

/* A number of VIEW_TOTALS; 0 when it was never set. Zero is stored as no row. */
int view_total(const struct view *view, const char *key, uint64_t *ret, struct error *err);
int view_set_total(const struct view *view, const char *key, uint64_t total, struct error *err);

/* Add 1 or -1 to it; `ret` is the number then. */
int view_add_to_total(const struct view *view, const char *key, int step, uint64_t *ret,
                      struct error *err);

/* The key of the commands that a host owes an answer to, in `arena`, and how all of these begin. */
#define VIEW_PENDING_PREFIX "pending/"
const char *view_pending_key(const char *host, struct arena *arena);

/* A row of VIEW_FINISHED or VIEW_CLIENT_HOURS. */
struct view_entry {
    uint8_t key[2 * VIEW_NUMBER_SIZE];
    uint8_t value[VIEW_NUMBER_SIZE + COMMAND_ID_SIZE];
};

/* The first row of such a table, copied; what it does not fill is zero. -ENOENT when it is empty,
 * -EIO for a row that is longer. */
int view_first(const struct view *view, enum view_table table, struct view_entry *ret,
               struct error *err);

#endif
