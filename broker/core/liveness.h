/*
 * Which hosts have fallen silent: a host that says nothing for `silence_ms` is told once, until it
 * is heard again. Pure: time is an argument (a monotonic clock's), one timer at the edge is enough.
 *
 * A call costs the same however many hosts there are: all have the same patience, so the host that
 * was heard longest ago is the next to fall silent.
 */
#ifndef GANTRY_BROKER_CORE_LIVENESS_H
#define GANTRY_BROKER_CORE_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"

#define LIVENESS_NEVER UINT64_MAX

struct liveness;

struct silence {
    const char *host;   /* borrowed until the next call that changes the tracker */
    uint64_t silent_ms; /* since it was heard */
};

struct liveness *liveness_new(uint64_t silence_ms, size_t hosts_max);
void liveness_destroy(struct liveness *liveness);
DEFINE_AUTODESTROY(liveness)

/* A worker of this host has spoken. `ret_was_silent` (may be NULL): it is new or had been told
 * silent, so it has become reachable. -ENOSPC when hosts_max others are known. */
int liveness_heard(struct liveness *liveness, const char *host, uint64_t now_ms,
                   bool *ret_was_silent, struct error *err);

/* At the start, a host that the view knows as unreachable: silent, and not told again. */
int liveness_add_silent(struct liveness *liveness, const char *host, struct error *err);

/* Know nothing of this host any more. */
void liveness_forget(struct liveness *liveness, const char *host);

/* When to call liveness_next_silent() again: ms of the same clock, or LIVENESS_NEVER. */
uint64_t liveness_deadline(const struct liveness *liveness);

/* The next host whose time is up by `now_ms`, longest silent first; false when there is none. Call
 * it until then: each host is told once. */
bool liveness_next_silent(struct liveness *liveness, uint64_t now_ms, struct silence *ret);

/* Hosts not silent. */
size_t liveness_reachable(const struct liveness *liveness);

#endif
