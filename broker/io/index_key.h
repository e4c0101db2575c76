/* A key of the log's index: a stream's name, NUL, a position. Sorts by stream, then by position. */
#ifndef GANTRY_BROKER_IO_INDEX_KEY_H
#define GANTRY_BROKER_IO_INDEX_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/id.h"

#define POSITION_SIZE  8
#define STREAM_KEY_MAX (NAME_SIZE_MAX + 16)

struct index_key {
    uint8_t bytes[STREAM_KEY_MAX];
    size_t size;
};

/* -ENAMETOOLONG when the stream's name is. */
int index_key_make(const char *stream, uint64_t pos, struct index_key *ret, struct error *err);

#endif
