/*
 * Where the last lines of a log begin: found by reading it backwards, block by block.
 *
 * A full line may be several of the file's lines, its parts ("P") and its end ("F"), between
 * which those of the other channel may stand; so each channel has a beginning of its own. A last
 * line that has no end yet counts as one.
 *
 * In place: log_tail_init(), log_tail_step() until it is done, log_tail_done(). Blocking reads.
 */
#ifndef GANTRY_WORKER_IO_LOG_TAIL_H
#define GANTRY_WORKER_IO_LOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "worker/io/log_line.h"

struct log_tail_channel {
    uint64_t first;  /* offset of its earliest part that is wanted */
    bool has_any;    /* `first` is set */
    bool is_bounded; /* what lies before `first` is not wanted */
};

struct log_tail {
    int fd; /* borrowed */
    uint64_t wanted;
    uint64_t counted;
    uint64_t end;    /* of the file's last whole line; what comes behind is wanted always */
    uint64_t begin;  /* offset of the first byte in the window */
    uint8_t *window; /* read and not yet dealt with */
    size_t size;
    size_t searched; /* bytes that were looked at since enough were counted */
    bool has_end;    /* `end` is known */
    struct log_tail_channel channels[LOG_CHANNEL_COUNT];
};

/* `size` is the file's. `wanted` is the number of full lines. */
void log_tail_init(struct log_tail *tail, int fd, uint64_t size, uint64_t wanted);
void log_tail_done(struct log_tail *tail);

/* Go on for one block. `ret_is_done` when the beginnings are known. */
int log_tail_step(struct log_tail *tail, bool *ret_is_done, struct error *err);

/* From where to read. */
uint64_t log_tail_offset(const struct log_tail *tail);

/* Whether a part of `channel` that begins at `offset` is wanted. */
bool log_tail_wants(const struct log_tail *tail, uint32_t channel, uint64_t offset);

#endif
