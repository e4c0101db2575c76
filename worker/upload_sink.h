/*
 * Files that consoles send to this host before a command that takes them: read from the broker
 * chunk by chunk, the next one when the one before is written.
 *
 *     DIRECTORY/<upload>.part   while it comes
 *     DIRECTORY/<upload>        whole, and on the disk, when the last read is answered
 *
 * An upload that does not come to its end leaves nothing; the console is told why the disk did not
 * take it. How large it may get is the disk's to say.
 *
 * Owner: the streams. Thread: the loop's; the disk is the pool's.
 */
#ifndef GANTRY_WORKER_UPLOAD_SINK_H
#define GANTRY_WORKER_UPLOAD_SINK_H

#include <stdint.h>

#include "common/error.h"
#include "common/io/bus.h"

struct event_base;
struct jobpool;
struct upload_sink;

struct upload_sink_options {
    struct event_base *loop;
    struct bus *bus;
    struct jobpool *pool;
    const char *directory;        /* copied; made when it is missing */
    void (*on_over)(void *owner); /* an upload has ended, well or not */
    void *owner;
};

/* Removes what was half done when the worker ended. */
int upload_sink_new(const struct upload_sink_options *options, struct upload_sink **ret,
                    struct error *err);
/* The bus is closed. Uploads that are not whole are removed; what is being written is so when its
 * job ends. NULL is legal. */
void upload_sink_destroy(struct upload_sink *sink);

/* Read the stream into the upload of this name. A failure on the disk is told to the console; an
 * error here is only that nothing could be asked. */
int upload_sink_take(struct upload_sink *sink, uint64_t stream, const char *upload,
                     struct error *err);

#endif
