/*
 * A source whose bytes come from a blocking function: it runs on a pool thread and writes into a
 * pipe, which the loop reads. The pipe bounds what waits; a reader that has gone ends the function
 * with EPIPE.
 *
 * Thread: the loop's, but for `write`.
 */
#ifndef GANTRY_WORKER_STREAM_PIPE_H
#define GANTRY_WORKER_STREAM_PIPE_H

#include "worker/stream_source.h"

struct stream_work {
    /* On a pool thread: write all to `fd`, which is the pipe's and stays open. */
    int (*write)(struct stream_work *work, int fd, struct error *err);
    /* On the loop, once, when nothing uses it any more. */
    void (*destroy)(struct stream_work *work);
};

/* The work is taken over when this succeeds. `ret` is the source of the functions below. */
int stream_pipe_open(const struct stream_surroundings *surroundings, struct stream_work *work,
                     const struct stream_events *events, void *owner, void **ret,
                     struct error *err);
void stream_pipe_pause(void *source);
void stream_pipe_resume(void *source);
/* The work may still run: it ends by itself, and is destroyed then. */
void stream_pipe_close(void *source);

#endif
