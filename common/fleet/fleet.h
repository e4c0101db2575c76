/*
 * The fold: what an event does to the view. The only place where a container's, a host's or a
 * command's state changes.
 *
 * Pure: no clock, no I/O, no randomness; the view is reached through a table of functions, so the
 * broker folds into LMDB in the transaction of the append, and the console, tests and rebuilds into
 * memory, with the same bytes as the result.
 */
#ifndef GANTRY_COMMON_FLEET_FLEET_H
#define GANTRY_COMMON_FLEET_FLEET_H

#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"
#include "schemas/record.h"
#include "schemas/rows.h"

/* The view's tables. Keys: a host's name; a container's id; "<host>/<container name>" -> id; a
 * command's 16 bytes; a client's 8 bytes. Values: rows by their schemas (names: the id's text). */
enum view_table {
    VIEW_HOSTS,
    VIEW_CONTAINERS,
    VIEW_NAMES,
    VIEW_COMMANDS,
    VIEW_CLIENTS,
    VIEW_TABLE_COUNT,
};

#define VIEW_VERSION 1 /* a view of another version is folded again from the log */

/* Where a view is kept. Each function returns 0 or a negative errno; get -ENOENT when absent. */
struct view {
    const struct view_functions *functions;
    void *store;
};

struct view_functions {
    /* Borrowed until the next put or remove. */
    int (*get)(void *store, enum view_table table, struct bytes key, struct bytes *ret);
    int (*put)(void *store, enum view_table table, struct bytes key, struct bytes value,
               struct error *err);
    int (*remove)(void *store, enum view_table table, struct bytes key, struct error *err);
    /* Calls `visit` for each row in order of keys from `from` on, until it returns not 0. */
    int (*walk)(void *store, enum view_table table, struct bytes from,
                int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                struct error *err);
};

/* Fold one record (with its position) into the view. A record that the view cannot follow (an
 * illegal transition, an unknown container) changes nothing but what it says of its command, and
 * is counted by the caller through -EPROTO; other errors are the store's. */
int fleet_apply(const struct view *view, const struct record *record, struct error *err);

/* The container part of the fold, for a worker's own row: `row` is changed in place and its parts
 * are allocated in `arena`. A new row (all zero) takes container.created. -EPROTO when illegal. */
int container_apply(struct container_row *row, const struct record *record, struct arena *arena,
                    struct error *err);

/* A fingerprint of all tables in order: the same for the same log (crc32c chained over keys and
 * values, in 64 bits with the count of rows above). */
int view_hash(const struct view *view, uint64_t *ret, struct error *err);

/* Decode a row. -ENOENT when there is none. */
int view_host(const struct view *view, const char *name, struct host_row *ret, struct arena *arena,
              struct error *err);
int view_container(const struct view *view, const char *id, struct container_row *ret,
                   struct arena *arena, struct error *err);
int view_command(const struct view *view, struct command_id id, struct command_row *ret,
                 struct arena *arena, struct error *err);
int view_client(const struct view *view, uint64_t client, struct client_row *ret,
                struct error *err);

#endif
