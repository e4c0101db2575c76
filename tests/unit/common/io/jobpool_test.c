/* The job pool: every job that was taken comes back, once, on the loop's thread. */
#include "common/io/jobpool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/mem.h"

#define JOBS 200

struct bench {
    struct event_base *loop;
    struct jobpool *pool;
    pthread_t loop_thread;
    sem_t started; /* posted by a gated job's work */
    sem_t gate;    /* what it then waits for */
    unsigned done_count;
    unsigned expected; /* the loop is left when so many are done */
};

struct test_job {
    struct job job;
    struct bench *bench;
    pthread_t worked_on;
    unsigned work_count;
    unsigned done_count;
    bool was_cancelled;
};

static void bench_init(struct bench *bench, unsigned threads, unsigned max_waiting)
{
    struct error err = { 0 };

    *bench = (struct bench){ .loop = event_base_new(), .loop_thread = pthread_self() };
    assert_int_equal(sem_init(&bench->started, 0, 0), 0);
    assert_int_equal(sem_init(&bench->gate, 0, 0), 0);
    if (jobpool_new(bench->loop, threads, max_waiting, &bench->pool, &err) < 0)
        fail_msg("%s", err.text);
}

static void bench_done(struct bench *bench)
{
    jobpool_destroy(bench->pool);
    event_base_free(bench->loop);
    (void)sem_destroy(&bench->started);
    (void)sem_destroy(&bench->gate);
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        assert_int_equal(errno, EINTR);
}

static void count_work(struct job *job)
{
    struct test_job *test = container_of(job, struct test_job, job);

    test->work_count++;
    test->worked_on = pthread_self();
}

static void gated_work(struct job *job)
{
    struct test_job *test = container_of(job, struct test_job, job);

    count_work(job);
    (void)sem_post(&test->bench->started);
    wait_for(&test->bench->gate);
}

static void count_done(struct job *job)
{
    struct test_job *test = container_of(job, struct test_job, job);
    struct bench *bench = test->bench;

    assert_true(pthread_equal(pthread_self(), bench->loop_thread));
    test->done_count++;
    test->was_cancelled = job->cancelled;
    if (++bench->done_count == bench->expected)
        (void)event_base_loopbreak(bench->loop);
}

static struct test_job make_job(struct bench *bench, void (*work)(struct job *job))
{
    return (struct test_job){ .job = { .work = work, .done = count_done }, .bench = bench };
}

static void run_until_done(struct bench *bench, unsigned expected)
{
    bench->expected = expected;
    if (bench->done_count < expected)
        (void)event_base_dispatch(bench->loop);
    assert_int_equal(bench->done_count, expected);
}

static void every_job_works_once_and_is_done_once(void **state)
{
    struct bench bench;
    struct test_job jobs[JOBS];

    (void)state;
    bench_init(&bench, 4, JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = make_job(&bench, count_work);
        assert_int_equal(jobpool_submit(bench.pool, &jobs[i].job, NULL), 0);
    }
    run_until_done(&bench, JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].work_count, 1);
        assert_int_equal(jobs[i].done_count, 1);
        assert_false(jobs[i].was_cancelled);
        assert_false(pthread_equal(jobs[i].worked_on, bench.loop_thread));
    }
    bench_done(&bench);
}

static void a_full_pool_takes_no_more_and_keeps_what_it_has(void **state)
{
    struct bench bench;
    struct test_job running;
    struct test_job waiting[2];
    struct test_job extra;
    struct error err = { 0 };

    (void)state;
    bench_init(&bench, 1, 2);
    running = make_job(&bench, gated_work);
    extra = make_job(&bench, count_work);
    assert_int_equal(jobpool_submit(bench.pool, &running.job, NULL), 0);
    wait_for(&bench.started); /* it runs: it no longer waits */
    for (unsigned i = 0; i < 2; i++) {
        waiting[i] = make_job(&bench, count_work);
        assert_int_equal(jobpool_submit(bench.pool, &waiting[i].job, NULL), 0);
    }
    assert_int_equal(jobpool_submit(bench.pool, &extra.job, &err), -EAGAIN);
    assert_string_equal(err.text, "job pool takes no more work");
    (void)sem_post(&bench.gate);
    run_until_done(&bench, 3);
    assert_int_equal(extra.done_count, 0);
    assert_int_equal(jobpool_submit(bench.pool, &extra.job, NULL), 0);
    run_until_done(&bench, 4);
    assert_int_equal(extra.work_count, 1);
    bench_done(&bench);
}

