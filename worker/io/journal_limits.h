/*
 * How much a journal holds: of events that no broker has taken, before the worker takes no more
 * commands, and of those that one has, so that a log that is lost can be told its tail again. Pure.
 */
#ifndef GANTRY_WORKER_IO_JOURNAL_LIMITS_H
#define GANTRY_WORKER_IO_JOURNAL_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct journal_limits {
    uint64_t events_max;  /* not acknowledged; beyond, the journal is full, but takes everything */
    uint64_t bytes_max;   /* of these */
    uint64_t kept_events; /* acknowledged */
    uint64_t kept_bytes;
    uint64_t kept_ns;
};

#define JOURNAL_LIMITS_USUAL                                                                  \
    {                                                                                         \
        .events_max = 1000000, .bytes_max = 8ULL * 1024 * 1024 * 1024, .kept_events = 400000, \
        .kept_bytes = 128ULL * 1024 * 1024, .kept_ns = 24ULL * 3600 * 1000000000,             \
    }

/* The kept events, from the oldest one on. */
struct journal_kept {
    uint64_t first_seq;      /* of the oldest */
    uint64_t first_total;    /* bytes of all events ever written, up to it and with it */
    uint64_t first_happened; /* ns since 1970; 0: not known */
    uint64_t lost_until;     /* when the last one happened that is no longer kept */
};

/* How far the log has come with them. */
struct journal_told {
    uint64_t acked_seq;
    uint64_t acked_total; /* as first_total, of the last acknowledged one or the next */
    uint64_t now_ns;
};

/* The oldest event need not be kept any longer. */
bool journal_limits_let_go(const struct journal_limits *limits, const struct journal_kept *kept,
                           const struct journal_told *told);

#endif
