/* The committer; see the header. */
#include "broker/commit.h"

#include <errno.h>

#include "broker/view_store.h"
#include "common/arena.h"
#include "common/fleet/row_cache.h"
#include "common/io/clock.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define ROWS_BYTES_MAX (2UL * 1024 * 1024) /* of each table, kept from one batch to the next */

/* A clock that is behind the last record by more than this is worth a word. */
#define CLOCK_BEHIND_NS 1000000000ULL

STAILQ_HEAD(entry_queue, commit_entry);

struct committer {
    struct log *log;
    struct row_cache *rows; /* of the view; the pool thread's */
    struct jobpool *pool;   /* of one thread */
    void (*on_committed)(void *owner);
    void *owner;
    struct commit_counters counters;
    uint64_t last_ns; /* since 1970: of the latest record; while is_writing the pool thread's */

    struct entry_queue waiting;
    size_t count; /* of entries that wait or are being written */
    size_t bytes; /* of these */
    bool is_writing;
    bool is_closing;

    /* The pool thread's while is_writing. */
    struct job job;
    struct entry_queue batch;
    struct commit_turn turn;
};

static bool is_of_the_disk(int code)
{
    return code == -ENOSPC || code == -EDQUOT || code == -EFBIG || code == -EIO || code == -EROFS;
}

/* Records never go back in time, whatever the clock does: what was at a moment has one answer. */
static uint64_t next_time(const struct committer *committer)
{
    uint64_t now_ns = clock_wall_ns();

    return now_ns > committer->last_ns ? now_ns : committer->last_ns;
}

/* What the entries that have not failed write. `ret_guilty`: of a failure, the entry whose it is;
 * NULL when it is not one entry's. */
static int apply_all(struct committer *committer, struct log_txn *txn,
                     struct commit_entry **ret_guilty, struct error *err)
{
    const struct view stored = view_store_in(txn);
    struct commit_turn *turn = &committer->turn;
    struct commit_entry *entry;

    *turn = (struct commit_turn){
        .txn = txn,
        .view = *row_cache_over(committer->rows, &stored),
        .now_ns = next_time(committer),
    };
    STAILQ_FOREACH(entry, &committer->batch, link)
    {
        if (entry->failure.code != 0)
            continue;
        int r = entry->functions->apply(entry, turn, err);

        if (r < 0) {
            *ret_guilty = is_of_the_disk(r) ? NULL : entry;
            return r;
        }
    }
    return row_cache_write(committer->rows, err);
}

/* One transaction for the batch. The rows that are kept are those of the last commit: after any
 * failure none are. */
static int write_once(struct committer *committer, struct commit_entry **ret_guilty,
                      struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    int r;

    *ret_guilty = NULL;
    r = log_begin(committer->log, LOG_WRITE, &txn, err);
    if (r < 0)
        return r;
    r = apply_all(committer, txn, ret_guilty, err);
    if (r == 0)
        r = log_commit(steal_ptr(txn), err);
    if (r < 0)
        row_cache_forget(committer->rows);
    else
        row_cache_trim(committer->rows);
    return r;
}

/* Write the batch. An entry that cannot be written harms only itself: the others are written again
 * without it; when the disk fails, all have failed. */
static void write_work(struct job *job)
{
    struct committer *committer = container_of(job, struct committer, job);
    struct commit_entry *guilty, *entry;
    struct error err;

    for (;;) {
        err = (struct error){ 0 };
        if (write_once(committer, &guilty, &err) == 0) {
            committer->last_ns = committer->turn.now_ns;
            return;
        }
        if (guilty == NULL)
            break;
        guilty->failure = err;
    }
    STAILQ_FOREACH(entry, &committer->batch, link)
    {
        if (entry->failure.code == 0)
            entry->failure = err;
    }
    committer->turn = (struct commit_turn){ 0 };
}

static void start_writing(struct committer *committer);

static void take_counters(struct committer *committer)
{
    bool has_committed = committer->turn.txn != NULL;

    committer->counters.commits += has_committed ? 1 : 0;
    committer->counters.failures += has_committed ? 0 : 1;
    committer->counters.records += committer->turn.records;
    committer->counters.unfollowed += committer->turn.unfollowed;
}

static void tell(struct committer *committer, struct commit_entry *entry)
{
    committer->count--;
    committer->bytes -= entry->bytes;
    entry->functions->done(entry, entry->failure.code == 0 ? NULL : &entry->failure);
}

static void tell_all(struct committer *committer, struct entry_queue *entries)
{
    struct commit_entry *entry;

    while ((entry = STAILQ_FIRST(entries)) != NULL) {
        STAILQ_REMOVE_HEAD(entries, link);
        tell(committer, entry); /* may free the entry, or add another */
    }
}

static void cancel_all(struct entry_queue *entries)
{
    struct commit_entry *entry;

    STAILQ_FOREACH(entry, entries, link)
    {
        (void)error_set(&entry->failure, -ECANCELED, "the broker is stopping");
    }
}

/* What has gathered is written while the loop tells those whose flush has returned. */
static void write_done(struct job *job)
{
    struct committer *committer = container_of(job, struct committer, job);
    struct entry_queue written = STAILQ_HEAD_INITIALIZER(written);

    if (job->cancelled)
        cancel_all(&committer->batch);
    else
        take_counters(committer);
    STAILQ_CONCAT(&written, &committer->batch);
    committer->is_writing = false;
    if (!STAILQ_EMPTY(&committer->waiting))
        start_writing(committer);
    tell_all(committer, &written);
    committer->on_committed(committer->owner);
}

