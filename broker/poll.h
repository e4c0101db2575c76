/* The poll that a worker's host waits with; see poll.c. */
#ifndef GANTRY_BROKER_POLL_H
#define GANTRY_BROKER_POLL_H

struct host;

/* There are commands for the host, or its poll is obsolete: answer it with what there is. */
void poll_wake(struct host *host);

#endif
