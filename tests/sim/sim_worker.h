/*
 * A simulated worker: the real engine, journal, link and streams, with hands that do every step at
 * once and change nothing in the world. Its time goes on by itself to whatever the engine waits
 * for, so no restart delay lasts.
 *
 * Owner: the program. Thread: the loop's; the journal is written there, too.
 */
#ifndef GANTRY_TESTS_SIM_SIM_WORKER_H
#define GANTRY_TESTS_SIM_SIM_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct event_base;
struct jobpool;
struct sim_worker;

/* Told to the program by its workers. */
struct sim_tally {
    unsigned connected;  /* workers with a connection to the broker */
    uint64_t greeted;    /* welcomes so far */
    uint64_t commands;   /* taken so far */
    uint32_t *delays_us; /* of the last ones: from `happened` to here; a ring */
    uint64_t delays_max; /* its size */
    unsigned fenced;
};

struct sim_options {
    struct event_base *loop;
    const char *url;
    const char *host;
    const char *directory; /* of its state; made when it is missing */
    struct jobpool *pool;  /* for what blocks; of all of them */
    struct sim_tally *tally;
};

/* With its journal open and what was open taken up; away from the broker. */
int sim_worker_new(const struct sim_options *options, struct sim_worker **ret, struct error *err);
void sim_worker_destroy(struct sim_worker *worker);

/* Dial the broker, or leave it. */
int sim_worker_join(struct sim_worker *worker, struct error *err);
void sim_worker_leave(struct sim_worker *worker);

/* Let the runs of up to `count` containers end by themselves, one after the other in turn, as one
 * turn of the engine. How many did. */
unsigned sim_worker_exits(struct sim_worker *worker, unsigned count);

/* Events in the journal, and those that the broker has. */
uint64_t sim_worker_events(const struct sim_worker *worker);
uint64_t sim_worker_acked(const struct sim_worker *worker);
unsigned sim_worker_runs(const struct sim_worker *worker);

#endif
