/*
 * Where the chunks of a stream come from: one table of functions for each kind of stream that a
 * console can read.
 *
 * A source belongs to the stream that opened it. Thread: the loop's. It tells of what it has by
 * its events, never from within its functions; its user closes it, also after on_end.
 */
#ifndef GANTRY_WORKER_STREAM_SOURCE_H
#define GANTRY_WORKER_STREAM_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct container_config;
struct event_base;
struct image;
struct images;
struct jobpool;
struct layout;
struct pull_progress;
struct stream_chunk; /* schemas/bus.h */
struct stream_open;

/* What a source finds out about a container. */
struct stream_container {
    char *log_path;                        /* on the heap, the taker frees it */
    bool is_over;                          /* nothing more will be written to its log */
    const struct container_config *config; /* borrowed until the engine's next turn */
    uint32_t pid;                          /* of its init; 0: it does not run */
    uint64_t pid_started;
    uint64_t image_bytes; /* of its image's layers; 0: it has none */
};

/* What sources have of their worker; borrowed as long as any of them is open. */
struct stream_surroundings {
    struct event_base *loop;
    struct pull_progress *progress;
    /* Whether the command at this position of the log is under way, or still to come. */
    bool (*is_open)(void *owner, uint64_t pos);
    struct jobpool *pool; /* for what blocks */
    const struct layout *layout;
    struct images *images;
    /* -ENOENT when there is no such container. */
    int (*find)(void *owner, const char *container, struct stream_container *ret);
    /* Each container there is; `log_path` is not set. */
    void (*walk)(void *owner,
                 void (*visit)(void *visitor, const char *id,
                               const struct stream_container *container),
                 void *visitor);
    /* The image of this host that a text means, borrowed until the engine's next turn; NULL: none,
     * or several. */
    const struct image *(*find_image)(void *owner, const char *text);
    void *owner;
};

struct stream_events {
    /* The chunk is borrowed for the call. */
    void (*on_chunk)(void *owner, const struct stream_chunk *chunk);
    /* Nothing more will come. `failure` is NULL when all is well. */
    void (*on_end)(void *owner, const char *failure);
    /* All that is there was given; more may come. */
    void (*on_drained)(void *owner);
};

struct stream_kind {
    const char *name; /* "logs" */
    /* The sentence in `err` is for the console. */
    int (*open)(const struct stream_surroundings *surroundings, const struct stream_open *open,
                const struct stream_events *events, void *owner, void **ret, struct error *err);
    void (*pause)(void *source); /* its user has no room */
    void (*resume)(void *source);
    void (*end_soon)(void *source); /* its container's run has ended; NULL: that is nothing to it */
    void (*close)(void *source);
};

/* NULL for a kind that this worker does not know. */
const struct stream_kind *stream_kind_find(const char *name);

extern const struct stream_kind stream_logs;     /* stream_logs.c */
extern const struct stream_kind stream_progress; /* pull_progress.c */
extern const struct stream_kind stream_export;   /* stream_contents.c, as those below */
extern const struct stream_kind stream_archive;
extern const struct stream_kind stream_diff;
extern const struct stream_kind stream_sizes;
extern const struct stream_kind stream_save;

#endif
