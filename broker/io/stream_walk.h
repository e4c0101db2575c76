/*
 * The positions of a stream's records, in order.
 *
 * Each record names the one before it in its stream. The index has each STREAM_MARK_EVERYth record
 * of a stream: from there, or from the stream's head, the way back to where a walk stands is short.
 * An index that has more of them (an older Gantry's has all) is as good.
 */
#ifndef GANTRY_BROKER_IO_STREAM_WALK_H
#define GANTRY_BROKER_IO_STREAM_WALK_H

#include <stdint.h>

#include "broker/io/index_key.h"
#include "broker/io/stream_heads.h"
#include "common/error.h"

#define STREAM_MARK_EVERY 64

struct stream_walk {
    struct stream_heads *heads;
    char stream[STREAM_KEY_MAX];
    uint64_t after;                        /* what was given out last */
    uint64_t positions[STREAM_MARK_EVERY]; /* that come next, the last one first */
    unsigned count;
};

/* Note in the index, if it is its turn, the record that was appended; `head` is then the stream's
 * new one. -ENAMETOOLONG when the stream's name is. */
int stream_walk_mark(struct stream_heads *heads, const char *stream, struct stream_head *head,
                     struct error *err);

/* Records beyond `after`; none of a stream with too long a name: -ENAMETOOLONG. */
int stream_walk_begin(struct stream_walk *walk, struct stream_heads *heads, const char *stream,
                      uint64_t after, struct error *err);

/* 1 with a position, 0 at the end. The record there may be damaged: those before and behind it are
 * found all the same. -EUCLEAN when one is missing on the disk. */
int stream_walk_next(struct stream_walk *walk, uint64_t *ret, struct error *err);

#endif
