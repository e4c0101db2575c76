/*
 * The worker's journal: its own events in order, the row of each container, operations that are
 * open, commands that have no outcome yet, and how far it has come in the broker's log. What is
 * written in one turn is one transaction. Layout of STATE/journal: one store with the tables meta,
 * events, containers, units, commands.
 *
 * Owner: the worker. Thread: the loop's, but journal_write(), which blocks and belongs to the one
 * thread of a pool; at most one runs at a time. Each value is kept with its crc32c: a flipped bit
 * is -EUCLEAN, never served.
 */
#ifndef GANTRY_WORKER_IO_JOURNAL_H
#define GANTRY_WORKER_IO_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/id.h"
#include "schemas/schema.h"
#include "worker/io/journal_events.h"
#include "worker/io/journal_limits.h"
#include "worker/io/sessions.h"

struct journal;

/* How far it has come; as of the last transaction. */
struct journal_state {
    struct command_id id;  /* random, made with the journal */
    uint64_t incarnation;  /* of this start of the worker */
    uint64_t last_seq;     /* of the last event; 0: none */
    uint64_t acked_seq;    /* events up to it are in the broker's log */
    uint64_t first_seq;    /* the oldest event still kept; last_seq + 1 when none is */
    uint64_t cursor;       /* in cmd/<host> */
    struct command_id log; /* the broker's log that it reports to; zero: none yet */
    uint64_t epoch;        /* of that log */
    bool is_rebooted;      /* the boot id is another than in the last transaction of a start */
    bool is_log_new;       /* the disk does not say so yet */
    uint64_t lost_until;   /* ns since 1970: when the last event happened that is no longer kept */
    uint64_t session;      /* of this start */
    struct sessions_text before; /* those of the starts before */
};

/*
 * Open or make the journal in `directory` for `host`, and make a new incarnation and its session
 * durable. Another boot id becomes so with the first write: a start that does not get as far as to
 * say what the restart of the host has ended leaves it to the next one. -EBUSY when another worker
 * has it, -EINVAL when it is another host's.
 */
int journal_open(const char *directory, const char *host, const char *boot_id, struct journal **ret,
                 struct error *err);
void journal_close(struct journal *journal);
static inline void journal_auto_destroy_(struct journal **owned)
{
    journal_close(*owned);
}

const struct journal_state *journal_state(const struct journal *journal);

/* Other bounds than the usual ones. Before the first write. */
void journal_set_limits(struct journal *journal, const struct journal_limits *limits);

enum journal_table {
    JOURNAL_CONTAINERS,
    JOURNAL_UNITS,
    JOURNAL_COMMANDS,
    JOURNAL_IMAGES,
    JOURNAL_VOLUMES,
};

/* Every value of a table in the order of its keys. The first negative answer of `load` ends it. */
int journal_load(struct journal *journal, enum journal_table table,
                 int (*load)(void *owner, struct bytes value, struct error *err), void *owner,
                 struct error *err);

/* The rows of containers, images and volumes, then the open commands, all as they were at one
 * moment: when the journal ended at `ret_upto`, which may be ahead of journal_state() while a write
 * is under way. */
struct journal_snapshot {
    int (*on_row)(void *owner, struct bytes value, struct error *err);
    int (*on_image)(void *owner, struct bytes value, struct error *err);
    int (*on_volume)(void *owner, struct bytes value, struct error *err);
    int (*on_command)(void *owner, struct bytes value, struct error *err);
    void *owner;
};
int journal_take_snapshot(struct journal *journal, const struct journal_snapshot *snapshot,
                          uint64_t *ret_upto, struct error *err);

enum journal_change_kind {
    JOURNAL_PUT_EVENT,     /* number: its journal_seq, the next one */
    JOURNAL_PUT_CONTAINER, /* id */
    JOURNAL_REMOVE_CONTAINER,
    JOURNAL_PUT_UNIT,
    JOURNAL_REMOVE_UNIT,
    JOURNAL_PUT_COMMAND, /* number: its pos */
    JOURNAL_REMOVE_COMMAND,
    JOURNAL_SET_CURSOR, /* number */
    JOURNAL_PUT_IMAGE,  /* id */
    JOURNAL_REMOVE_IMAGE,
    JOURNAL_PUT_VOLUME, /* id: its name */
    JOURNAL_REMOVE_VOLUME,
};

struct journal_change {
    enum journal_change_kind kind;
    uint64_t number;
    const char *id;
    struct bytes value;
};

/* One transaction: what a turn has changed. Also drops some of the acknowledged events that need
 * not be kept any longer. */
struct journal_write {
    const struct journal_change *changes; /* borrowed until journal_written() */
    size_t count;
    /* By journal_prepare() and journal_write(); not for others. */
    uint64_t acked_seq;
    const char *boot_id;           /* borrowed; NULL: the disk has it */
    struct sessions_text sessions; /* none: the disk has them */
    struct command_id log;
    uint64_t epoch;
    struct journal_kept kept;
    uint64_t acked_total;
    uint64_t now_ns;
    uint64_t last_seq;
    uint64_t cursor;
    uint64_t total; /* bytes of all events ever written */
};

/* On the loop thread, before the write is handed to the pool. */
void journal_prepare(const struct journal *journal, struct journal_write *write);
/* On the pool thread. All or nothing; -ENOSPC and other failures of the disk may pass: write
 * again. */
int journal_write(struct journal *journal, struct journal_write *write, struct error *err);
/* On the loop thread, after it has succeeded. */
void journal_written(struct journal *journal, const struct journal_write *write);

/* The broker has everything up to `seq`. In memory until the next write. */
void journal_acked(struct journal *journal, uint64_t seq);
/* The log that it reports to from now on. In memory until the next write. */
void journal_set_log(struct journal *journal, struct command_id log, uint64_t epoch);
/* A log that has the events up to `seq` only, fewer perhaps than another one had. In memory until
 * the next write. */
void journal_begin_log(struct journal *journal, struct command_id log, uint64_t epoch,
                       uint64_t seq);
/* A broker knows the session of this start. In memory until the next write. */
void journal_welcomed(struct journal *journal);
/* Whether there is something that only a further write makes durable or clears away. */
bool journal_wants_write(const struct journal *journal);

/* The events of the range in order, at least one when there is one. What `ret` points to is in
 * `arena`. -EUCLEAN for a damaged one. */
int journal_read(struct journal *journal, const struct journal_range *range, struct raw_list *ret,
                 struct arena *arena, struct error *err);

/* There are too many events that no broker has taken, or too many bytes. */
bool journal_is_full(const struct journal *journal);

#endif
