/*
 * Where each stream ends, as one transaction sees it: what it changes is written once, at its end.
 *
 * Owner: the transaction, on its thread.
 */
#ifndef GANTRY_BROKER_IO_STREAM_HEADS_H
#define GANTRY_BROKER_IO_STREAM_HEADS_H

#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/io/store.h"

struct stream_head {
    uint64_t pos;      /* of its last record; 0: it never had one */
    unsigned unmarked; /* records up to it since the last one in the index */
};

struct changed_head;

/* Begins as { .store = the transaction's }. */
struct stream_heads {
    struct store_txn *store;
    struct changed_head *changed;
    struct arena arena; /* of these */
};

/* -EUCLEAN when it is damaged on the disk. */
int stream_heads_get(struct stream_heads *heads, const char *stream, struct stream_head *ret,
                     struct error *err);

/* The same, to be changed through the pointer. */
int stream_heads_change(struct stream_heads *heads, const char *stream, struct stream_head **ret,
                        struct error *err);

/* What was changed, into the store. */
int stream_heads_write(struct stream_heads *heads, struct error *err);

void stream_heads_done(struct stream_heads *heads);

#endif
