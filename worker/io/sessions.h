/*
 * The sessions of a journal: one random number for each start of a worker with it. They tell a
 * worker that has started again from one that has started with a copy of the journal: from where
 * two copies part, each knows only its own sessions. Pure.
 */
#ifndef GANTRY_WORKER_IO_SESSIONS_H
#define GANTRY_WORKER_IO_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define SESSIONS_RECENT_MAX 63 /* beside the one that was welcomed */
#define SESSION_SIZE        8  /* bytes, big endian */

struct sessions {
    uint64_t welcomed;                    /* the latest that a broker has; 0: none was */
    uint64_t recent[SESSIONS_RECENT_MAX]; /* of the latest starts, the newest first; then zeros */
};

/* As they are kept, and said in `hello`. */
struct sessions_text {
    uint8_t bytes[(1 + SESSIONS_RECENT_MAX) * SESSION_SIZE];
    size_t size;
};

/* A start of the worker. The oldest is forgotten, but not the one that was welcomed. */
void sessions_begin(struct sessions *sessions, uint64_t session);

/* A broker has welcomed the newest. */
void sessions_welcome(struct sessions *sessions);

void sessions_write(const struct sessions *sessions, struct sessions_text *ret);
/* What is too long is cut off. */
void sessions_read(struct bytes kept, struct sessions *ret);

#endif
