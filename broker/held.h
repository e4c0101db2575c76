/*
 * A request that is answered later: a long poll, or one whose answer waits for the disk.
 *
 * Embedded in whatever waits. It knows the request while the peer is there; when the peer goes, or
 * the time is up, its owner is told and decides. Loop thread.
 */
#ifndef GANTRY_BROKER_HELD_H
#define GANTRY_BROKER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct event_base;
struct held;
struct sp_request;

struct held_functions {
    /* `wait_ms` are over; the request is still held. */
    void (*on_timeout)(struct held *held);
    /* The peer has gone; nothing is held any more. NULL: nothing to do. */
    void (*on_abandoned)(struct held *held);
};

struct held {
    const struct held_functions *functions;
    struct sp_request *request; /* NULL: nobody waits */
    struct event *timer;        /* NULL: no end */
};

/* Hold `request` without an end, or for `wait_ms` at most; nothing may be held already. */
void held_begin(struct held *held, const struct held_functions *functions,
                struct sp_request *request);
void held_begin_for(struct held *held, const struct held_functions *functions,
                    struct sp_request *request, struct event_base *loop, uint32_t wait_ms);

/* Hold nothing any more: the request to answer, or NULL when its peer has gone. */
struct sp_request *held_end(struct held *held);

static inline bool held_is_waiting(const struct held *held)
{
    return held->request != NULL;
}

/* The peer of a request has gone (sp's on_abandoned): tell whoever holds it. */
void held_abandon(struct sp_request *request);

#endif
