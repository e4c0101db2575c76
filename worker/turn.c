/* Commit, then act; see the header. */
#include "worker/turn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/io/clock.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/kill_point.h"

#define RETRY_S 1

struct turn {
    struct engine *engine;
    struct journal *journal;
    const struct turn_events *events;
    void *owner;
    struct jobpool *pool; /* of one thread: there is one writer */
    struct event *timer;  /* of the engine */
    struct event *retry;
    struct batch gathering;
    bool is_writing;
    bool is_stuck;
    bool is_draining;
    bool is_full; /* the journal was, when it was last looked at */
    uint64_t commits;

    /* The pool thread's while is_writing. */
    struct job job;
    struct batch writing;
    struct journal_change *changes;
    struct journal_write write;
    int result;
    struct error failure;
};

static const enum journal_change_kind kinds[][2] = {
    [CHANGE_EVENT] = { JOURNAL_PUT_EVENT, JOURNAL_PUT_EVENT },
    [CHANGE_CONTAINER] = { JOURNAL_PUT_CONTAINER, JOURNAL_REMOVE_CONTAINER },
    [CHANGE_UNIT] = { JOURNAL_PUT_UNIT, JOURNAL_REMOVE_UNIT },
    [CHANGE_COMMAND] = { JOURNAL_PUT_COMMAND, JOURNAL_REMOVE_COMMAND },
    [CHANGE_CURSOR] = { JOURNAL_SET_CURSOR, JOURNAL_SET_CURSOR },
    [CHANGE_IMAGE] = { JOURNAL_PUT_IMAGE, JOURNAL_REMOVE_IMAGE },
    [CHANGE_VOLUME] = { JOURNAL_PUT_VOLUME, JOURNAL_REMOVE_VOLUME },
};

static void fill_write(struct turn *turn)
{
    const struct batch *batch = &turn->writing;

    free(turn->changes);
    turn->changes = mem_zeroed(batch->change_count * sizeof(*turn->changes));
    for (size_t i = 0; i < batch->change_count; i++) {
        const struct change *change = &batch->changes[i];

        turn->changes[i] = (struct journal_change){
            .kind = kinds[change->kind][change->is_removal ? 1 : 0],
            .number = change->number,
            .id = change->id,
            .value = change->value,
        };
    }
    turn->write = (struct journal_write){ .changes = turn->changes, .count = batch->change_count };
    journal_prepare(turn->journal, &turn->write);
}

static void write_work(struct job *job)
{
    struct turn *turn = container_of(job, struct turn, job);

    turn->result = journal_write(turn->journal, &turn->write, &turn->failure);
}

static void submit(struct turn *turn)
{
    struct error err = { 0 };
    int r = jobpool_submit(turn->pool, &turn->job, &err);

    /* The pool has room for one job, and there is one. */
    assert(r == 0);
    (void)r;
    turn->is_writing = true;
}

static void start_writing(struct turn *turn)
{
    bool has_work = !batch_is_empty(&turn->gathering) || journal_wants_write(turn->journal);

    if (turn->is_writing || turn->is_stuck || !has_work)
        return;
    turn->writing = turn->gathering;
    turn->gathering = (struct batch){ 0 };
    fill_write(turn);
    submit(turn);
}

/* The events are on their way before the next steps take the processor. */
static void report_and_act(struct turn *turn)
{
    struct batch batch = turn->writing;

    turn->writing = (struct batch){ 0 };
    turn->events->on_durable(turn->owner);
    for (size_t i = 0; i < batch.action_count && !turn->is_draining; i++)
        turn->events->on_action(turn->owner, &batch.actions[i]);
    batch_done(&batch);
}

static void wait_for_the_disk(struct turn *turn)
{
    static const struct timeval delay = { .tv_sec = RETRY_S };

    if (!turn->is_stuck)
        log_failure("journal.not_written", &turn->failure);
    turn->is_stuck = true;
    (void)evtimer_add(turn->retry, &delay);
}

static void tell_drained(struct turn *turn)
{
    if (turn->is_draining && !turn->is_writing && batch_is_empty(&turn->gathering))
        turn->events->on_drained(turn->owner);
}

