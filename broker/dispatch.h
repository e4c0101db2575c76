/*
 * The route table: what may be asked, and who answers. Whether a role may ask is a table of
 * broker/core/roles.h. Loop thread.
 */
#ifndef GANTRY_BROKER_DISPATCH_H
#define GANTRY_BROKER_DISPATCH_H

#include "common/arena.h"
#include "common/bytes.h"
#include "schemas/failure.h"

struct broker;
struct peer;
struct sp_request;

/* A request that may be asked and was understood. The handler answers `sp`, now or later. */
struct request {
    struct sp_request *sp;
    struct peer *peer;   /* borrowed: may be gone when the answer comes later */
    const void *message; /* of the route's schema; its parts are in `arena` */
    struct arena *arena; /* a handler that keeps the message takes it with request_take_arena() */
    unsigned route;
};

/* Answer what is no request, or one that may not be asked, by an error; hand on the others. */
void dispatch(struct broker *broker, struct sp_request *sp, struct bytes body);

/* Answer `denied`, and say so in the log: once for each kind of request and peer. */
void dispatch_deny(struct broker *broker, struct request *request, const char *why);

/* The memory of the message is the caller's from now on: arena_done() it. */
static inline struct arena request_take_arena(struct request *request)
{
    struct arena taken = *request->arena;

    *request->arena = (struct arena){ 0 };
    return taken;
}

#endif
