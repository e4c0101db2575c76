/*
 * The clocks that the broker sees: its own, and what the hosts say of theirs. That one was set, or
 * is off, is said in the log (clock.stepped, host.clock) and on stderr; nothing else depends on it
 * but that no record is dropped for its age soon after the broker's clock was set. Loop thread.
 */
#ifndef GANTRY_BROKER_CLOCKS_H
#define GANTRY_BROKER_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct clocks;
struct host;

struct clocks *clocks_new(struct broker *broker);
/* NULL is legal. */
void clocks_destroy(struct clocks *clocks);

/* Whether it was set forwards less than an hour ago: what is old by it may be young. Looks. */
bool clocks_is_unsettled(struct clocks *clocks);

/* The host's clock said `said_ns` (since 1970) when its worker asked; 0: it did not say. */
void clocks_hear(struct clocks *clocks, struct host *host, uint64_t said_ns);

#endif
