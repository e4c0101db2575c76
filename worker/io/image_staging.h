/*
 * What the store and its batches know of each other. For image_store.c and image_staging.c alone:
 * everybody else asks image_store.h.
 */
#ifndef GANTRY_WORKER_IO_IMAGE_STAGING_H
#define GANTRY_WORKER_IO_IMAGE_STAGING_H

#include <pthread.h>
#include <stdbool.h>

#include "worker/io/image_store.h"

struct staged {
    struct staged *next;
    enum stored_kind kind;
    char hex[DIGEST_HEX_SIZE + 1];
    bool is_taken; /* made by this batch, and not yet in the store */
};

struct image_batch {
    struct image_batch *next; /* of the store's */
    struct image_store *store;
    char *name; /* "staging/<number>" */
    char *path;
    int fd;
    struct staged *pins;
};

struct image_store {
    char *path;
    int fd;
    int lock_fd;
    pthread_mutex_t lock; /* the two below, and what users of image_store_lock() say */
    struct image_batch *batches;
    uint64_t opened_ms;        /* part of the batches' names: a skopeo that outlived its worker
                                * must not write into the next one's */
    unsigned long batch_count; /* ever begun */
};

#endif
