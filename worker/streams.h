/*
 * Streams that consoles read from this host: the worker asks the broker for them, reads the log of
 * the container and pushes it in chunks, one push in flight for each stream. The answer to a push
 * is the credit for the next; a reader that is slow stops the reading of the file.
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

/* Served at once; further ones wait at the broker. */
#define STREAMS_SERVED_MAX 64

struct event_base;
struct streams;

/* A container's log, or that there is none. */
struct stream_source {
    char *path;   /* on the heap, the taker frees it; NULL: there is no such container */
    bool is_over; /* nothing more will be written */
};

struct streams_options {
    const char *host; /* copied */
    uint64_t incarnation;
    struct command_id journal;
    struct stream_source (*find)(void *owner, const char *container);
    void *owner;
};

/* The bus is the caller's, who closes it before the streams are destroyed. */
int streams_new(struct event_base *loop, struct bus *bus, const struct streams_options *options,
                struct streams **ret, struct error *err);
void streams_destroy(struct streams *streams);
DEFINE_AUTODESTROY(streams)

/* The broker knows this worker: begin to ask for streams, unless that goes on already. */
void streams_start(struct streams *streams);

/* A run of the container has ended: what follows its log ends when it has read the rest. */
void streams_container_ended(struct streams *streams, const char *container);

#endif
