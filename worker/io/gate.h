/*
 * How many OCI runtime processes run at once: those who come when all places are taken wait in
 * line.
 *
 * Loop thread. A ticket belongs to its user; from gate_enter until it is let in or withdrawn it
 * is in the line.
 */
#ifndef GANTRY_WORKER_IO_GATE_H
#define GANTRY_WORKER_IO_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "common/error.h"

struct gate_ticket {
    void (*on_enter)(struct gate_ticket *ticket); /* a place is yours until gate_leave */
    bool is_waiting;
    STAILQ_ENTRY(gate_ticket) link;
};

struct gate {
    unsigned places;
    unsigned taken;
    unsigned waiting;
    unsigned waiting_max;
    STAILQ_HEAD(, gate_ticket) line;
};

void gate_init(struct gate *gate, unsigned places, unsigned waiting_max);

/* Calls on_enter at once when there is a place, else later. -EAGAIN when the line is full. */
int gate_enter(struct gate *gate, struct gate_ticket *ticket, struct error *err);

/* Leave the line. Nothing when it does not wait. */
void gate_withdraw(struct gate *gate, struct gate_ticket *ticket);

/* Give the place back; lets the next one in. */
void gate_leave(struct gate *gate);

/* Nobody is let in any more. */
void gate_close(struct gate *gate);

#endif
