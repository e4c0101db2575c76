/* All records of a log, decoded ahead; see the header. */
#include "broker/record_reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/mem.h"
#include "schemas/codec.h"

#define BATCH_RECORDS 256
#define BATCHES       4 /* one is read from, the others are ahead */

/* Records on their way from one thread to the other: whoever has the batch has all of it. */
struct batch {
    struct arena arena; /* of the records; bodies are borrowed from the transaction */
    struct record records[BATCH_RECORDS];
    size_t count;
    int result; /* 1: there are more batches; else what ended the walk behind these records */
    struct error failure;
};

struct record_reader {
    struct log *log;
    uint64_t after;
    pthread_t thread;
    struct batch batches[BATCHES];
    size_t next; /* in the batch that is read from */

    pthread_mutex_t mutex; /* of the rest */
    pthread_cond_t changed;
    uint64_t filled; /* batches so far */
    uint64_t emptied;
    bool is_ending;
};

static int decode(const struct log_entry *entry, struct record *ret, struct arena *arena,
                  struct error *err)
{
    /* Its checksum says that it is what schema_encode() made. */
    int r = schema_decode_guarded(&record_schema, entry->record, ret, arena, err);

    return r < 0 ? error_add_context(err, r, "record %llu", (unsigned long long)entry->pos) : 0;
}

static void fill(struct batch *batch, struct log_cursor *cursor)
{
    struct log_entry entry;

    arena_done(&batch->arena);
    batch->count = 0;
    do {
        batch->result = log_next(cursor, &entry, &batch->failure);
        if (batch->result <= 0)
            return;
        if (decode(&entry, &batch->records[batch->count], &batch->arena, &batch->failure) < 0) {
            batch->result = batch->failure.code;
            return;
        }
        batch->count++;
    } while (batch->count < BATCH_RECORDS);
}

/* The next empty batch; NULL when nobody wants more. */
static struct batch *wait_for_empty(struct record_reader *reader)
{
    bool is_ending;

    (void)pthread_mutex_lock(&reader->mutex);
    while (!reader->is_ending && reader->filled - reader->emptied == BATCHES)
        (void)pthread_cond_wait(&reader->changed, &reader->mutex);
    is_ending = reader->is_ending;
    (void)pthread_mutex_unlock(&reader->mutex);
    return is_ending ? NULL : &reader->batches[reader->filled % BATCHES];
}

static void hand_over(struct record_reader *reader)
{
    (void)pthread_mutex_lock(&reader->mutex);
    reader->filled++;
    (void)pthread_cond_broadcast(&reader->changed);
    (void)pthread_mutex_unlock(&reader->mutex);
}

/* Bodies are in the transaction: it ends when nobody wants them any more. */
static void wait_for_end(struct record_reader *reader)
{
    (void)pthread_mutex_lock(&reader->mutex);
    while (!reader->is_ending)
        (void)pthread_cond_wait(&reader->changed, &reader->mutex);
    (void)pthread_mutex_unlock(&reader->mutex);
}

static int begin(struct record_reader *reader, struct log_txn **ret_txn,
                 struct log_cursor **ret_cursor, struct error *err)
{
    int r = log_begin(reader->log, LOG_READ, ret_txn, err);

    return r < 0 ? r : log_walk(*ret_txn, NULL, reader->after, ret_cursor, err);
}

static void *read_ahead(void *arg)
{
    struct record_reader *reader = arg;
    struct log_txn *txn = NULL;
    struct log_cursor *cursor = NULL;
    struct batch *batch = wait_for_empty(reader);
    int r = 1;

    if (batch != NULL && begin(reader, &txn, &cursor, &batch->failure) < 0) {
        batch->result = batch->failure.code;
        hand_over(reader);
        batch = NULL;
    }
    while (batch != NULL && r > 0) {
        fill(batch, cursor);
        r = batch->result;
        hand_over(reader);
        if (r > 0)
            batch = wait_for_empty(reader);
    }
    wait_for_end(reader);
    log_walk_end(cursor);
    log_abort(txn);
    return NULL;
}

int record_reader_new(struct log *log, uint64_t after, struct record_reader **ret,
                      struct error *err)
{
    struct record_reader *reader = mem_new(struct record_reader);
    int r;

    reader->log = log;
    reader->after = after;
    (void)pthread_mutex_init(&reader->mutex, NULL);
    (void)pthread_cond_init(&reader->changed, NULL);
    r = pthread_create(&reader->thread, NULL, read_ahead, reader);
    if (r != 0) {
        free(reader);
        return error_set(err, -r, "start the thread that reads the log");
    }
    *ret = reader;
    return 0;
}

void record_reader_destroy(struct record_reader *reader)
{
    if (reader == NULL)
        return;
    (void)pthread_mutex_lock(&reader->mutex);
    reader->is_ending = true;
    (void)pthread_cond_broadcast(&reader->changed);
    (void)pthread_mutex_unlock(&reader->mutex);
    (void)pthread_join(reader->thread, NULL);
    for (size_t i = 0; i < BATCHES; i++)
        arena_done(&reader->batches[i].arena);
    (void)pthread_cond_destroy(&reader->changed);
    (void)pthread_mutex_destroy(&reader->mutex);
    free(reader);
}

/* The batch that is read from, once it is there. */
static struct batch *wait_for_full(struct record_reader *reader)
{
    (void)pthread_mutex_lock(&reader->mutex);
    while (reader->filled == reader->emptied)
        (void)pthread_cond_wait(&reader->changed, &reader->mutex);
    (void)pthread_mutex_unlock(&reader->mutex);
    return &reader->batches[reader->emptied % BATCHES];
}

static void give_back(struct record_reader *reader)
{
    reader->next = 0;
    (void)pthread_mutex_lock(&reader->mutex);
    reader->emptied++;
    (void)pthread_cond_broadcast(&reader->changed);
    (void)pthread_mutex_unlock(&reader->mutex);
}

int record_reader_next(struct record_reader *reader, const struct record **ret, struct error *err)
{
    struct batch *batch = &reader->batches[reader->emptied % BATCHES];

    if (reader->next == 0)
        batch = wait_for_full(reader);
    if (reader->next == batch->count && batch->result > 0) {
        give_back(reader);
        batch = wait_for_full(reader);
    }
    if (reader->next < batch->count) {
        *ret = &batch->records[reader->next++];
        return 1;
    }
    /* The last batch stays, and is asked again. */
    return batch->result < 0 ? error_set(err, batch->result, "%s", batch->failure.text) : 0;
}
