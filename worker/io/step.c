/* Steps and their stages; see the header. */
#include "worker/io/step.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "worker/io/conmon.h"
#include "worker/io/kill_point.h"
#include "worker/io/runtime.h"

#define RUNTIME_CALL_MS 120000

struct steps {
    struct tools *tools;
    struct event *kick;
    STAILQ_HEAD(, step) ready;
    LIST_HEAD(, step) all;
    unsigned jobs; /* under way */
    bool is_closing;
    void (*on_idle)(void *owner);
    void *owner;
};

static void free_step(struct step *step)
{
    LIST_REMOVE(step, link);
    arena_done(&step->arena);
    if (step->storage.progress_fd > 0)
        (void)close(step->storage.progress_fd);
    free(step->runtime_path);
    free(step);
}

static void give_result(struct step *step)
{
    struct hands_result result = {
        .code = step->outcome.code,
        .failure = step->outcome.failure,
        .text = step->outcome.text,
        .init = step->init,
        .images = step->images,
        .image_count = step->image_count,
        .word = step->word,
    };

    step->is_ended = true;
    step->done(step->owner, &result);
}

static void end_step(struct step *step)
{
    give_result(step);
    free_step(step);
}

static void tell_point(const struct step *step)
{
    step_stage_fn *const *stages = step->is_undoing ? step->plan->undo : step->plan->stages;

    kill_point_stage(step->is_undoing ? "undo" : "stage", step->plan->name,
                     (size_t)(step->next - stages), step->id);
}

static void advance(struct step *step)
{
    step_stage_fn *stage = step->next == NULL ? NULL : *step->next;

    if (stage == NULL) {
        end_step(step);
        return;
    }
    tell_point(step);
    step->next++;
    stage(step);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    struct steps *steps = arg;
    struct step *step;

    (void)fd;
    (void)what;
    while ((step = STAILQ_FIRST(&steps->ready)) != NULL) {
        STAILQ_REMOVE_HEAD(&steps->ready, ready_link);
        step->is_ready = false;
        advance(step);
    }
}

struct steps *steps_new(struct tools *tools, void (*on_idle)(void *owner), void *owner)
{
    struct steps *steps = mem_new(struct steps);

    steps->tools = tools;
    steps->on_idle = on_idle;
    steps->owner = owner;
    steps->kick = event_new(tools->loop, -1, 0, on_kick, steps);
    if (steps->kick == NULL)
        abort();
    STAILQ_INIT(&steps->ready);
    LIST_INIT(&steps->all);
    return steps;
}

static void free_when_idle(struct steps *steps)
{
    void (*on_idle)(void *owner) = steps->on_idle;
    void *owner = steps->owner;

    if (!steps->is_closing || steps->jobs > 0)
        return;
    free(steps);
    on_idle(owner);
}

static void cancel(struct step *step)
{
    struct error err = { 0 };

    if (step->is_ready)
        STAILQ_REMOVE(&step->steps->ready, step, step, ready_link);
    step->is_ready = false;
    conmon_launch_destroy(step->launch);
    step->launch = NULL;
    if (step->outcome.code == 0) {
        (void)error_set(&err, -ECANCELED, "the worker stops");
        (void)outcome_fail(&step->outcome, FAILURE_BUSY, &err);
    }
    give_result(step);
    if (!step->is_in_job)
        free_step(step);
}

void steps_close(struct steps *steps)
{
    struct step *step;
    struct step *next;

    steps->is_closing = true;
    event_free(steps->kick);
    for (step = LIST_FIRST(&steps->all); step != NULL; step = next) {
        next = LIST_NEXT(step, link);
        cancel(step);
    }
    free_when_idle(steps);
}

/* A copy of one's own: what the caller lent ends with its call. A message is copied by writing it
 * down and reading it again. */
static void *copy_message(struct step *step, const struct schema *schema, const void *message)
{
    struct buffer wire = { 0 };
    struct error err = { 0 };
    void *copy;

    if (message == NULL)
        return NULL;
    copy = arena_zeroed(&step->arena, schema->size);
    schema_encode(schema, message, &wire);
    if (schema_decode(schema, buffer_bytes(&wire), copy, &step->arena, &err) < 0) {
        log_failure("step.copy", &err);
        abort();
    }
    buffer_done(&wire);
    return copy;
}

static void copy_volumes(struct step *step, const struct hands_container *container)
{
    const struct volume **volumes =
        arena_zeroed(&step->arena, container->volume_count * sizeof(*volumes));

    for (size_t i = 0; i < container->volume_count; i++)
        volumes[i] = copy_message(step, &volume_schema, container->volumes[i]);
    step->volumes = volumes;
    step->volume_count = container->volume_count;
}

static struct text_list copy_texts(struct step *step, const struct text_list *texts)
{
    struct text_list copy = { .items = arena_zeroed(&step->arena, texts->count * sizeof(char *)),
                              .count = texts->count };

