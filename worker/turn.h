/*
 * Commit, then act: what the engine decides is gathered into a batch; the batch is written to the
 * journal by a job; when it is durable its actions are carried out. While one batch is written the
 * next one gathers (group commit).
 *
 * A write that the disk refuses is tried again each second; nothing is carried out meanwhile.
 * Owner: the worker. Thread: the loop's.
 */
#ifndef GANTRY_WORKER_TURN_H
#define GANTRY_WORKER_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "worker/core/engine.h"
#include "worker/io/journal.h"

struct event_base;
struct turn;

struct turn_events {
    /* Carry it out; answer by an engine call in a later turn, never from within. */
    void (*on_action)(void *owner, const struct action *action);
    /* A batch is durable; its actions come next. */
    void (*on_durable)(void *owner);
    /* After turn_drain(): everything is written. */
    void (*on_drained)(void *owner);
};

/* All borrowed. */
struct turn_options {
    struct event_base *loop;
    struct engine *engine;
    struct journal *journal;
    const struct turn_events *events;
    void *owner;
};

int turn_new(const struct turn_options *options, struct turn **ret, struct error *err);
/* Waits for the write under way. NULL is legal. */
void turn_destroy(struct turn *turn);
DEFINE_AUTODESTROY(turn)

/* The batch and the time for one call of the engine, or several; then turn_end(). */
struct batch *turn_begin(struct turn *turn, struct engine_time *ret_now);
void turn_end(struct turn *turn);

/* Tell the engine whether the journal is full: the broker has taken some of it. */
void turn_look_at_limits(struct turn *turn);

/* Write what the journal wants written, if nothing else is. */
void turn_nudge(struct turn *turn);

/* From now on actions do not begin (the next start takes them up); on_drained is called once all
 * is written. */
void turn_drain(struct turn *turn);

#endif
