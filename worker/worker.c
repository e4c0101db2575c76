/* A worker; see the header. */
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/io/notify.h"
#include "common/mem.h"
#include "worker/core/engine.h"
#include "worker/errand_table.h"
#include "worker/io/hands.h"
#include "worker/io/journal.h"
#include "worker/io/kill_point.h"
#include "worker/link.h"
#include "worker/pull_progress.h"
#include "worker/recovery.h"
#include "worker/step_table.h"
#include "worker/streams.h"
#include "worker/turn.h"

#define JOB_THREADS     4
#define STREAM_THREADS  4
#define JOBS_MAX        4096
#define STOP_PATIENCE_S 10

struct worker {
    struct event_base *loop;
    const struct worker_options *options;
    const struct worker_events *events;
    void *owner;
    struct jobpool *pool; /* of the hands */
    struct hands *hands;
    struct journal *journal;
    struct engine *engine;
    struct turn *turn;
    struct bus *bus;
    struct link *link;
    struct streams *streams;
    struct pull_progress *progress;
    struct jobpool *stream_pool; /* theirs: a reader who is slow holds no step up */
    struct event *patience;      /* with steps that do not end while it stops */
    unsigned steps;              /* in flight */
    bool is_ready;
    bool is_stopping;
    bool is_drained;
    enum worker_exit why;
};

/* --- what happens */

static void drain_when_idle(struct worker *worker)
{
    if (!worker->is_stopping || worker->is_drained || worker->steps > 0)
        return;
    worker->is_drained = true;
    turn_drain(worker->turn);
}

static void on_step_done(void *owner, const char *id, enum step step,
                         const struct step_result *result)
{
    struct worker *worker = owner;
    struct engine_time now;
    struct batch *batch;

    worker->steps--;
    if (result->code == -ECANCELED)
        return; /* the worker ends; the next one takes it up */
    if (result->code < 0)
        log_warning("step.failed", "container=%s step=%s reason=\"%s\"", id, step_name(step),
                    result->text == NULL ? "" : result->text);
    else
        log_debug("step.done", "container=%s step=%s", id, step_name(step));
    batch = turn_begin(worker->turn, &now);
    engine_result(worker->engine, id, result, now, batch);
    turn_end(worker->turn);
    drain_when_idle(worker);
}

static void on_errand_done(void *owner, uint64_t number, const struct errand_result *result)
{
    struct worker *worker = owner;
    struct engine_time now;
    struct batch *batch;

    worker->steps--;
    if (result->code == -ECANCELED)
        return; /* the worker ends; the next one takes it up */
    if (result->code < 0)
        log_warning("errand.failed", "pos=%llu reason=\"%s\"", (unsigned long long)number,
                    result->text == NULL ? "" : result->text);
    batch = turn_begin(worker->turn, &now);
    engine_errand_result(worker->engine, number, result, now, batch);
    turn_end(worker->turn);
    drain_when_idle(worker);
}

static void begin_errand(struct worker *worker, uint64_t number)
{
    const struct errand *errand = engine_errand(worker->engine, number);

    if (worker->is_stopping || errand == NULL)
        return;
    worker->steps++;
    errand_begin(worker->hands, worker->engine, errand, worker->progress, on_errand_done, worker);
}

static void on_action(void *owner, const struct action *action)
{
    struct worker *worker = owner;
    struct engine_container container;

    if (action->kind == ACTION_FORGET_EXIT) {
        hands_forget_exit(worker->hands, action->id, action->run);
        return;
    }
    if (action->kind == ACTION_FORGET_UPLOAD) {
        hands_forget_upload(worker->hands, action->id);
        return;
    }
    if (action->kind == ACTION_ERRAND) {
        begin_errand(worker, action->number);
        return;
    }
    /* The next start takes it up. */
    if (worker->is_stopping || !engine_find(worker->engine, action->id, &container))
        return;
    worker->steps++;
    step_begin(worker->hands, worker->engine, action, &container, worker->options->runtime,
               on_step_done, worker);
}

/* A position of the log: the command there waits, or has not been taken yet. */
static bool is_open(void *owner, uint64_t pos)
{
    struct worker *worker = owner;

    return pos > journal_state(worker->journal)->cursor || engine_has_errand(worker->engine, pos);
}

static void on_durable(void *owner)
{
    struct worker *worker = owner;

    if (worker->link != NULL)
        link_durable(worker->link);
    pull_progress_settle(worker->progress, is_open, worker);
}

static void on_drained(void *owner)
{
    struct worker *worker = owner;

    (void)evtimer_del(worker->patience);
    worker->events->on_stopped(worker->owner, worker->why);
}

static const struct turn_events turn_events = { .on_action = on_action,
                                                .on_durable = on_durable,
                                                .on_drained = on_drained };

static void on_exit_fact(void *owner, const char *id, uint32_t run,
                         const struct container_died *died)
{
    struct worker *worker = owner;
    struct engine_time now;
    struct batch *batch = turn_begin(worker->turn, &now);

    log_info("container.exit", "container=%s run=%u code=%d unknown=%d", id, run, died->exit_code,
             died->is_unknown);
    engine_exit(worker->engine, id, run, died, now, batch);
    turn_end(worker->turn);
    if (worker->streams != NULL)
        streams_container_ended(worker->streams, id);
}

