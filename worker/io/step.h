/*
 * A step of an operation: what one function of hands.h begins, as a list of stages that are
 * carried out one after the other. A stage is a job on the pool, a call of the OCI runtime, a
 * wait, or a few lines at once; it ends by step_next() or step_fail(), now or later. When one
 * fails, the plan's undo stages run; what fails in them is logged.
 *
 * Loop thread, but for the work of a job, which touches its step and what tools say is for any
 * thread.
 */
#ifndef GANTRY_WORKER_IO_STEP_H
#define GANTRY_WORKER_IO_STEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/io/jobpool.h"
#include "worker/io/hands.h"
#include "worker/io/layout.h"
#include "worker/io/outcome.h"

struct cgroups;
struct conmon_launch;
struct event_base;
struct exits;
struct images;
struct probe;
struct runtimes;
struct step;
struct steps;
struct run_watches;

/* What stages work with; owned by the hands. */
struct tools {
    struct event_base *loop;
    struct jobpool *pool;    /* borrowed */
    struct jobpool *store;   /* for what may take minutes: pulls, archives, copies */
    struct images *images;   /* any thread */
    atomic_bool is_closing;  /* such a job gives up */
    int closing_fd;          /* likewise: readable then */
    struct layout layout;    /* any thread */
    struct cgroups *cgroups; /* any thread */
    struct runtimes *runtimes;
    struct exits *exits;
    struct run_watches *watches;
    struct probe *probe;
};

typedef void step_stage_fn(struct step *step);

/* Both lists end with NULL. */
struct step_plan {
    const char *name; /* "create-runtime" */
    step_stage_fn *const *stages;
    step_stage_fn *const *undo; /* may be NULL */
};

/* Blocking, on a pool thread. Failures go into step->stage. */
typedef void step_work_fn(struct step *step);

struct step {
    struct steps *steps;
    struct tools *tools;
    const struct step_plan *plan;
    step_stage_fn *const *next;
    bool is_undoing;

    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run;
    char name[RUN_NAME_SIZE]; /* "<id>-<run>" */
    struct arena arena;       /* of the copies below */
    const struct container_config *config;
    const char *runtime; /* its name; NULL: not known */
    uint64_t created;
    uint32_t pid; /* of init */
    uint64_t pid_started;
    uint32_t signal;
    bool may_signal_all;

    char *runtime_path; /* heap; once it is chosen */
    struct conmon_launch *launch;
    bool is_waiting_probe;
    struct container_initialized init; /* the result of an init */

    const struct volume *const *volumes; /* those of its mounts that are known */
    size_t volume_count;
    struct text_list doomed_volumes;
    const struct container_commit *commit;
    const struct container_copy *copy;
    struct hands_storage storage; /* of a command about images or volumes */
    const struct image **images;  /* the result of these, and of a pull or commit */
    size_t image_count;
    bool is_paused;
    char *word; /* a further result: a path */

    struct outcome stage;   /* of the stage's job */
    struct outcome outcome; /* of the step: the first failure */
    step_work_fn *work;
    struct job job;
    bool is_in_job;
    bool is_ended; /* its result was given while the job still runs */
    hands_done_fn *done;
    void *owner;
    bool is_ready;
    STAILQ_ENTRY(step) ready_link;
    LIST_ENTRY(step) link;
};

/* `on_idle` is called once, after steps_close(), when no job is under way any more; it frees. */
struct steps *steps_new(struct tools *tools, void (*on_idle)(void *owner), void *owner);

/* End every step with -ECANCELED; frees the steps, and calls on_idle, now or when the last job
 * comes back. */
void steps_close(struct steps *steps);

/* A new step that will run `plan` once the caller returns to the loop. The caller may fill in
 * what the container does not say. */
struct step *steps_begin(struct steps *steps, const struct step_plan *plan,
                         const struct hands_container *container, hands_done_fn *done, void *owner);

/* What a command about images or volumes wants; copied. */
void step_set_storage(struct step *step, const struct hands_storage *storage);

/* The stage is done. */
void step_next(struct step *step);

/* The stage has failed. */
void step_fail(struct step *step, enum failure failure, const struct error *err);
void step_fail_outcome(struct step *step, const struct outcome *outcome);

/* Do `work` on the pool, then the next stage, or fail as it says. */
void step_job(struct step *step, step_work_fn *work);

/* The same for work that may take minutes. It ends with -ECANCELED once tools->is_closing. */
void step_store_job(struct step *step, step_work_fn *work);

/* Call a runtime (its program's path) with words up to a NULL; then the next stage, or fail as it
 * says. */
void step_call_runtime(struct step *step, const char *path, const char *const *words);

#endif
