/* A simulated worker; see the header. */
#include "tests/sim/sim_worker.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/core/engine.h"
#include "worker/io/journal.h"
#include "worker/link.h"
#include "worker/recovery.h"
#include "worker/streams.h"

#define BOOT_ID "00000000-0000-4000-8000-000000000000"

/* A run that the runtime of this world has made and that has not ended. */
struct run {
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t number;
    bool is_started;
};

/* What is to be told to the engine in its next turn. */
struct fact {
    char id[CONTAINER_ID_SIZE + 1];
    enum step step;
    uint32_t run;
};

struct sim_worker {
    struct sim_options options;
    char *host;
    char *directory;
    struct journal *journal;
    struct engine *engine;
    struct bus *bus; /* NULL: away */
    struct link *link;
    struct streams *streams;
    struct batch batch;
    uint64_t ahead_ms; /* of the steady clock */
    struct run *runs;
    size_t run_count;
    size_t next_exit;
    struct fact *facts;
    size_t fact_count;
    bool is_settling;
    bool is_connected;
};

static const enum journal_change_kind kinds[][2] = {
    [CHANGE_EVENT] = { JOURNAL_PUT_EVENT, JOURNAL_PUT_EVENT },
    [CHANGE_CONTAINER] = { JOURNAL_PUT_CONTAINER, JOURNAL_REMOVE_CONTAINER },
    [CHANGE_UNIT] = { JOURNAL_PUT_UNIT, JOURNAL_REMOVE_UNIT },
    [CHANGE_COMMAND] = { JOURNAL_PUT_COMMAND, JOURNAL_REMOVE_COMMAND },
    [CHANGE_CURSOR] = { JOURNAL_SET_CURSOR, JOURNAL_SET_CURSOR },
};

static struct engine_time now_of(const struct sim_worker *worker)
{
    return (struct engine_time){ .wall_ns = clock_wall_ns(),
                                 .steady_ms = clock_steady_ms() + worker->ahead_ms };
}

/* Room for one more: the capacity is the next power of two. */
static void *with_room(void *items, size_t count, size_t item_size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    return mem_resized(items, (count == 0 ? 1 : 2 * count) * item_size);
}

/* --- the world */

static struct run *find_run(struct sim_worker *worker, const char *id)
{
    for (size_t i = 0; i < worker->run_count; i++) {
        if (strcmp(worker->runs[i].id, id) == 0)
            return &worker->runs[i];
    }
    return NULL;
}

static void begin_run(struct sim_worker *worker, const char *id, uint32_t number, bool is_started)
{
    struct run *run = find_run(worker, id);

    if (run == NULL) {
        worker->runs = with_room(worker->runs, worker->run_count, sizeof(*run));
        run = &worker->runs[worker->run_count++];
        (void)snprintf(run->id, sizeof(run->id), "%s", id);
    }
    run->number = number;
    run->is_started = is_started;
}

static bool end_run(struct sim_worker *worker, const char *id, uint32_t number)
{
    struct run *run = find_run(worker, id);

    if (run == NULL || run->number != number)
        return false;
    *run = worker->runs[--worker->run_count];
    return true;
}

static void add_fact(struct sim_worker *worker, const char *id, enum step step, uint32_t run)
{
    struct fact *fact;

    worker->facts = with_room(worker->facts, worker->fact_count, sizeof(*fact));
    fact = &worker->facts[worker->fact_count++];
    (void)snprintf(fact->id, sizeof(fact->id), "%s", id);
    fact->step = step;
    fact->run = run;
}

/* A signal ends the run: STEP_NONE tells of the exit. */
static void carry_out(struct sim_worker *worker, const struct action *action)
{
    struct run *run;

    if (action->kind == ACTION_FORGET_EXIT)
        return;
    add_fact(worker, action->id, action->step, action->run);
    run = find_run(worker, action->id);
    if (action->step == STEP_CREATE_RUNTIME || action->step == STEP_RESOLVE_CREATE)
        begin_run(worker, action->id, action->run, false);
    else if (action->step == STEP_START_RUNTIME && run != NULL)
        run->is_started = true;
    else if (action->step == STEP_DELETE_RUNTIME && run != NULL)
        (void)end_run(worker, action->id, run->number);
    else if (action->step == STEP_SIGNAL_STOP || action->step == STEP_SIGNAL_KILL ||
             action->step == STEP_SIGNAL_ASKED)
        add_fact(worker, action->id, STEP_NONE, action->run);
}

