/* Blocking work for an event loop; see the header. */
#include "common/io/jobpool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <event2/event.h>

#include "common/mem.h"

STAILQ_HEAD(job_queue, job);

struct jobpool {
    /* The loop thread's own. */
    pthread_t *threads;
    unsigned thread_count;
    unsigned max_waiting;
    struct event *finished_event;
    bool is_delivering;

    int finished_fd; /* eventfd: `finished` has something */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t has_work;
    struct job_queue waiting;
    struct job_queue finished;
    unsigned waiting_count;
    unsigned finished_count;
    bool is_closing;
};

/* NULL: the pool closes and the thread shall end. What waits then is cancelled, not run. */
static struct job *take_job(struct jobpool *pool)
{
    struct job *job = NULL;

    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->is_closing && STAILQ_EMPTY(&pool->waiting))
        (void)pthread_cond_wait(&pool->has_work, &pool->lock);
    if (!pool->is_closing) {
        job = STAILQ_FIRST(&pool->waiting);
        STAILQ_REMOVE_HEAD(&pool->waiting, link);
        pool->waiting_count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return job;
}

static void hand_back(struct jobpool *pool, struct job *job)
{
    (void)pthread_mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->finished, job, link);
    pool->finished_count++;
    (void)pthread_mutex_unlock(&pool->lock);
    (void)eventfd_write(pool->finished_fd, 1);
}

static void *run_jobs(void *arg)
{
    struct jobpool *pool = arg;
    struct job *job;

    while ((job = take_job(pool)) != NULL) {
        job->work(job);
        hand_back(pool, job);
    }
    return NULL;
}

static void call_done(struct job *job, bool is_cancelled)
{
    job->cancelled = is_cancelled;
    job->done(job); /* may free the job, or submit it again */
}

static struct job *take_finished(struct jobpool *pool)
{
    struct job *job;

    (void)pthread_mutex_lock(&pool->lock);
    job = STAILQ_FIRST(&pool->finished);
    STAILQ_REMOVE_HEAD(&pool->finished, link);
    pool->finished_count--;
    (void)pthread_mutex_unlock(&pool->lock);
    return job;
}

static unsigned count_finished(struct jobpool *pool)
{
    unsigned count;

    (void)pthread_mutex_lock(&pool->lock);
    count = pool->finished_count;
    (void)pthread_mutex_unlock(&pool->lock);
    return count;
}

/* Those that are there now; what finishes meanwhile wakes the loop again. */
static void deliver(struct jobpool *pool)
{
    pool->is_delivering = true;
    for (unsigned count = count_finished(pool); count > 0; count--)
        call_done(take_finished(pool), false);
    pool->is_delivering = false;
}

static void cancel_waiting(struct jobpool *pool)
{
    struct job *job;

    while ((job = STAILQ_FIRST(&pool->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&pool->waiting, link);
        call_done(job, true);
    }
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
    eventfd_t count;

    (void)what;
    (void)eventfd_read(fd, &count);
    deliver(arg);
}

/* Signals are the loop's: a pool thread takes none. */
static int start_threads(struct jobpool *pool, unsigned count, struct error *err)
{
    sigset_t all;
    sigset_t before;
    int r = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (r == 0 && pool->thread_count < count) {
        r = pthread_create(&pool->threads[pool->thread_count], NULL, run_jobs, pool);
        if (r == 0)
            pool->thread_count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = r;
    return r == 0 ? 0 : error_set_errno(err, "start thread %u of the job pool", pool->thread_count);
}

static int watch_finished(struct jobpool *pool, struct event_base *loop, struct error *err)
{
    pool->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->finished_fd < 0)
        return error_set_errno(err, "job pool: eventfd");
    pool->finished_event =
        event_new(loop, pool->finished_fd, EV_READ | EV_PERSIST, on_finished, pool);
    if (pool->finished_event == NULL || event_add(pool->finished_event, NULL) < 0)
        return error_set(err, -ENOMEM, "job pool: the loop takes no event");
    return 0;
}

int jobpool_new(struct event_base *loop, unsigned threads, unsigned max_waiting,
                struct jobpool **ret, struct error *err)
{
    autodestroy(jobpool) struct jobpool *pool = mem_new(struct jobpool);
    int r;

    assert(threads > 0);
    pool->finished_fd = -1;
    pool->max_waiting = max_waiting;
    pool->threads = mem_zeroed(threads * sizeof(*pool->threads));
    STAILQ_INIT(&pool->waiting);
    STAILQ_INIT(&pool->finished);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->has_work, NULL);

    r = watch_finished(pool, loop, err);
    if (r < 0)
        return r;
    r = start_threads(pool, threads, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(pool);
    return 0;
}

int jobpool_submit(struct jobpool *pool, struct job *job, struct error *err)
{
    bool is_taken;

    (void)pthread_mutex_lock(&pool->lock);
    is_taken = !pool->is_closing && pool->waiting_count < pool->max_waiting;
    if (is_taken) {
        job->cancelled = false;
        STAILQ_INSERT_TAIL(&pool->waiting, job, link);
        pool->waiting_count++;
        (void)pthread_cond_signal(&pool->has_work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return is_taken ? 0 : error_set(err, -EAGAIN, "job pool takes no more work");
}

static void stop_threads(struct jobpool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_closing = true;
    (void)pthread_cond_broadcast(&pool->has_work);
    (void)pthread_mutex_unlock(&pool->lock);
    while (pool->thread_count > 0)
        (void)pthread_join(pool->threads[--pool->thread_count], NULL);
}

void jobpool_destroy(struct jobpool *pool)
{
    if (pool == NULL)
        return;
    assert(!pool->is_delivering);
    stop_threads(pool);
    deliver(pool); /* no thread is left: these are all */
    cancel_waiting(pool);
    if (pool->finished_event != NULL)
        event_free(pool->finished_event);
    if (pool->finished_fd >= 0)
        (void)close(pool->finished_fd);
    (void)pthread_cond_destroy(&pool->has_work);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
