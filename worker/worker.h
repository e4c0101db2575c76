/*
 * A worker: the engine that decides, the journal that remembers, the hands that act, the link to
 * the broker; and who owns them all. Everything lives on the loop's thread.
 *
 * Without a broker it goes on: exits are journalled, restart policies hold, operations end. The
 * containers outlive it.
 */
#ifndef GANTRY_WORKER_WORKER_H
#define GANTRY_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/io/bus.h"

struct event_base;
struct worker;

struct worker_options {
    const char *host;
    const char *broker_url;
    const struct bus_tls *tls; /* NULL: none */
    const char *state_directory;
    const char *run_directory;
    uint64_t journal_events_max; /* that no broker has taken, before the journal is full */
    const char *runtime;         /* for containers that choose none; NULL: what works */
};

/* What ends the worker by itself: the code that the program is to exit with. */
enum worker_exit {
    WORKER_EXIT_ASKED = 0,
    WORKER_EXIT_FENCED = 3, /* a newer worker speaks for this host */
};

struct worker_events {
    /* Everything that was under way when it stopped is written. */
    void (*on_stopped)(void *owner, enum worker_exit why);
    /* The host is probed, the journal is open, open operations have been taken up. */
    void (*on_ready)(void *owner);
};

/* Open everything and take up what was open. Options are borrowed as long as it lives. */
int worker_new(struct event_base *loop, const struct worker_options *options,
               const struct worker_events *events, void *owner, struct worker **ret,
               struct error *err);

/* Say nothing more and begin nothing more; on_stopped is called when steps under way have ended,
 * or after 10 s. Containers are left alone. */
void worker_stop(struct worker *worker, enum worker_exit why);

/* NULL is legal. */
void worker_destroy(struct worker *worker);
DEFINE_AUTODESTROY(worker)

#endif
