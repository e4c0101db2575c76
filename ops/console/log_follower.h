/*
 * What a container wrote, read from its host through the broker: once, or as it comes.
 *
 * A follower outlives broker and worker: when the stream breaks, it opens another one at the last
 * line that it has given, and gives none twice.
 */
#ifndef GANTRY_OPS_CONSOLE_LOG_FOLLOWER_H
#define GANTRY_OPS_CONSOLE_LOG_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ops/console/console.h"
#include "schemas/bus.h"

struct log_follower_events {
    /* A line, or a part of one. Borrowed for the call. */
    void (*on_chunk)(void *owner, const struct stream_chunk *chunk);
    /* Nothing came for a while, or the stream broke: whether the container has ended, so that
     * nothing more can come. Negative errno ends the following. */
    int (*is_over)(void *owner, bool *ret, struct error *err);
};

/* In the caller's memory; `open` is what was asked for, its texts borrowed. */
struct log_follower {
    struct console *console;
    struct stream_open open;
    uint64_t stream;
    uint64_t sequence;     /* of the chunks that come next */
    uint64_t last_time;    /* of the last chunk given; 0: none yet */
    unsigned last_count;   /* chunks given that have this time */
    unsigned skip_count;   /* of those, how many the stream that was opened again repeats */
    unsigned silent_count; /* turns without a chunk since the container has ended */
};

/* Ask the host for the log. The container must exist. */
int log_follower_open(struct log_follower *follower, struct error *err);

/* Give everything until the end. An error when the log cannot be read (any more). */
int log_follower_run(struct log_follower *follower, const struct log_follower_events *events,
                     void *owner, struct error *err);

/* Print a chunk, with the newline of a line that is whole, at once. */
void log_follower_print(const struct stream_chunk *chunk, FILE *out);

#endif