static void jobs_run_side_by_side(void **state)
{
    struct bench bench;
    struct test_job jobs[3];

    (void)state;
    bench_init(&bench, 3, 3);
    for (unsigned i = 0; i < 3; i++) {
        jobs[i] = make_job(&bench, gated_work);
        assert_int_equal(jobpool_submit(bench.pool, &jobs[i].job, NULL), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        wait_for(&bench.started); /* all three are in their work at once */
    for (unsigned i = 0; i < 3; i++)
        (void)sem_post(&bench.gate);
    run_until_done(&bench, 3);
    bench_done(&bench);
}

/* Opens the gate once the pool has cancelled or taken what waited: from another thread, as the
 * destroying one waits for the running job. */
static void *open_gate(void *arg)
{
    struct bench *bench = arg;

    (void)sem_post(&bench->gate);
    return NULL;
}

static void closing_waits_for_running_jobs_and_cancels_waiting_ones(void **state)
{
    struct bench bench;
    struct test_job running;
    struct test_job waiting[3];
    pthread_t opener;

    (void)state;
    bench_init(&bench, 1, 3);
    running = make_job(&bench, gated_work);
    assert_int_equal(jobpool_submit(bench.pool, &running.job, NULL), 0);
    wait_for(&bench.started);
    for (unsigned i = 0; i < 3; i++) {
        waiting[i] = make_job(&bench, count_work);
        assert_int_equal(jobpool_submit(bench.pool, &waiting[i].job, NULL), 0);
    }
    assert_int_equal(pthread_create(&opener, NULL, open_gate, &bench), 0);
    jobpool_destroy(steal_ptr(bench.pool));
    (void)pthread_join(opener, NULL);
    assert_int_equal(running.done_count, 1);
    assert_false(running.was_cancelled);
    for (unsigned i = 0; i < 3; i++) {
        /* The gate may open before the pool closes: then a job still gets its turn. */
        assert_int_equal(waiting[i].done_count, 1);
        assert_int_equal(waiting[i].work_count, waiting[i].was_cancelled ? 0 : 1);
    }
    bench_done(&bench);
}

static void submit_again(struct job *job)
{
    struct test_job *test = container_of(job, struct test_job, job);
    struct bench *bench = test->bench;

    count_done(job);
    if (test->done_count < 3)
        assert_int_equal(jobpool_submit(bench->pool, job, NULL), 0);
}

static void done_may_submit_the_job_again(void **state)
{
    struct bench bench;
    struct test_job again;

    (void)state;
    bench_init(&bench, 2, 1);
    again = make_job(&bench, count_work);
    again.job.done = submit_again;
    assert_int_equal(jobpool_submit(bench.pool, &again.job, NULL), 0);
    run_until_done(&bench, 3);
    assert_int_equal(again.work_count, 3);
    bench_done(&bench);
}

static void try_to_submit_again(struct job *job)
{
    struct test_job *test = container_of(job, struct test_job, job);

    count_done(job);
    assert_int_equal(jobpool_submit(test->bench->pool, job, NULL), -EAGAIN);
}

static void a_closing_pool_takes_nothing(void **state)
{
    struct bench bench;
    struct test_job last;

    (void)state;
    bench_init(&bench, 1, 8);
    last = make_job(&bench, count_work);
    last.job.done = try_to_submit_again;
    assert_int_equal(jobpool_submit(bench.pool, &last.job, NULL), 0);
    jobpool_destroy(bench.pool);
    bench.pool = NULL;
    assert_int_equal(last.done_count, 1);
    bench_done(&bench);
}

static void done_on_the_heap(struct job *job)
{
    struct test_job *test = container_of(job, struct test_job, job);

    count_done(job);
    free(test);
}

static void done_may_free_the_job(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, 2, JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        struct test_job *test = mem_new(struct test_job);

        *test = make_job(&bench, count_work);
        test->job.done = done_on_the_heap;
        assert_int_equal(jobpool_submit(bench.pool, &test->job, NULL), 0);
    }
    run_until_done(&bench, JOBS);
    bench_done(&bench);
}

static void an_idle_pool_closes(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, 8, 1);
    bench_done(&bench);
    jobpool_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_works_once_and_is_done_once),
        cmocka_unit_test(a_full_pool_takes_no_more_and_keeps_what_it_has),
        cmocka_unit_test(jobs_run_side_by_side),
        cmocka_unit_test(closing_waits_for_running_jobs_and_cancels_waiting_ones),
        cmocka_unit_test(done_may_submit_the_job_again),
        cmocka_unit_test(a_closing_pool_takes_nothing),
        cmocka_unit_test(done_may_free_the_job),
        cmocka_unit_test(an_idle_pool_closes),
    };
    return cmocka_run_group_tests_name("jobpool", tests, NULL, NULL);
}