static void count_commit(struct turn *turn)
{
    char number[24];

    turn->commits++;
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)turn->commits);
    kill_point("committed", number, NULL);
}

static void set_timer(struct turn *turn)
{
    uint64_t deadline_ms = engine_deadline_ms(turn->engine);
    uint64_t now_ms = clock_steady_ms();
    uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    struct timeval wait = { .tv_sec = (time_t)(wait_ms / 1000),
                            .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000) };

    if (deadline_ms == UINT64_MAX)
        (void)evtimer_del(turn->timer);
    else
        (void)evtimer_add(turn->timer, &wait);
}

void turn_look_at_limits(struct turn *turn)
{
    const struct journal_state *state = journal_state(turn->journal);
    bool is_full = journal_is_full(turn->journal);

    if (is_full == turn->is_full)
        return;
    turn->is_full = is_full;
    if (is_full)
        log_warning("journal.full", "last_seq=%llu acked_seq=%llu",
                    (unsigned long long)state->last_seq, (unsigned long long)state->acked_seq);
    else
        log_info("journal.has_room", "last_seq=%llu acked_seq=%llu",
                 (unsigned long long)state->last_seq, (unsigned long long)state->acked_seq);
    engine_set_full(turn->engine, is_full);
    set_timer(turn);
}

static void write_done(struct job *job)
{
    struct turn *turn = container_of(job, struct turn, job);

    turn->is_writing = false;
    if (job->cancelled)
        return;
    if (turn->result < 0) {
        wait_for_the_disk(turn);
        return;
    }
    if (turn->is_stuck)
        log_info("journal.written_again", "commits=%llu", (unsigned long long)turn->commits);
    turn->is_stuck = false;
    count_commit(turn);
    journal_written(turn->journal, &turn->write);
    turn_look_at_limits(turn);
    report_and_act(turn);
    start_writing(turn);
    tell_drained(turn);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct turn *turn = arg;

    (void)fd;
    (void)what;
    journal_prepare(turn->journal, &turn->write);
    submit(turn);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct turn *turn = arg;
    struct engine_time now;
    struct batch *batch = turn_begin(turn, &now);

    (void)fd;
    (void)what;
    engine_timer(turn->engine, now, batch);
    turn_end(turn);
}

int turn_new(const struct turn_options *options, struct turn **ret, struct error *err)
{
    struct event_base *loop = options->loop;
    autodestroy(turn) struct turn *turn = mem_new(struct turn);
    int r;

    turn->engine = options->engine;
    turn->journal = options->journal;
    turn->events = options->events;
    turn->owner = options->owner;
    turn->job = (struct job){ .work = write_work, .done = write_done };
    r = jobpool_new(loop, 1, 1, &turn->pool, err);
    if (r < 0)
        return r;
    turn->timer = evtimer_new(loop, on_timer, turn);
    turn->retry = evtimer_new(loop, on_retry, turn);
    if (turn->timer == NULL || turn->retry == NULL)
        return error_set(err, -ENOMEM, "make the timers of the journal");
    *ret = steal_ptr(turn);
    return 0;
}

void turn_destroy(struct turn *turn)
{
    if (turn == NULL)
        return;
    jobpool_destroy(turn->pool);
    if (turn->timer != NULL)
        event_free(turn->timer);
    if (turn->retry != NULL)
        event_free(turn->retry);
    batch_done(&turn->gathering);
    batch_done(&turn->writing);
    free(turn->changes);
    free(turn);
}

struct batch *turn_begin(struct turn *turn, struct engine_time *ret_now)
{
    *ret_now = (struct engine_time){ .wall_ns = clock_wall_ns(), .steady_ms = clock_steady_ms() };
    return &turn->gathering;
}

void turn_end(struct turn *turn)
{
    set_timer(turn);
    start_writing(turn);
}

void turn_nudge(struct turn *turn)
{
    start_writing(turn);
}

void turn_drain(struct turn *turn)
{
    turn->is_draining = true;
    (void)evtimer_del(turn->timer);
    start_writing(turn);
    tell_drained(turn);
}
