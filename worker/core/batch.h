/*
 * What a turn of the engine wants: first changes, to be made durable in one transaction, then
 * actions, to be carried out when they are durable. Intent before effect, fact after it.
 *
 * Starts as { 0 }, ends with batch_done(). Everything it points to lives in its arena.
 */
#ifndef GANTRY_WORKER_CORE_BATCH_H
#define GANTRY_WORKER_CORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "worker/core/operation.h"

enum change_kind {
    CHANGE_EVENT,     /* number: journal_seq; value: a struct record. Never removed by the engine */
    CHANGE_CONTAINER, /* id; value: a struct container_row */
    CHANGE_UNIT,      /* id; value: what unit.h keeps of it */
    CHANGE_COMMAND,   /* number: pos in cmd/<host>; value: its struct record, until its outcome */
    CHANGE_CURSOR,    /* number: everything up to this pos in cmd/<host> is dealt with */
    CHANGE_IMAGE,     /* id; value: a struct image_row */
    CHANGE_VOLUME,    /* id: its name; value: a struct volume_row */
};

struct change {
    enum change_kind kind;
    uint64_t number;
    const char *id;
    struct bytes value;
    bool is_removal;
};

enum action_kind {
    ACTION_STEP,          /* carry out `step` for container `id`, answer by engine_result() */
    ACTION_FORGET_EXIT,   /* the exit of `run` of `id` is dealt with */
    ACTION_ERRAND,        /* carry out the errand at `number`, answer by engine_errand_result() */
    ACTION_FORGET_UPLOAD, /* the upload `id` is not needed any more */
};

struct action {
    enum action_kind kind;
    const char *id;
    uint32_t run; /* that the step is about */
    enum step step;
    uint32_t signal; /* of the signal steps */
    uint64_t number; /* of an errand: its position in the log */
};

struct batch {
    struct arena arena;
    struct change *changes; /* in the order in which they were made */
    size_t change_count;
    struct action *actions;
    size_t action_count;
};

void batch_add_change(struct batch *batch, const struct change *change);
void batch_add_action(struct batch *batch, const struct action *action);
bool batch_is_empty(const struct batch *batch);
void batch_done(struct batch *batch);

#endif