static const struct hands_events hands_events = { .on_exit = on_exit_fact,
                                                  .on_lost = on_exit_fact };

static void on_coming(void *owner, const struct record *record)
{
    struct worker *worker = owner;
    struct engine_time now;

    (void)turn_begin(worker->turn, &now);
    engine_foresee(worker->engine, record, now);
}

static void on_command(void *owner, const struct record *record)
{
    struct worker *worker = owner;
    struct engine_time now;
    struct batch *batch = turn_begin(worker->turn, &now);

    log_debug("command.taken", "pos=%llu type=%s container=%s", (unsigned long long)record->pos,
              record->type, record->container == NULL ? "" : record->container);
    engine_command(worker->engine, record, now, batch);
}

static void on_page_end(void *owner)
{
    struct worker *worker = owner;

    turn_end(worker->turn);
}

static void on_fenced(void *owner)
{
    worker_stop(owner, WORKER_EXIT_FENCED);
}

static void on_up(void *owner)
{
    struct worker *worker = owner;

    streams_start(worker->streams);
    turn_nudge(worker->turn);
}

static void on_acked(void *owner)
{
    struct worker *worker = owner;

    turn_look_at_limits(worker->turn);
}

static const struct link_events link_events = { .on_coming = on_coming,
                                                .on_command = on_command,
                                                .on_page_end = on_page_end,
                                                .on_fenced = on_fenced,
                                                .on_up = on_up,
                                                .on_acked = on_acked };

/* Where a container's log lies (worker/io/hands.h), and whether more can come. A container that
 * waits for its start, or runs, will write more; one that goes on by its restart policy ends its
 * readers with each run. */
static struct stream_container describe(const struct worker *worker,
                                        const struct engine_container *container)
{
    const struct image_row *image = engine_image(worker->engine, container->config->image_id);

    return (struct stream_container){
        .is_over = !container->is_live && container->row->state != CONTAINER_CONFIGURED,
        .config = container->config,
        .pid = container->is_live ? container->row->pid : 0,
        .pid_started = container->row->pid_started,
        .image_bytes = image != NULL ? image->image->size : 0,
    };
}

static int find_container(void *owner, const char *id, struct stream_container *ret)
{
    struct worker *worker = owner;
    struct engine_container container;

    if (!engine_find(worker->engine, id, &container))
        return -ENOENT;
    *ret = describe(worker, &container);
    ret->log_path =
        mem_text("%s/containers/%s/ctr.log", worker->options->state_directory, container.id);
    return 0;
}

struct walking {
    const struct worker *worker;
    void (*visit)(void *visitor, const char *id, const struct stream_container *container);
    void *visitor;
};

static void visit_container(void *owner, const struct engine_container *container)
{
    const struct walking *walking = owner;
    const struct stream_container described = describe(walking->worker, container);

    walking->visit(walking->visitor, container->id, &described);
}

static void walk_containers(void *owner,
                            void (*visit)(void *visitor, const char *id,
                                          const struct stream_container *container),
                            void *visitor)
{
    struct worker *worker = owner;
    struct walking walking = { .worker = worker, .visit = visit, .visitor = visitor };

    engine_walk(worker->engine, visit_container, &walking);
}

static const struct image *find_image(void *owner, const char *text)
{
    struct worker *worker = owner;
    const struct image_row *row = engine_find_image(worker->engine, text);

    return row == NULL ? NULL : row->image;
}

static void on_probed(void *owner, const struct host_facts *facts)
{
    struct worker *worker = owner;

    if (worker->is_stopping)
        return;
    link_set_facts(worker->link, facts);
    if (!worker->is_ready)
        worker->events->on_ready(worker->owner);
    worker->is_ready = true;
}

/* What is known already is enough to begin with. */
static void learn_facts(struct worker *worker)
{
    if (hands_facts(worker->hands) != NULL)
        on_probed(worker, hands_facts(worker->hands));
    hands_probe(worker->hands, on_probed, worker);
}

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;

    (void)fd;
    (void)what;
    log_warning("worker.impatient", "steps=%u", worker->steps);
    worker->is_drained = true;
    turn_drain(worker->turn);
}

/* --- the start and the end */

static int open_journal(struct worker *worker, struct error *err)
{
    struct turn_options options = { .loop = worker->loop, .events = &turn_events, .owner = worker };
    autofree char *directory = mem_text("%s/journal", worker->options->state_directory);
    struct journal_limits limits = JOURNAL_LIMITS_USUAL;
    int r = journal_open(directory, worker->options->host, hands_boot_id(worker->hands),
                         &worker->journal, err);

    limits.events_max = worker->options->journal_events_max;
    if (r == 0)
        journal_set_limits(worker->journal, &limits);
    if (r == 0)
        r = recovery_load(worker->journal, worker->options->host, &worker->engine, err);
    options.journal = worker->journal;
    options.engine = worker->engine;
    return r == 0 ? turn_new(&options, &worker->turn, err) : r;
}

