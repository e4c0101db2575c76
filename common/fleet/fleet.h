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
#include "common/id.h"
#include "schemas/record.h"
#include "schemas/rows.h"

/*
 * The view's tables, with keys -> values; numbers in keys are big endian.
 *
 * A container.create command reserves the id and the name: from then on there is a container row
 * in CONTAINER_UNKNOWN ("being created"), which container.created turns into CONFIGURED and which
 * the outcome of the command removes if nothing was created. A container.rename command holds the
 * new name until its outcome, beside the name that the container has. The last three tables keep
 * the others small: what is first in VIEW_FINISHED and VIEW_CLIENT_HOURS is the oldest and goes
 * first.
 */
enum view_table {
    VIEW_HOSTS,        /* a host's name -> host_row */
    VIEW_CONTAINERS,   /* a container's id -> container_row */
    VIEW_NAMES,        /* "<host>/<container name>" -> the container's id */
    VIEW_COMMANDS,     /* a command's 16 bytes -> command_row */
    VIEW_CLIENTS,      /* a client's 8 bytes -> client_row */
    VIEW_FINISHED,     /* position of an outcome (8) -> its time (8), the command's 16 bytes */
    VIEW_CLIENT_HOURS, /* hour of its last word (8), client (8) -> one byte */
    VIEW_TOTALS,       /* "finished", "clients", "pending/<host>", "forgotten" -> a number (8) */
    VIEW_IMAGES,       /* "<host>/<image id>" -> image_row */
    VIEW_VOLUMES,      /* "<host>/<volume's name>" -> volume_row */
    VIEW_TABLE_COUNT,
};

#define VIEW_VERSION 4 /* a view of another version is folded again from the log */

#define VIEW_KEY_MAX 511 /* bytes of a key */

/* Commands that have ended, and clients that say nothing, are kept for a day of the log's time,
 * and never more than so many. A client's row must outlive its commands: see view_forgotten(). */
#define VIEW_KEPT_NS      (24ULL * 3600 * 1000000000)
#define VIEW_FINISHED_MAX 100000
#define VIEW_CLIENTS_MAX  1000000

/* "hosts": for the store that keeps them. */
const char *view_table_name(enum view_table table);

/* Where a view is kept. Each function returns 0 or a negative errno; get and remove -ENOENT when
 * there is no such row. */
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
    /* Calls `visit` for each row in order of keys from `from` on, until it returns not 0; 0 then
     * too. `visit` does not change the view. */
    int (*walk)(void *store, enum view_table table, struct bytes from,
                int (*visit)(void *owner, struct bytes key, struct bytes value), void *owner,
                struct error *err);
    /* NULL but for a store that keeps rows as messages: see row_cache.h. -ENOENT without a text. */
    int (*get_row)(void *store, enum view_table table, struct bytes key, void *ret,
                   struct error *err);
    int (*put_row)(void *store, enum view_table table, struct bytes key, const void *row,
                   struct error *err);
};

/*
 * Fold one record (with its position) into the view. A record that the view cannot follow (an
 * illegal transition, an unknown container, bytes that no schema knows) changes nothing but its
 * journal's number and what it says of its command, and is counted by the caller through -EPROTO;
 * other errors are the store's and leave the view half changed: undo the transaction. Types that
 * are not known here pass unnoticed.
 */
int fleet_apply(const struct view *view, const struct record *record, struct error *err);

/*
 * The container part of the fold, for a worker's own row: `row` is changed in place and its parts
 * are allocated in `arena`. A new row (all zero) takes container.created. -EPROTO when illegal (the
 * row is then as before). An event of a run (started, stopping, signalled, died, paused, unpaused)
 * must carry the row's run, container.initialized a larger one. A cause that is not zero makes it a
 * user's: initialized then begins to count restarts anew; stopping, and signalled with SIGKILL or
 * the stop signal, set stopped_by_user. After container.removed the state is CONTAINER_REMOVING
 * still: the caller deletes the row.
 */
int container_apply(struct container_row *row, const struct record *record, struct arena *arena,
                    struct error *err);

/* A fingerprint of all tables in order: the same for the same log (crc32c chained over keys and
 * values, in 64 bits with the count of rows above). */
int view_hash(const struct view *view, uint64_t *ret, struct error *err);

/* Decode a row; sealed, without what the host or the container is configured with, which is most of
 * it. -ENOENT when there is none. */
int view_host(const struct view *view, const char *name, struct host_row *ret, struct arena *arena,
              struct error *err);
int view_host_sealed(const struct view *view, const char *name, struct host_row *ret,
                     struct arena *arena, struct error *err);
int view_container_sealed(const struct view *view, const char *id, struct container_row *ret,
                          struct arena *arena, struct error *err);
int view_container(const struct view *view, const char *id, struct container_row *ret,
                   struct arena *arena, struct error *err);
int view_command(const struct view *view, struct command_id id, struct command_row *ret,
                 struct arena *arena, struct error *err);
int view_client(const struct view *view, uint64_t client, struct client_row *ret,
                struct error *err);

/* The id of the container that is called so on this host (or is being created), with its NUL.
 * -ENOENT when there is none. */
int view_name(const struct view *view, const char *host, const char *name,
              char ret_id[CONTAINER_ID_SIZE + 1], struct error *err);

/* Commands of a host that have no outcome yet. */
int view_pending(const struct view *view, const char *host, uint64_t *ret, struct error *err);

/* Until when (ns since 1970, by the log) a client without a row may have spoken and been
 * forgotten; 0: none ever was. */
int view_forgotten(const struct view *view, uint64_t *ret, struct error *err);

#endif
