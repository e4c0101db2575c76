/*
 * What a container does by itself after a run has ended: another run by its restart policy, its
 * removal, or nothing; and when. Back-off lives here.
 *
 * Pure data: the agenda acts on it, the journal keeps it.
 */
#ifndef GANTRY_WORKER_CORE_PLAN_H
#define GANTRY_WORKER_CORE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/events.h"
#include "schemas/rows.h"

#define RESTART_DELAY_MIN_MS 100
#define RESTART_DELAY_MAX_MS 60000
#define RESTART_HEALTHY_NS   (10ULL * 1000 * 1000 * 1000) /* such a run begins the delays anew */
#define RETRY_DELAY_MIN_MS   1000
#define RETRY_DELAY_MAX_MS   60000

enum plan_next {
    PLAN_NOTHING = 0,
    PLAN_RESTART, /* the policy wants another run; not yet announced */
    PLAN_RUN,     /* announced; begins at `at_ms` */
    PLAN_REMOVE,  /* --rm */
};

struct plan {
    enum plan_next next;
    bool is_leftover;      /* a created one that cannot be started any more: it is cleaned up */
    bool removes_volumes;  /* whoever began its removal wanted its volumes to go, too */
    uint64_t at_ms;        /* steady clock: not before; 0: at once */
    uint32_t failures;     /* of the container's own cleanup or removal, in a row */
    uint32_t restarts;     /* by the policy since the user's start */
    uint32_t quick;        /* of these, the ones in a row whose run was short */
    uint32_t asked_signal; /* the last one that a kill sent to this run; 0: none */
};

/* There is a new run: what was kept of the one before is forgotten. */
void plan_begin_run(struct plan *plan);

/* A run has ended that was running; `row` has the exit in it. */
void plan_after_exit(struct plan *plan, const struct container_row *row);

/* A start has failed and left the container as `row` says; `is_own`: it was the policy's. */
void plan_after_failed_start(struct plan *plan, const struct container_row *row, bool is_own);

/* The host was restarted; `row` has the exit in it of what ran. "always" also runs again what a
 * user had stopped, which is what tells it from "unless-stopped"; not so when a start is under way
 * (`is_starting`). */
void plan_after_reboot(struct plan *plan, const struct container_row *row, bool is_starting);

/* Another configuration: a restart that its policy does not want is given up. */
void plan_after_update(struct plan *plan, const struct container_row *row);

/* A removal that had begun has failed; `with_volumes`: of its volumes, too. It is taken up again.
 */
void plan_keep_removal(struct plan *plan, bool with_volumes);

/* Its own cleanup or removal has failed: it is tried again later. */
void plan_after_failure(struct plan *plan, uint64_t now_ms);
void plan_after_success(struct plan *plan);

/* The delay of the restart that is announced now; `ret` gets what container.restarting says. */
void plan_announce(struct plan *plan, uint64_t now_ms, struct container_restarting *ret);

/* Somebody asked for something else. */
void plan_cancel(struct plan *plan);

/* As plan_cancel, and the counting of restarts begins anew: a user's start. */
void plan_reset(struct plan *plan);

/* Whether a restart is on its way. */
bool plan_has_restart(const struct plan *plan);

#endif