static void tell_exit(struct sim_worker *worker, const char *id, uint32_t run)
{
    const struct container_died died = { .exit_code = 1, .finished = clock_wall_ns() };

    if (end_run(worker, id, run))
        engine_exit(worker->engine, id, run, &died, now_of(worker), &worker->batch);
}

static void tell_step(struct sim_worker *worker, const struct fact *fact)
{
    static char runtime[] = "none";
    struct step_result result = { 0 };

    if (fact->step == STEP_CREATE_RUNTIME || fact->step == STEP_RESOLVE_CREATE)
        result.init = (struct container_initialized){ .pid = 100000 + fact->run,
                                                      .pid_started = fact->run,
                                                      .conmon_pid = 99999,
                                                      .conmon_started = fact->run,
                                                      .runtime = runtime };
    engine_result(worker->engine, fact->id, &result, now_of(worker), &worker->batch);
}

/* --- a turn: what is decided is journalled, then done, then told, until nothing is left */

static void write_batch(struct sim_worker *worker, const struct batch *batch)
{
    autofree struct journal_change *changes = mem_zeroed(batch->change_count * sizeof(*changes));
    struct journal_write write = { .changes = changes, .count = batch->change_count };
    struct error err = { 0 };

    for (size_t i = 0; i < batch->change_count; i++) {
        const struct change *change = &batch->changes[i];

        changes[i] = (struct journal_change){ .kind = kinds[change->kind][change->is_removal],
                                              .number = change->number,
                                              .id = change->id,
                                              .value = change->value };
    }
    journal_prepare(worker->journal, &write);
    if (journal_write(worker->journal, &write, &err) < 0) {
        log_failure("sim.journal", &err);
        abort();
    }
    journal_written(worker->journal, &write);
    engine_set_full(worker->engine, journal_is_full(worker->journal));
}

static void commit(struct sim_worker *worker)
{
    struct batch batch = worker->batch;

    worker->batch = (struct batch){ 0 };
    if (batch.change_count > 0 || journal_wants_write(worker->journal))
        write_batch(worker, &batch);
    for (size_t i = 0; i < batch.action_count; i++)
        carry_out(worker, &batch.actions[i]);
    batch_done(&batch);
}

static void tell_facts(struct sim_worker *worker)
{
    struct fact *facts = worker->facts;
    size_t count = worker->fact_count;

    worker->facts = NULL;
    worker->fact_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (facts[i].step == STEP_NONE)
            tell_exit(worker, facts[i].id, facts[i].run);
        else
            tell_step(worker, &facts[i]);
    }
    free(facts);
}

/* Time goes on to what the engine waits for. */
static bool pass_time(struct sim_worker *worker)
{
    uint64_t deadline_ms = engine_deadline_ms(worker->engine);
    uint64_t now_ms = clock_steady_ms() + worker->ahead_ms;

    if (deadline_ms == UINT64_MAX)
        return false;
    if (deadline_ms > now_ms)
        worker->ahead_ms += deadline_ms - now_ms;
    engine_timer(worker->engine, now_of(worker), &worker->batch);
    return true;
}

static void settle(struct sim_worker *worker)
{
    assert(!worker->is_settling);
    worker->is_settling = true;
    do {
        while (!batch_is_empty(&worker->batch) || worker->fact_count > 0) {
            commit(worker);
            tell_facts(worker);
        }
    } while (pass_time(worker));
    if (journal_wants_write(worker->journal))
        commit(worker);
    worker->is_settling = false;
    if (worker->link != NULL)
        link_durable(worker->link);
}

/* --- what the link tells */

static void on_command(void *owner, const struct record *record)
{
    struct sim_worker *worker = owner;
    struct sim_tally *tally = worker->options.tally;
    uint64_t now_ns = clock_wall_ns();

    if (tally->delays_max > 0)
        tally->delays_us[tally->commands % tally->delays_max] =
            now_ns > record->happened ? (uint32_t)((now_ns - record->happened) / 1000) : 0;
    tally->commands++;
    engine_command(worker->engine, record, now_of(worker), &worker->batch);
}

static void on_page_end(void *owner)
{
    settle(owner);
}

static void on_fenced(void *owner)
{
    struct sim_worker *worker = owner;

    worker->options.tally->fenced++;
    sim_worker_leave(worker);
}

static void on_up(void *owner)
{
    struct sim_worker *worker = owner;

    worker->options.tally->greeted++;
    streams_start(worker->streams);
}

/* It has no queue in which anything could wait for a cancel. */
static void on_coming(void *owner, const struct record *record)
{
    (void)owner;
    (void)record;
}

