/*
 * The committer: the one writer of the log.
 *
 * Whoever has something to write adds an entry. While one batch is written on a pool thread the
 * next one gathers, so a flush of the disk pays for all that came meanwhile; nothing waits for
 * company. Each entry of a batch sees what those before it wrote. An entry is told that it is done
 * only when the flush that covers it has returned.
 *
 * Loop thread, but for `apply`.
 */
#ifndef GANTRY_BROKER_COMMIT_H
#define GANTRY_BROKER_COMMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "broker/io/log.h"
#include "common/auto.h"
#include "common/error.h"
#include "common/fleet/fleet.h"

/* What waits at most, then what is written at once at most. */
#define COMMIT_ENTRIES_MAX       8192
#define COMMIT_BYTES_MAX         (16 * 1024 * 1024)
#define COMMIT_BATCH_RECORDS_MAX 4000
#define COMMIT_BATCH_BYTES_MAX   (4 * 1024 * 1024)

struct event_base;
struct committer;
struct commit_entry;

/* What an entry writes with: one transaction for the whole batch. */
struct commit_turn {
    struct log_txn *txn;
    struct view view;    /* of the transaction */
    uint64_t now_ns;     /* since 1970: the time of every record of the batch; never goes back */
    uint64_t records;    /* appended */
    uint64_t unfollowed; /* of these: records that the view could not follow */
};

struct commit_functions {
    /*
     * Pool thread: write. Touches the entry only. May be called again, in another transaction,
     * after an undone one: it begins anew each time. A negative result undoes what it wrote.
     */
    int (*apply)(struct commit_entry *entry, struct commit_turn *turn, struct error *err);
    /*
     * Loop thread, exactly once: durable (`failure` is NULL), or not written at all because of it.
     * The entry, where the failure is kept, is the owner's again.
     */
    void (*done)(struct commit_entry *entry, const struct error *failure);
};

/* Embedded in what has something to write. */
struct commit_entry {
    const struct commit_functions *functions;
    unsigned records;     /* it writes about so many */
    size_t bytes;         /* of about this size */
    struct error failure; /* the committer's own from here on; code 0: none */
    STAILQ_ENTRY(commit_entry) link;
};

struct commit_counters {
    uint64_t commits; /* since the start, as all of them */
    uint64_t records;
    uint64_t unfollowed;
    uint64_t failures; /* batches that could not be written */
};

/* `on_committed` is called after each batch whose entries have all been told. */
int committer_new(struct event_base *loop, struct log *log, void (*on_committed)(void *owner),
                  void *owner, struct committer **ret, struct error *err);

/* Waits for the batch that is being written; what has not begun is told -ECANCELED. NULL is legal.
 */
void committer_destroy(struct committer *committer);
DEFINE_AUTODESTROY(committer)

/* Write it with the next batch. -EAGAIN when COMMIT_*_MAX are reached: nothing was taken. */
int committer_add(struct committer *committer, struct commit_entry *entry, struct error *err);

/* Write it next, before all that waits, however much that is: for one who makes room. -EAGAIN only
 * when the committer is closing. */
int committer_add_first(struct committer *committer, struct commit_entry *entry);

/* More than three quarters of what may wait does: submitters are to wait, others may go on. */
bool committer_is_busy(const struct committer *committer);
/* Nothing waits and nothing is being written. */
bool committer_is_idle(const struct committer *committer);

struct commit_counters committer_counters(const struct committer *committer);

/* For `apply`: append `record` (its stream is set) with the turn's time, and fold it into the view.
 */
int commit_append(struct commit_turn *turn, struct record *record, struct error *err);

#endif
