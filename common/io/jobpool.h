/*
 * Blocking work for an event loop: jobs run on pool threads, their results come
 * back on the loop thread.
 *
 * From submit until `done` the pool owns the job. `work` runs on a pool thread
 * and touches the job only; `done` runs on the loop thread, exactly once, and
 * may free the job. Every function here is for the loop thread.
 */
#ifndef GANTRY_COMMON_IO_JOBPOOL_H
#define GANTRY_COMMON_IO_JOBPOOL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "common/auto.h"
#include "common/error.h"

struct event_base;
struct jobpool;

struct job {
    void (*work)(struct job *job);
    void (*done)(struct job *job);
    bool cancelled; /* for `done`: the pool closed before `work` could run */
    STAILQ_ENTRY(job) link;
};

int jobpool_new(struct event_base *loop, unsigned threads, unsigned max_waiting,
                struct jobpool **ret, struct error *err);

/* -EAGAIN when `max_waiting` jobs wait (beside those that run) or the pool is closing: the caller
 * sheds load and keeps the job. */
int jobpool_submit(struct jobpool *pool, struct job *job, struct error *err);

/* Waits for running jobs, cancels waiting ones, calls every `done`, frees. NULL is legal. Not from
 * within a `done`; before the loop is freed. */
void jobpool_destroy(struct jobpool *pool);
DEFINE_AUTODESTROY(jobpool)

#endif