/* Take up what the last start has left: first look who lives, then decide, then hear of exits. */
static int recover(struct worker *worker, struct error *err)
{
    const struct journal_state *state = journal_state(worker->journal);
    struct engine_time now;
    struct batch *batch;

    log_info("journal.open", "host=%s incarnation=%llu last_seq=%llu acked_seq=%llu rebooted=%d",
             worker->options->host, (unsigned long long)state->incarnation,
             (unsigned long long)state->last_seq, (unsigned long long)state->acked_seq,
             state->is_rebooted);
    if (recovery_sweep(worker->engine, worker->hands, state->is_rebooted, err) < 0)
        return err->code;
    if (state->is_rebooted)
        recovery_find_exits(worker->engine, worker->hands);
    else
        recovery_adopt(worker->engine, worker->hands);
    kill_point("before", "resume", NULL);
    batch = turn_begin(worker->turn, &now);
    engine_resume(worker->engine, state->is_rebooted, now, batch);
    turn_end(worker->turn);
    return hands_watch_exits(worker->hands, err);
}

/* Those whose console went before it sent the command: now and then somebody has to look. */
static void sweep_uploads(void *owner)
{
    struct worker *worker = owner;
    struct error err = { 0 };

    if (recovery_sweep_uploads(worker->engine, worker->hands, &err) < 0)
        log_failure("upload.not_swept", &err);
}

static int open_link(struct worker *worker, struct error *err)
{
    const struct worker_options *options = worker->options;
    struct link_options linking = { .loop = worker->loop,
                                    .host = options->host,
                                    .journal = worker->journal,
                                    .events = &link_events,
                                    .owner = worker };
    autofree char *uploads = mem_text("%s/storage/uploads", options->state_directory);
    struct streams_options streaming = {
        .host = options->host,
        .incarnation = journal_state(worker->journal)->incarnation,
        .session = journal_state(worker->journal)->session,
        .journal = journal_state(worker->journal)->id,
        .uploads_directory = uploads,
        .on_upload_over = sweep_uploads,
        .surroundings = { .loop = worker->loop,
                          .layout = hands_layout(worker->hands),
                          .images = hands_images(worker->hands),
                          .find = find_container,
                          .walk = walk_containers,
                          .progress = worker->progress,
                          .is_open = is_open,
                          .find_image = find_image,
                          .owner = worker },
    };
    int r =
        bus_open(worker->loop, options->broker_url, options->tls, NULL, NULL, &worker->bus, err);

    linking.bus = worker->bus;
    if (r == 0)
        r = link_new(&linking, &worker->link, err);
    if (r == 0)
        r = jobpool_new(worker->loop, STREAM_THREADS, JOBS_MAX, &worker->stream_pool, err);
    streaming.surroundings.pool = worker->stream_pool;
    if (r == 0)
        r = streams_new(worker->loop, worker->bus, &streaming, &worker->streams, err);
    return r;
}

int worker_new(struct event_base *loop, const struct worker_options *options,
               const struct worker_events *events, void *owner, struct worker **ret,
               struct error *err)
{
    autodestroy(worker) struct worker *worker = mem_new(struct worker);
    int r;

    worker->loop = loop;
    worker->options = options;
    worker->events = events;
    worker->owner = owner;
    worker->progress = pull_progress_new(loop);
    worker->patience = evtimer_new(loop, on_impatient, worker);
    if (worker->patience == NULL)
        return error_set(err, -ENOMEM, "make a timer");
    r = jobpool_new(loop, JOB_THREADS, JOBS_MAX, &worker->pool, err);
    if (r == 0)
        r = hands_new(loop, worker->pool, options->state_directory, options->run_directory,
                      &hands_events, worker, &worker->hands, err);
    if (r == 0)
        r = open_journal(worker, err);
    if (r == 0)
        r = open_link(worker, err);
    if (r == 0)
        r = recover(worker, err);
    if (r < 0)
        return r;
    learn_facts(worker);
    *ret = steal_ptr(worker);
    return 0;
}

static void close_link(struct worker *worker)
{
    bus_close(worker->bus);
    worker->bus = NULL;
    streams_destroy(worker->streams);
    worker->streams = NULL;
    link_destroy(worker->link);
    worker->link = NULL;
}

void worker_stop(struct worker *worker, enum worker_exit why)
{
    static const struct timeval patience = { .tv_sec = STOP_PATIENCE_S };

    if (worker->is_stopping)
        return;
    worker->is_stopping = true;
    worker->why = why;
    log_info("worker.stopping", "steps=%u", worker->steps);
    notify_send("STOPPING=1");
    close_link(worker);
    (void)evtimer_add(worker->patience, &patience);
    drain_when_idle(worker);
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL)
        return;
    close_link(worker);
    turn_destroy(worker->turn);
    jobpool_destroy(worker->stream_pool); /* its jobs read the hands' store */
    hands_destroy(worker->hands);
    pull_progress_destroy(worker->progress);
    jobpool_destroy(worker->pool);
    engine_destroy(worker->engine);
    journal_close(worker->journal);
    if (worker->patience != NULL)
        event_free(worker->patience);
    free(worker);
}
