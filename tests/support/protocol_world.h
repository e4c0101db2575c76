/*
 * The delivery protocol with its real minds in a world of one thread: the broker's admission and
 * fold over a log, a worker's engine over a journal, a host that carries out steps, two clients
 * that each want one command (create a container, start it), and everything that may go wrong in
 * between. Each thing that can happen next is a choice; whoever explores the world makes them.
 */
#ifndef GANTRY_TESTS_SUPPORT_PROTOCOL_WORLD_H
#define GANTRY_TESTS_SUPPORT_PROTOCOL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auto.h"

#define PROTOCOL_COMMANDS    2
#define PROTOCOL_CHOICES_MAX 32

/* A fault of the world's own, which an exploration must find. */
enum protocol_mutant {
    PROTOCOL_SOUND,
    PROTOCOL_ANSWERS_EARLY, /* the broker answers before it commits */
    PROTOCOL_ACTS_EARLY,    /* the worker acts before its journal is durable */
    PROTOCOL_ACKS_EARLY,    /* the broker acknowledges a report before it commits */
    PROTOCOL_FORGETS,       /* the broker does not know what it has heard before */
    PROTOCOL_LOSES_INBOX,   /* the worker's cursor is durable before its inbox is */
    PROTOCOL_MUTANT_COUNT,
};

enum protocol_what {
    CLIENT_SUBMITS,
    SUBMIT_ARRIVES,
    SUBMIT_ARRIVES_AND_STAYS, /* a fault: it will arrive again */
    SUBMIT_IS_LOST,           /* a fault */
    BROKER_COMMITS,
    BROKER_COMMITS_MUTELY, /* a fault: its answers are lost */
    BROKER_CRASHES,        /* a fault */
    WORKER_SAYS_HELLO,
    WORKER_POLLS,     /* and takes the next command in */
    PAGE_COMES_AGAIN, /* a fault */
    WORKER_COMMITS,
    WORKER_ACTS, /* the step is done, and the engine hears of it */
    WORKER_REPORTS,
    REPORT_COMES_AGAIN,            /* a fault */
    WORKER_CRASHES,                /* a fault */
    WORKER_CRASHES_AFTER_IT_ACTED, /* a fault: the step was done, and nobody heard of it */
};

struct protocol_choice {
    enum protocol_what what;
    uint32_t index; /* of a command or an action */
};

struct protocol_world;

struct protocol_world *protocol_world_new(enum protocol_mutant mutant, unsigned faults_max);
void protocol_world_destroy(struct protocol_world *world);
DEFINE_AUTODESTROY(protocol_world)

/* What can happen next; faults only while there may be more. `ret_is_over`: nothing but faults. */
size_t protocol_choices(const struct protocol_world *world,
                        struct protocol_choice ret[static PROTOCOL_CHOICES_MAX], bool *ret_is_over);

/* Let it happen. NULL, or which promise is broken now (the world's). */
const char *protocol_do(struct protocol_world *world, struct protocol_choice choice);

/* The same without looking, for what was found good before. */
void protocol_repeat(struct protocol_world *world, struct protocol_choice choice);

/* Nothing more will happen: NULL, or which promise was not kept. */
const char *protocol_check_end(struct protocol_world *world);

/* The same for the same state. */
uint64_t protocol_hash(const struct protocol_world *world);

/* "the broker commits" */
const char *protocol_what_text(enum protocol_what what);

#endif
