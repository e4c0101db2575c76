/* What the fleet was; see the header. */
#include "broker/snapshots.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/past_maker.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"

/* Address space for all snapshots; they take what PAST_SHARE leaves them. */
#define PAST_BYTES_MAX (16ULL * 1024 * 1024 * 1024)

/* The thread gives way to all others. */
#define NICENESS 19

struct snapshots {
    struct broker *broker;
    bool is_open;         /* else there is nothing to read yet, or it could not be opened */
    struct jobpool *pool; /* of one thread */
    uint64_t due;         /* when the committer has written so many records */
    uint64_t condemned;   /* position of a snapshot that cannot be read; 0: none */
    struct past_counts counts;
    bool is_wanted;  /* a step, whatever is due */
    bool has_failed; /* and that was said */
    bool is_closing;

    /* The pool's while it works; the store may be read meanwhile, once it is open. */
    struct past_store *store;
    struct past_maker *maker; /* NULL: not yet */
    struct job job;
    bool is_working;
    uint64_t to_drop;
    struct past_progress progress;
    struct past_counts counted;
    struct error failure; /* code 0: none */
};

static int open_store(struct snapshots *snapshots, struct error *err)
{
    autofree char *directory =
        mem_text("%s/" PAST_DIRECTORY, snapshots->broker->options->state_directory);
    int r = 0;

    if (snapshots->store == NULL)
        r = past_store_open(directory, PAST_BYTES_MAX, &snapshots->store, err);
    if (r == 0)
        r = past_maker_new(snapshots->broker->log, snapshots->store, &snapshots->maker, err);
    return r;
}

static int work(struct snapshots *snapshots, struct error *err)
{
    bool is_first = snapshots->maker == NULL;
    int r = is_first ? open_store(snapshots, err) : 0;

    if (r == 0 && snapshots->to_drop != 0)
        r = past_maker_drop(snapshots->maker, snapshots->to_drop, err);
    if (r == 0 && !is_first)
        r = past_maker_step(snapshots->maker, &snapshots->progress, err);
    return r == 0 ? past_store_counts(snapshots->store, &snapshots->counted, err) : r;
}

static void snapshots_work(struct job *job)
{
    struct snapshots *snapshots = container_of(job, struct snapshots, job);
    int r;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    snapshots->failure = (struct error){ 0 };
    r = work(snapshots, &snapshots->failure);
    if (r == 0)
        snapshots->failure = (struct error){ 0 }; /* of what was looked for and need not be there */
    else if (snapshots->failure.code == 0)
        (void)error_set(&snapshots->failure, r, "make a snapshot of the view");
}

/* Once for each time that it begins to fail. */
static void take_failure(struct snapshots *snapshots)
{
    if (!snapshots->has_failed)
        log_failure("past.failed", &snapshots->failure);
    snapshots->has_failed = true;
    snapshots->progress = (struct past_progress){ .wait_records = PAST_RECORDS_MIN };
}

static void say_there(const struct snapshots *snapshots)
{
    log_debug(snapshots->is_open ? "past.made" : "past.opened",
              "pos=%llu snapshots=%llu bytes=%llu", (unsigned long long)snapshots->counted.last,
              (unsigned long long)snapshots->counted.snapshots,
              (unsigned long long)snapshots->counted.bytes);
}

static void say_built(const struct snapshots *snapshots)
{
    log_info("past.built", "head=%llu snapshots=%llu bytes=%llu",
             (unsigned long long)snapshots->progress.built,
             (unsigned long long)snapshots->counts.snapshots,
             (unsigned long long)snapshots->counts.bytes);
}

static void snapshots_done(struct job *job)
{
    struct snapshots *snapshots = container_of(job, struct snapshots, job);

    snapshots->is_working = false;
    if (snapshots->is_closing)
        return;
    if (snapshots->failure.code != 0) {
        take_failure(snapshots);
    } else {
        snapshots->has_failed = false;
        if (!snapshots->is_open || snapshots->counted.last != snapshots->counts.last)
            say_there(snapshots);
        snapshots->is_open = true;
        snapshots->counts = snapshots->counted;
        snapshots->condemned =
            snapshots->condemned == snapshots->to_drop ? 0 : snapshots->condemned;
    }
    if (snapshots->progress.built != 0)
        say_built(snapshots);
    snapshots->due =
        committer_counters(snapshots->broker->committer).records + snapshots->progress.wait_records;
    snapshots_wake(snapshots);
}

static void begin_work(struct snapshots *snapshots)
{
    snapshots->job = (struct job){ .work = snapshots_work, .done = snapshots_done };
    snapshots->progress = (struct past_progress){ 0 };
    snapshots->to_drop = snapshots->condemned;
    snapshots->is_wanted = false;
    snapshots->is_working = jobpool_submit(snapshots->pool, &snapshots->job, NULL) == 0;
}

void snapshots_wake(struct snapshots *snapshots)
{
    if (snapshots->is_working)
        return;
    if (snapshots->is_wanted ||
        committer_counters(snapshots->broker->committer).records >= snapshots->due)
        begin_work(snapshots);
}

void snapshots_trimmed(struct snapshots *snapshots)
{
    snapshots->is_wanted = true;
    snapshots_wake(snapshots);
}

void snapshots_condemn(struct snapshots *snapshots, uint64_t pos, const struct error *why)
{
    log_failure("past.damaged", why);
    snapshots->condemned = pos;
    snapshots->is_wanted = true;
    snapshots_wake(snapshots);
}

bool snapshots_are_settling(const struct snapshots *snapshots)
{
    return !snapshots->has_failed && (!snapshots->is_open || snapshots->condemned != 0);
}

struct past_store *snapshots_store(struct snapshots *snapshots)
{
    return snapshots->is_open && snapshots->condemned == 0 ? snapshots->store : NULL;
}

struct past_counts snapshots_counts(const struct snapshots *snapshots)
{
    return snapshots->counts;
}

int snapshots_new(struct broker *broker, struct snapshots **ret, struct error *err)
{
    struct snapshots *snapshots = mem_new(struct snapshots);
    int r;

    snapshots->broker = broker;
    r = jobpool_new(broker->loop, 1, 1, &snapshots->pool, err);
    if (r < 0) {
        free(snapshots);
        return error_add_context(err, r, "snapshots of the view");
    }
    snapshots_wake(snapshots);
    *ret = snapshots;
    return 0;
}

void snapshots_destroy(struct snapshots *snapshots)
{
    if (snapshots == NULL)
        return;
    snapshots->is_closing = true;
    jobpool_destroy(snapshots->pool);
    past_maker_destroy(snapshots->maker);
    past_store_close(snapshots->store);
    free(snapshots);
}