    for (size_t i = 0; i < texts->count; i++)
        copy.items[i] = arena_text(&step->arena, texts->items[i]);
    return copy;
}

static void make_ready(struct step *step)
{
    assert(!step->is_ready && !step->is_ended);
    step->is_ready = true;
    STAILQ_INSERT_TAIL(&step->steps->ready, step, ready_link);
    event_active(step->steps->kick, 0, 0);
}

void step_set_storage(struct step *step, const struct hands_storage *storage)
{
    step->storage = (struct hands_storage){
        .kind = storage->kind,
        .pull = copy_message(step, &image_pull_schema, storage->pull),
        .load = copy_message(step, &image_load_schema, storage->load),
        .import = copy_message(step, &image_import_schema, storage->import),
        .image = arena_text(&step->arena, storage->image),
        .volume = copy_message(step, &volume_schema, storage->volume),
    };
    if (storage->progress_fd > 0)
        step->storage.progress_fd = fcntl(storage->progress_fd, F_DUPFD_CLOEXEC, 3);
}

struct step *steps_begin(struct steps *steps, const struct step_plan *plan,
                         const struct hands_container *container, hands_done_fn *done, void *owner)
{
    struct step *step = mem_new(struct step);

    assert(container_id_is_valid(container->id));
    step->steps = steps;
    step->tools = steps->tools;
    step->plan = plan;
    step->next = plan->stages;
    memcpy(step->id, container->id, sizeof(step->id));
    step->run = container->run;
    run_name_write(container->id, container->run, step->name);
    step->config = copy_message(step, &container_config_schema, container->config);
    step->commit = copy_message(step, &container_commit_schema, container->commit);
    step->copy = copy_message(step, &container_copy_schema, container->copy);
    step->doomed_volumes = copy_texts(step, &container->doomed_volumes);
    copy_volumes(step, container);
    step->runtime = arena_text(&step->arena, container->runtime);
    step->created = container->created;
    step->pid = container->pid;
    step->pid_started = container->pid_started;
    step->is_paused = container->is_paused;
    step->done = done;
    step->owner = owner;
    LIST_INSERT_HEAD(&steps->all, step, link);
    make_ready(step);
    return step;
}

void step_next(struct step *step)
{
    make_ready(step);
}

void step_fail_outcome(struct step *step, const struct outcome *outcome)
{
    if (step->is_undoing) {
        log_warning("step.undo_failed", "step=%s container=%s text=\"%s\"", step->plan->name,
                    step->id, outcome->text);
    } else {
        step->outcome = *outcome;
        step->is_undoing = true;
        step->next = step->plan->undo;
    }
    make_ready(step);
}

void step_fail(struct step *step, enum failure failure, const struct error *err)
{
    struct outcome outcome;

    (void)outcome_fail(&outcome, failure, err);
    step_fail_outcome(step, &outcome);
}

static void on_work(struct job *job)
{
    struct step *step = container_of(job, struct step, job);

    step->work(step);
}

static void on_worked(struct job *job)
{
    struct step *step = container_of(job, struct step, job);
    struct steps *steps = step->steps;
    struct error err = { 0 };

    steps->jobs--;
    step->is_in_job = false;
    if (step->is_ended) {
        free_step(step);
        free_when_idle(steps);
    } else if (job->cancelled) {
        (void)error_set(&err, -ECANCELED, "the worker stops");
        step_fail(step, FAILURE_BUSY, &err);
    } else if (step->stage.code < 0) {
        step_fail_outcome(step, &step->stage);
    } else {
        step_next(step);
    }
}

static void submit(struct step *step, struct jobpool *pool, step_work_fn *work)
{
    struct error err = { 0 };

    step->stage = (struct outcome){ 0 };
    step->work = work;
    step->job = (struct job){ .work = on_work, .done = on_worked };
    step->is_in_job = true;
    step->steps->jobs++;
    if (jobpool_submit(pool, &step->job, &err) >= 0)
        return;

    step->is_in_job = false;
    step->steps->jobs--;
    step_fail(step, FAILURE_BUSY, &err);
}

void step_job(struct step *step, step_work_fn *work)
{
    submit(step, step->tools->pool, work);
}

void step_store_job(struct step *step, step_work_fn *work)
{
    submit(step, step->tools->store, work);
}

static void on_runtime_answer(void *owner, const struct runtime_answer *answer)
{
    struct step *step = owner;
    struct error err = { 0 };

    if (answer->code < 0) {
        (void)error_set(&err, answer->code, "%s", answer->text);
        step_fail(step, answer->failure, &err);
    } else {
        step_next(step);
    }
}

void step_call_runtime(struct step *step, const char *path, const char *const *words)
{
    struct runtime_request request = { .path = path, .timeout_ms = RUNTIME_CALL_MS };

    for (size_t i = 0; words[i] != NULL; i++)
        request.words[i] = words[i];
    runtimes_call(step->tools->runtimes, &request, on_runtime_answer, step);
}
