/* A peer that is connected: who it is, as its transport proved it, and what it was denied. */
#ifndef GANTRY_BROKER_PEER_H
#define GANTRY_BROKER_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/core/roles.h"

struct broker;
struct host;
struct request;
struct sp_peer;

struct peer {
    struct identity identity;
    uint64_t denied;   /* a bit for each route that it was denied: each is recorded once */
    struct host *host; /* that its worker speaks for (broker/hosts.h); NULL: none */
    uint32_t voice;    /* as whose worker: host->voice of then */
};

/* Begin and end what sp's peer keeps of ours. */
void peer_begin(struct sp_peer *sp);
void peer_end(struct sp_peer *sp);

struct peer *peer_of(const struct sp_peer *sp);

#endif
