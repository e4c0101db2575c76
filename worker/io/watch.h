/*
 * The death watch over the runs that live: pidfds of conmon and of init. It is the second witness
 * of an exit; the exit file is the first (BEHAVIOUR GA-6, KB-2, KB-15).
 *
 * conmon gone without an exit file: the exit code is lost; init is killed, then on_lost is called.
 * init gone and conmon not finishing: after a grace period conmon is killed, with the same end.
 *
 * Loop thread.
 */
#ifndef GANTRY_WORKER_IO_WATCH_H
#define GANTRY_WORKER_IO_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "worker/io/process.h"

struct event_base;
struct run_watches;

struct watch_events {
    /* Is there an exit file? If so it has been told of. */
    bool (*has_exit)(void *owner, const char *id, uint32_t run);
    /* init has been sent SIGKILL; one that is frozen dies only when it is thawed. */
    void (*thaw)(void *owner, const char *id);
    /* Nobody can know the exit code; init is dead. */
    void (*on_lost)(void *owner, const char *id, uint32_t run);
};

struct run_watches *run_watches_new(struct event_base *loop, const struct watch_events *events,
                                    void *owner);

/* Whoever waits is not called any more. */
void run_watches_destroy(struct run_watches *watches);
DEFINE_AUTODESTROY(run_watches)

/* Watch this run; takes both processes, each may be none (it is then gone already). Watching what
 * is watched replaces its processes. */
void run_watches_add(struct run_watches *watches, const char *id, uint32_t run,
                     struct process *conmon, struct process *init);

/* The exit of this run has been told of: its file may be forgotten before conmon is gone. */
void run_watches_set_told(struct run_watches *watches, const char *id, uint32_t run);

typedef void watch_ended_fn(void *owner);

/* Call `ended` when conmon of this run is gone, at the latest after `timeout_ms`, when it is
 * killed. False, and no call, when the run is not watched. At most one waits for a run. */
bool run_watches_wait(struct run_watches *watches, const char *id, uint32_t run,
                      unsigned timeout_ms, watch_ended_fn *ended, void *owner);

#endif
