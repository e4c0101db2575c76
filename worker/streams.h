/*
 * Streams between consoles and this host: the worker asks the broker for them. What a console reads
 * (stream_source.h) is pushed in chunks, one push in flight for each stream: the answer to a push
 * is the credit for the next, so a reader that is slow stops its source. What a console sends goes
 * to a file (upload_sink.h).
 *
 * Owner: the worker. Thread: the loop's.
 */
#ifndef GANTRY_WORKER_STREAMS_H
#define GANTRY_WORKER_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auto.h"
#include "common/error.h"
#include "common/io/bus.h"
#include "worker/stream_source.h"

/* Served at once; further ones wait at the broker. */
#define STREAMS_SERVED_MAX 64

struct event_base;
struct streams;

struct streams_options {
    const char *host; /* copied */
    uint64_t incarnation;
    uint64_t session;
    struct command_id journal;
    const char *uploads_directory;           /* copied; made when it is missing */
    void (*on_upload_over)(void *owner);     /* one has ended, well or not */
    struct stream_surroundings surroundings; /* its owner is that owner too */
};

/* The bus is the caller's, who closes it before the streams are destroyed. Forgets uploads that
 * were not finished before. The pool of the surroundings is destroyed after the streams. */
int streams_new(struct event_base *loop, struct bus *bus, const struct streams_options *options,
                struct streams **ret, struct error *err);
void streams_destroy(struct streams *streams);
DEFINE_AUTODESTROY(streams)

/* The broker knows this worker: begin to ask for streams, unless that goes on already. */
void streams_start(struct streams *streams);

/* A run of the container has ended: what follows its log ends when it has read the rest. */
void streams_container_ended(struct streams *streams, const char *container);

#endif
