/* A peer that is connected; see the header. */
#include "broker/peer.h"

#include <stdlib.h>

#include "common/io/sp.h"
#include "common/mem.h"

static enum peer_transport transport_of(enum sp_transport transport)
{
    static const enum peer_transport transports[] = {
        [SP_TCP] = PEER_TCP,
        [SP_TLS] = PEER_TLS,
        [SP_UNIX] = PEER_UNIX,
    };

    return transports[transport];
}

void peer_begin(struct sp_peer *sp)
{
    const struct sp_identity *known = sp_peer_identity(sp);
    struct peer *peer = mem_new(struct peer);
    const struct peer_facts facts = {
        .transport = transport_of(known->transport),
        .uid = known->uid,
        .name = known->name,
        .address = known->address,
    };

    role_of(&facts, &peer->identity);
    sp_peer_set_data(sp, peer);
    /* The transport has said who it is: it need not begin with a small message. */
    if (peer->identity.role != ROLE_NONE)
        sp_peer_accept(sp);
}

void peer_end(struct sp_peer *sp)
{
    struct peer *peer = peer_of(sp);

    if (peer != NULL)
        identity_done(&peer->identity);
    free(peer);
    sp_peer_set_data(sp, NULL);
}

struct peer *peer_of(const struct sp_peer *sp)
{
    return sp_peer_data(sp);
}
