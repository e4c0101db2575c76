/*
 * The hosts that the broker knows, and whether they are heard.
 *
 * A host is known once a worker has said hello for it. Any request of its worker counts as a word
 * of it; after HOST_SILENCE_MS without one the log says host.unreachable, and host.reachable when
 * it is heard again. One timer serves all hosts and runs only while one can fall silent.
 *
 * Here is also what waits for each host: the poll of its worker, its question for streams, and the
 * streams that nobody has taken yet. Loop thread.
 */
#ifndef GANTRY_BROKER_HOSTS_H
#define GANTRY_BROKER_HOSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uthash.h>

#include "broker/commit.h"
#include "broker/core/clock_watch.h"
#include "broker/held.h"
#include "common/id.h"

#define HOSTS_MAX 65536

struct broker;
struct hello;
struct hosts;
struct peer;
struct refusals;
struct request;
struct stream;

/* What a commit says of a host's reachability. */
struct reach_entry {
    struct commit_entry entry;
    struct host *host;
    bool is_reachable;  /* what is written */
    uint64_t silent_ms; /* of host.unreachable */
};

struct host {
    char *name;                /* its own */
    uint64_t incarnation;      /* of the worker that said hello last */
    struct command_id journal; /* its journal: two journals can have the same incarnation */
    uint64_t session;          /* of its start: two copies of a journal can have it, too; or 0 */
    struct clock_watch clock;  /* of what it says of its clock */
    uint32_t voice;            /* grows when another worker begins to speak */
    uint32_t voices;           /* connections on which the present one has spoken */
    struct peer *speaker;      /* one of these; NULL: none */
    struct refusals *refusals; /* of other workers, its own; NULL: none yet */
    bool is_heard;             /* not silent */
    bool is_reachable;         /* as the view has it */
    bool is_lost;              /* given up: nobody speaks for it until there is another hello */
    uint64_t silent_ms;        /* when it fell silent */
    struct reach_entry *reach; /* with the committer, its own; NULL: nothing is */
    struct broker *broker;
    struct held poll;
    uint64_t poll_cursor;
    struct held accept;
    TAILQ_HEAD(, stream) offers; /* streams that wait for the worker */
    UT_hash_handle hh;
};

/* Know the hosts of the view; they have HOST_SILENCE_MS from now on to be heard. */
int hosts_new(struct broker *broker, struct hosts **ret, struct error *err);
void hosts_destroy(struct hosts *hosts);

/* NULL when no worker ever said hello for it. Lives as long as `hosts`. */
struct host *hosts_find(struct hosts *hosts, const char *name);

/* A hello of this host's worker, by `peer` (NULL: it has gone), is durable. NULL when HOSTS_MAX are
 * known. */
struct host *hosts_welcome(struct hosts *hosts, const struct hello *said, struct peer *peer);

/* It is durable that the host is lost: who spoke for it is sent away. */
void hosts_give_up(struct hosts *hosts, struct host *host);

/* Whether another host could be known. */
bool hosts_has_room(const struct hosts *hosts);

/* The host's worker has spoken. */
void hosts_heard(struct hosts *hosts, struct host *host);

/* Who says that it is the worker of a host. */
struct worker_claim {
    const char *host;
    uint64_t incarnation;
    struct command_id journal;
    uint64_t session; /* 0: it does not say */
};

/* The known host that a worker's request is from, which is counted as heard. NULL when the request
 * was answered by an error: denied, no-host, host-lost, or fenced. */
struct host *hosts_of_worker(struct broker *broker, struct request *request,
                             const struct worker_claim *claim);

/* Whether its worker is heard and has not gone, as far as can be seen from here: a worker that has
 * died leaves no connection behind. */
bool hosts_is_spoken_for(const struct host *host);

/* The connection has closed. */
void hosts_peer_gone(struct peer *peer);

#endif
