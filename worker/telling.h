/*
 * What a worker knows of its host, as it tells it to a log that does not know it: a snapshot of the
 * journal, page by page. In its owner's memory. Thread: the loop's.
 */
#ifndef GANTRY_WORKER_TELLING_H
#define GANTRY_WORKER_TELLING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "schemas/bus.h"
#include "worker/io/journal.h"

#define TELLING_ITEMS_MAX 500 /* in a page */

struct telling_items {
    struct raw *items; /* bytes in `arena` */
    size_t count;
    size_t capacity;
};

struct telling {
    struct arena arena;
    struct telling_items rows;
    struct telling_items images;
    struct telling_items volumes;
    struct telling_items commands;
    uint64_t recovery; /* as the broker has said; 0: nothing is to be told */
    uint64_t upto;     /* the journal's end in the snapshot */
    uint64_t told;     /* of all of these, what the broker has */
    uint64_t asked;    /* of these, with the page that is under way */
};

/* Take the snapshot, for the recovery of that number. */
int telling_begin(struct telling *telling, struct journal *journal, uint64_t recovery,
                  struct error *err);
/* Also of one that is { 0 }. */
void telling_end(struct telling *telling);

/* All that there is to tell. */
uint64_t telling_total(const struct telling *telling);

/* The next page; borrowed until the telling goes on or ends. Who asks fills in the rest. */
void telling_page(struct telling *telling, struct recover *ret);
/* The broker has it. True: it was the last. */
bool telling_went(struct telling *telling);

#endif
