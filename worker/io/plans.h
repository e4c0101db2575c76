/*
 * The steps that hands.h names, as plans: tables of stages.
 */
#ifndef GANTRY_WORKER_IO_PLANS_H
#define GANTRY_WORKER_IO_PLANS_H

#include "worker/io/step.h"

/* plan_create.c */
extern const struct step_plan plan_make_directories;
extern const struct step_plan plan_create_runtime;
extern const struct step_plan plan_resolve_create;

/* plan_control.c */
extern const struct step_plan plan_start_runtime;
extern const struct step_plan plan_signal;
extern const struct step_plan plan_pause;
extern const struct step_plan plan_unpause;

/* plan_update.c */
extern const struct step_plan plan_update_limits;

/* plan_storage.c */
extern const struct step_plan plan_pull_image;
extern const struct step_plan plan_commit;
extern const struct step_plan plan_mount;
extern const struct step_plan plan_unmount;
const struct step_plan *storage_plan(enum hands_storage_kind kind);

/* plan_copy.c */
extern const struct step_plan plan_copy;

/* plan_remove.c */
extern const struct step_plan plan_delete_runtime;
extern const struct step_plan plan_remove_directories;

/* The runtime by its name, else the one that has state of the run. False when there is none. */
bool plan_find_runtime(struct step *step);

/* Whether the run's init is dead, or was never there. */
bool plan_is_init_gone(const struct step *step);

/* Stage: the runtime of an existing run must be there; the step fails when it is not. */
void plan_need_runtime(struct step *step);

/* How long a process may take to die of SIGKILL: a busy disk keeps it. */
#define PLAN_KILL_MS 30000

#define PLAN_WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
