/*
 * Who a peer is and what it may ask for: from what its transport proved to a role, and a table of
 * roles x requests. Pure; what the table does not allow is denied.
 *
 *     TLS, URI SAN gantry://worker/<host>      worker of that host, and of no other
 *     TLS, URI SAN gantry://controller/<name>  controller: submits and reads
 *     TLS, URI SAN gantry://watch/<name>       watcher: reads
 *     TLS, URI SAN gantry://admin/<name>       admin: everything
 *     unix socket, uid 0                       admin
 *     unix socket, another uid                 watcher
 *     plain tcp                                admin: it is listened on only where that is wanted
 */
#ifndef GANTRY_BROKER_CORE_ROLES_H
#define GANTRY_BROKER_CORE_ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/id.h"

enum role {
    ROLE_NONE = 0, /* proved nothing that we know: may ask for nothing */
    ROLE_WORKER,
    ROLE_CONTROLLER,
    ROLE_WATCHER,
    ROLE_ADMIN,
    ROLE_COUNT,
};

enum peer_transport { PEER_TCP = 1, PEER_TLS, PEER_UNIX };

/* What the transport knows of a peer. */
struct peer_facts {
    enum peer_transport transport;
    uint32_t uid;        /* of a unix peer, from SO_PEERCRED */
    const char *name;    /* of a TLS peer: its URI SAN; NULL: it has none */
    const char *address; /* "10.0.0.7:4711"; for the actor of those without a name; may be NULL */
};

#define ACTOR_SIZE (NAME_SIZE_MAX + 32)

struct identity {
    enum role role;
    bool is_local;    /* on this machine, as the kernel says: a peer on a unix socket */
    char *actor;      /* "worker:a", "controller:ci", "unix:0", "tcp:10.0.0.7:4711"; its own */
    const char *host; /* the only one that a worker may speak for, in `actor`; "" of others */
};

/* "controller"; "none" for ROLE_NONE. */
const char *role_name(enum role role);

/* Never fails: what is not understood becomes ROLE_NONE. Ends with identity_done(). */
void role_of(const struct peer_facts *facts, struct identity *ret);
void identity_done(struct identity *identity);

/* Whether the role may send a request of this type ("submit"); false for types not known. */
bool role_may(enum role role, const char *type);

/* Whether the peer may say something as the worker of `host` (hello, poll, report, streams). */
bool identity_speaks_for(const struct identity *identity, const char *host);

#endif