static void on_acked(void *owner)
{
    (void)owner;
}

static const struct link_events link_events = {
    .on_coming = on_coming,
    .on_command = on_command,
    .on_page_end = on_page_end,
    .on_acked = on_acked,
    .on_fenced = on_fenced,
    .on_up = on_up,
};

static void on_connected(void *owner, bool is_connected)
{
    struct sim_worker *worker = owner;

    if (worker->is_connected != is_connected)
        worker->options.tally->connected += is_connected ? 1 : -1U;
    worker->is_connected = is_connected;
}

static int find_no_container(void *owner, const char *container, struct stream_container *ret)
{
    (void)owner;
    (void)container;
    (void)ret;
    return -ENOENT;
}

/* --- life */

static void adopt(void *owner, const struct engine_container *container)
{
    if (container->is_live)
        begin_run(owner, container->id, container->row->run, true);
}

int sim_worker_new(const struct sim_options *options, struct sim_worker **ret, struct error *err)
{
    struct sim_worker *worker = mem_new(struct sim_worker);
    int r;

    worker->options = *options;
    worker->host = mem_dup_text(options->host);
    worker->directory = mem_dup_text(options->directory);
    r = journal_open(options->directory, worker->host, BOOT_ID, &worker->journal, err);
    if (r == 0)
        r = recovery_load(worker->journal, worker->host, &worker->engine, err);
    if (r < 0) {
        sim_worker_destroy(worker);
        return r;
    }
    engine_walk(worker->engine, adopt, worker);
    engine_resume(worker->engine, false, now_of(worker), &worker->batch);
    settle(worker);
    *ret = worker;
    return 0;
}

int sim_worker_join(struct sim_worker *worker, struct error *err)
{
    static char version[] = "0.1.0-simulated", kernel[] = "none", arch[] = "none", cgroups[] = "v2";
    const struct host_facts facts = {
        .version = version, .kernel = kernel, .arch = arch, .cgroups = cgroups
    };
    autofree char *uploads = mem_text("%s/uploads", worker->directory);
    struct link_options linking = { .loop = worker->options.loop,
                                    .host = worker->host,
                                    .journal = worker->journal,
                                    .events = &link_events,
                                    .owner = worker };
    struct streams_options streaming = { .host = worker->host,
                                         .incarnation = journal_state(worker->journal)->incarnation,
                                         .session = journal_state(worker->journal)->session,
                                         .journal = journal_state(worker->journal)->id,
                                         .uploads_directory = uploads,
                                         .surroundings = { .loop = worker->options.loop,
                                                           .pool = worker->options.pool,
                                                           .find = find_no_container,
                                                           .owner = worker } };
    int r = bus_open(worker->options.loop, worker->options.url, NULL, on_connected, worker,
                     &worker->bus, err);

    linking.bus = worker->bus;
    if (r == 0)
        r = link_new(&linking, &worker->link, err);
    if (r == 0)
        r = streams_new(worker->options.loop, worker->bus, &streaming, &worker->streams, err);
    if (r < 0)
        return r;
    link_set_facts(worker->link, &facts);
    return 0;
}

void sim_worker_leave(struct sim_worker *worker)
{
    bus_close(worker->bus);
    worker->bus = NULL;
    streams_destroy(worker->streams);
    worker->streams = NULL;
    link_destroy(worker->link);
    worker->link = NULL;
    on_connected(worker, false);
}

void sim_worker_destroy(struct sim_worker *worker)
{
    if (worker == NULL)
        return;
    sim_worker_leave(worker);
    engine_destroy(worker->engine);
    journal_close(worker->journal);
    batch_done(&worker->batch);
    free(worker->runs);
    free(worker->facts);
    free(worker->host);
    free(worker->directory);
    free(worker);
}

unsigned sim_worker_exits(struct sim_worker *worker, unsigned count)
{
    unsigned ended = 0;

    for (size_t i = 0; i < count && worker->run_count > 0; i++) {
        const struct run run = worker->runs[worker->next_exit++ % worker->run_count];

        if (!run.is_started)
            continue;
        tell_exit(worker, run.id, run.number);
        ended++;
    }
    settle(worker);
    return ended;
}

uint64_t sim_worker_events(const struct sim_worker *worker)
{
    return journal_state(worker->journal)->last_seq;
}

uint64_t sim_worker_acked(const struct sim_worker *worker)
{
    return journal_state(worker->journal)->acked_seq;
}

unsigned sim_worker_runs(const struct sim_worker *worker)
{
    return (unsigned)worker->run_count;
}
