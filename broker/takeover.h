/*
 * A journal is given up: because a worker with another one takes over its host, or because an
 * operator says that the host is lost.
 *
 * The journal that is known under the host's name is then lost, with whatever it had not told: the
 * commands that waited for it have failed, each of its containers is lost, and a new worker is
 * given only the commands that come after. It is not taken silently from a host of which the view
 * says anything.
 *
 * Pool thread, in the transaction of the hello or of the operator's word.
 */
#ifndef GANTRY_BROKER_TAKEOVER_H
#define GANTRY_BROKER_TAKEOVER_H

#include <stdbool.h>

#include "broker/commit.h"
#include "common/fleet/refusal.h"
#include "schemas/bus.h"
#include "schemas/rows.h"

/* Whether the host may be taken over: when it has neither containers nor commands that wait, or
 * when the operator has accepted it. FAILURE_WRONG_JOURNAL in `ret_refusal` otherwise. */
int takeover_check(const struct view *view, const char *host, bool is_accepted,
                   struct refusal *ret_refusal, struct error *err);

/* Give each command that waits for the host, and was last told of before `before`, its outcome:
 * command.failed. */
struct takeover_failure {
    uint64_t before; /* position; UINT64_MAX: all */
    enum failure failure;
    const char *text;  /* why nobody knows what became of it */
    const char *actor; /* who has decided it; NULL: the broker */
};
int takeover_fail_commands(struct commit_turn *turn, const char *host,
                           const struct takeover_failure *why, uint64_t *ret_count,
                           struct error *err);

/* Say of each container of the host that it is lost, after its commands have failed. */
struct takeover_loss {
    const char *text; /* why */
    const char *actor;
};
int takeover_lose_containers(struct commit_turn *turn, const char *host,
                             const struct takeover_loss *why, uint64_t *ret_count,
                             struct error *err);

/* All that the silent host of `row` had is lost, by the word of `actor`: its commands, its
 * containers, itself. */
int takeover_lose_host(struct commit_turn *turn, const struct host_row *row, const char *actor,
                       struct host_lose_is *ret, struct error *err);

/* The hello of the new worker is at `hello_pos`: commands before it are not for this worker. */
int takeover_set_start(struct log_txn *txn, const char *host, uint64_t hello_pos,
                       struct error *err);

/* Where the commands for the host's present worker begin: all are beyond this position. */
int takeover_start(struct log_txn *txn, const char *host, uint64_t *ret, struct error *err);

#endif
