/* Who a peer is and what it may ask for; see the header. */
#include "broker/core/roles.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct role_kind {
    const char *name;
    const char *uri; /* how the URI SAN of its certificates begins; NULL: none has it */
};

/* clang-format off */
static const struct role_kind kinds[ROLE_COUNT] = {
    [ROLE_NONE]       = { "none",       NULL },
    [ROLE_WORKER]     = { "worker",     "gantry://worker/" },
    [ROLE_CONTROLLER] = { "controller", "gantry://controller/" },
    [ROLE_WATCHER]    = { "watcher",    "gantry://watch/" },
    [ROLE_ADMIN]      = { "admin",      "gantry://admin/" },
};

#define BIT(role) (1U << (role))
#define WORKERS   (BIT(ROLE_WORKER) | BIT(ROLE_ADMIN))
#define READERS   (BIT(ROLE_CONTROLLER) | BIT(ROLE_WATCHER) | BIT(ROLE_ADMIN))
#define DOERS     (BIT(ROLE_CONTROLLER) | BIT(ROLE_ADMIN))
#define ADMINS    (BIT(ROLE_ADMIN))
#define ALL       (WORKERS | READERS)

#define ENDS      (BIT(ROLE_WORKER) | BIT(ROLE_CONTROLLER) | BIT(ROLE_ADMIN))

/* What a container prints may be secret: reading it (stream.open) is for those who may act on it.
 * Which end of a stream a peer may hold is its relay's to say: it depends on the stream's kind. */
static const struct permission {
    const char *type;
    unsigned roles;
} permissions[] = {
    { "hello",         WORKERS },
    { "recover",       WORKERS },
    { "poll",          WORKERS },
    { "report",        WORKERS },
    { "stream.accept", WORKERS },
    { "stream.push",   ENDS },
    { "submit",        DOERS },
    { "stream.open",   DOERS },
    { "stream.read",   ENDS },
    { "stream.close",  ENDS },
    { "outcome",       READERS },
    { "watch",         READERS },
    { "fetch",         READERS },
    { "query",         READERS },
    { "view.hash",     READERS },
    { "past",          READERS },
    { "info",          ALL },
    { "log.backup",    ADMINS },
    { "host.lose",  ADMINS },
};
/* clang-format on */

const char *role_name(enum role role)
{
    assert(role < ROLE_COUNT);
    return kinds[role].name;
}

static enum role role_of_uri(const char *uri, const char **ret_name)
{
    for (unsigned role = ROLE_NONE + 1; role < ROLE_COUNT; role++) {
        size_t size = strlen(kinds[role].uri);

        if (strncmp(uri, kinds[role].uri, size) == 0 && name_is_valid(uri + size)) {
            *ret_name = uri + size;
            return (enum role)role;
        }
    }
    return ROLE_NONE;
}

static void set_actor(struct identity *identity, const char *kind, const char *who)
{
    identity->actor = mem_text("%s:%s", kind, who != NULL ? who : "unknown");
}

static void read_certificate(const struct peer_facts *facts, struct identity *ret)
{
    const char *name = NULL;

    if (facts->name != NULL)
        ret->role = role_of_uri(facts->name, &name);
    if (ret->role == ROLE_NONE) {
        set_actor(ret, "tls", facts->address);
        return;
    }
    set_actor(ret, kinds[ret->role].name, name);
    if (ret->role == ROLE_WORKER)
        ret->host = ret->actor + strlen(kinds[ret->role].name) + 1;
}

void role_of(const struct peer_facts *facts, struct identity *ret)
{
    *ret = (struct identity){ .role = ROLE_NONE, .host = "" };
    switch (facts->transport) {
    case PEER_TLS:
        read_certificate(facts, ret);
        return;
    case PEER_UNIX:
        ret->role = facts->uid == 0 ? ROLE_ADMIN : ROLE_WATCHER;
        ret->is_local = true;
        ret->actor = mem_text("unix:%u", facts->uid);
        return;
    case PEER_TCP:
        ret->role = ROLE_ADMIN;
        set_actor(ret, "tcp", facts->address);
        return;
    }
    set_actor(ret, "unknown", facts->address);
}

void identity_done(struct identity *identity)
{
    free(identity->actor);
    identity->actor = NULL;
    identity->host = "";
}

bool role_may(enum role role, const char *type)
{
    assert(role < ROLE_COUNT);
    for (size_t i = 0; i < sizeof(permissions) / sizeof(*permissions); i++) {
        if (strcmp(permissions[i].type, type) == 0)
            return (permissions[i].roles & BIT(role)) != 0;
    }
    return false;
}

bool identity_speaks_for(const struct identity *identity, const char *host)
{
    if (identity->role == ROLE_WORKER)
        return host != NULL && strcmp(identity->host, host) == 0;
    return identity->role == ROLE_ADMIN;
}