/* Move to the batch what fits, at least one. */
static void take_batch(struct committer *committer)
{
    struct commit_entry *entry;
    size_t records = 0, bytes = 0;

    while ((entry = STAILQ_FIRST(&committer->waiting)) != NULL) {
        records += entry->records;
        bytes += entry->bytes;
        if (!STAILQ_EMPTY(&committer->batch) &&
            (records > COMMIT_BATCH_RECORDS_MAX || bytes > COMMIT_BATCH_BYTES_MAX))
            return;
        STAILQ_REMOVE_HEAD(&committer->waiting, link);
        STAILQ_INSERT_TAIL(&committer->batch, entry, link);
    }
}

static void start_writing(struct committer *committer)
{
    struct error err = { 0 };

    if (committer->is_closing)
        return;
    take_batch(committer);
    committer->is_writing = true;
    committer->job = (struct job){ .work = write_work, .done = write_done };
    /* The pool is ours alone and is given one job at a time. */
    if (jobpool_submit(committer->pool, &committer->job, &err) < 0) {
        log_failure("commit.job", &err);
        abort();
    }
}

/* When the last record was appended; 0 when there is none. */
static int read_last_time(struct log *log, uint64_t *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    autoarena arena = { 0 };
    struct log_state state = { 0 };
    struct log_entry entry = { 0 };
    struct record record;
    int r;

    *ret = 0;
    r = log_begin(log, LOG_READ, &txn, err);
    if (r == 0)
        r = log_state(txn, &state, err);
    if (r < 0 || state.head == 0)
        return r;
    r = log_walk(txn, NULL, state.head - 1, &cursor, err);
    if (r == 0)
        r = log_next(cursor, &entry, err);
    if (r <= 0)
        return r;
    r = schema_decode(&record_schema, entry.record, &record, &arena, err);
    if (r == 0)
        *ret = record.time;
    return r;
}

/* A damaged record is for others to find: its time is not worth a broker. */
static void learn_last_time(struct committer *committer)
{
    struct error err = { 0 };
    uint64_t now_ns = clock_wall_ns();

    if (read_last_time(committer->log, &committer->last_ns, &err) < 0)
        log_failure("clock.not_compared", &err);
    if (committer->last_ns > now_ns + CLOCK_BEHIND_NS)
        log_warning(
            "clock.behind",
            "by_ms=%llu reason=\"the last record is younger than the clock says that it is: "
            "until the clock has caught up, all records get that one's time\"",
            (unsigned long long)((committer->last_ns - now_ns) / 1000000));
}

int committer_new(struct event_base *loop, struct log *log, void (*on_committed)(void *owner),
                  void *owner, struct committer **ret, struct error *err)
{
    struct committer *committer = mem_new(struct committer);
    int r;

    committer->log = log;
    learn_last_time(committer);
    committer->rows = row_cache_new(ROWS_BYTES_MAX);
    committer->on_committed = on_committed;
    committer->owner = owner;
    STAILQ_INIT(&committer->waiting);
    STAILQ_INIT(&committer->batch);
    r = jobpool_new(loop, 1, 1, &committer->pool, err);
    if (r < 0) {
        row_cache_destroy(committer->rows);
        free(committer);
        return r;
    }
    *ret = committer;
    return 0;
}

void committer_destroy(struct committer *committer)
{
    if (committer == NULL)
        return;
    committer->is_closing = true;
    jobpool_destroy(committer->pool);
    cancel_all(&committer->waiting);
    tell_all(committer, &committer->waiting);
    row_cache_destroy(committer->rows);
    free(committer);
}

static void count_in(struct committer *committer, struct commit_entry *entry)
{
    entry->failure = (struct error){ 0 };
    committer->count++;
    committer->bytes += entry->bytes;
}

static void start_when_idle(struct committer *committer)
{
    if (!committer->is_writing && STAILQ_EMPTY(&committer->batch))
        start_writing(committer);
}

int committer_add(struct committer *committer, struct commit_entry *entry, struct error *err)
{
    if (committer->is_closing)
        return error_set(err, -EAGAIN, "the broker is stopping");
    if (committer->count >= COMMIT_ENTRIES_MAX || committer->bytes >= COMMIT_BYTES_MAX)
        return error_set(err, -EAGAIN, "too much waits to be written: try again later");
    count_in(committer, entry);
    STAILQ_INSERT_TAIL(&committer->waiting, entry, link);
    start_when_idle(committer);
    return 0;
}

int committer_add_first(struct committer *committer, struct commit_entry *entry)
{
    if (committer->is_closing)
        return -EAGAIN;
    count_in(committer, entry);
    STAILQ_INSERT_HEAD(&committer->waiting, entry, link);
    start_when_idle(committer);
    return 0;
}

bool committer_is_busy(const struct committer *committer)
{
    return committer->count >= COMMIT_ENTRIES_MAX / 4 * 3 ||
           committer->bytes >= COMMIT_BYTES_MAX / 4 * 3;
}

bool committer_is_idle(const struct committer *committer)
{
    return committer->count == 0;
}

struct commit_counters committer_counters(const struct committer *committer)
{
    return committer->counters;
}

int commit_append(struct commit_turn *turn, struct record *record, struct error *err)
{
    int r;

    record->time = turn->now_ns;
    r = log_append(turn->txn, record, err);
    if (r < 0)
        return r;
    turn->records++;
    r = fleet_apply(&turn->view, record, err);
    if (r != -EPROTO)
        return r;
    turn->unfollowed++;
    return 0;
}
