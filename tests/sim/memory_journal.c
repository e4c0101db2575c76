/*
 * A worker's journal that lives in memory (worker/io/journal.h): for simulated workers that are
 * not to cost a disk. It ends with its process; its rows are never read back, so none are kept.
 */
#include "worker/io/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/mem.h"

#define BLOCK_EVENTS 256

/* BLOCK_EVENTS events in a row, end to end. */
struct block {
    struct block *next;
    uint64_t first_seq;
    unsigned count;
    size_t ends[BLOCK_EVENTS];
    struct buffer bytes;
};

struct journal {
    struct journal_state state;
    struct block *oldest;
    struct block *newest;
    struct block *read_last; /* where the last reader began: the next one begins there or later */
};

/* NOLINTNEXTLINE(readability-non-const-parameter): the header's */
int journal_open(const char *directory, const char *host, const char *boot_id, struct journal **ret,
                 struct error *err)
{
    struct journal *journal = mem_new(struct journal);

    (void)directory;
    (void)host;
    (void)boot_id;
    if (getrandom(&journal->state.id, sizeof(journal->state.id), 0) != sizeof(journal->state.id)) {
        free(journal);
        return error_set_errno(err, "getrandom");
    }
    journal->state.incarnation = 1;
    memcpy(&journal->state.session, &journal->state.id, sizeof(journal->state.session));
    journal->state.first_seq = 1;
    *ret = journal;
    return 0;
}

static void drop_oldest(struct journal *journal)
{
    struct block *block = journal->oldest;

    journal->oldest = block->next;
    if (journal->newest == block)
        journal->newest = NULL;
    if (journal->read_last == block)
        journal->read_last = NULL;
    buffer_done(&block->bytes);
    free(block);
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    while (journal->oldest != NULL)
        drop_oldest(journal);
    free(journal);
}

const struct journal_state *journal_state(const struct journal *journal)
{
    return &journal->state;
}

int journal_load(struct journal *journal, enum journal_table table,
                 int (*load)(void *owner, struct bytes value, struct error *err), void *owner,
                 struct error *err)
{
    (void)journal;
    (void)table;
    (void)load;
    (void)owner;
    (void)err;
    return 0;
}

void journal_prepare(const struct journal *journal, struct journal_write *write)
{
    write->last_seq = journal->state.last_seq;
    write->cursor = journal->state.cursor;
}

static void put_event(struct journal *journal, const struct journal_change *change)
{
    struct block *block = journal->newest;

    assert(change->number == journal->state.last_seq + 1);
    if (block == NULL || block->count == BLOCK_EVENTS) {
        block = mem_new(struct block);
        block->first_seq = change->number;
        if (journal->newest != NULL)
            journal->newest->next = block;
        else
            journal->oldest = block;
        journal->newest = block;
    }
    buffer_append(&block->bytes, change->value.data, change->value.size);
    block->ends[block->count++] = block->bytes.size;
    journal->state.last_seq = change->number;
}

int journal_write(struct journal *journal, struct journal_write *write, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < write->count; i++) {
        if (write->changes[i].kind == JOURNAL_PUT_EVENT)
            put_event(journal, &write->changes[i]);
        else if (write->changes[i].kind == JOURNAL_SET_CURSOR)
            journal->state.cursor = write->changes[i].number;
    }
    return 0;
}

void journal_written(struct journal *journal, const struct journal_write *write)
{
    (void)journal;
    (void)write;
}

void journal_acked(struct journal *journal, uint64_t seq)
{
    assert(seq <= journal->state.last_seq);
    if (seq <= journal->state.acked_seq)
        return;
    journal->state.acked_seq = seq;
    while (journal->oldest != NULL &&
           journal->oldest->first_seq + journal->oldest->count - 1 <= seq)
        drop_oldest(journal);
    journal->state.first_seq =
        journal->oldest == NULL ? journal->state.last_seq + 1 : journal->oldest->first_seq;
}

void journal_welcomed(struct journal *journal)
{
    (void)journal;
}

void journal_set_log(struct journal *journal, struct command_id log, uint64_t epoch)
{
    journal->state.log = log;
    journal->state.epoch = epoch;
}

/* Nothing but events is kept, and those that a log had are gone. */
void journal_begin_log(struct journal *journal, struct command_id log, uint64_t epoch, uint64_t seq)
{
    journal_set_log(journal, log, epoch);
    journal_acked(journal, seq);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the header's */
int journal_take_snapshot(struct journal *journal, const struct journal_snapshot *snapshot,
                          uint64_t *ret_upto, struct error *err)
{
    (void)journal;
    (void)snapshot;
    (void)ret_upto;
    return error_set(err, -EOPNOTSUPP, "a journal in memory keeps nothing but events");
}

bool journal_wants_write(const struct journal *journal)
{
    (void)journal;
    return false;
}

static struct block *find_block(struct journal *journal, uint64_t seq)
{
    struct block *block = journal->read_last;

    if (block == NULL || block->first_seq > seq)
        block = journal->oldest;
    while (block != NULL && block->first_seq + block->count <= seq)
        block = block->next;
    journal->read_last = block;
    return block;
}

int journal_read(struct journal *journal, const struct journal_range *range, struct raw_list *ret,
                 struct arena *arena, struct error *err)
{
    struct raw_list list = { .items = arena_zeroed(arena, range->count_max * sizeof(struct raw)) };
    uint64_t seq = range->after + 1;
    struct block *block = find_block(journal, seq);
    size_t bytes = 0;

    (void)err;
    for (; block != NULL && list.count < range->count_max; seq++) {
        size_t at = seq - block->first_seq;
        size_t begin = at == 0 ? 0 : block->ends[at - 1];
        size_t size = block->ends[at] - begin;

        if (list.count > 0 && bytes + size > range->bytes_max)
            break;
        list.items[list.count].bytes.data =
            (const uint8_t *)arena_text_n(arena, (const char *)block->bytes.data + begin, size);
        list.items[list.count++].bytes.size = size;
        bytes += size;
        if (at + 1 == block->count)
            block = block->next;
    }
    *ret = list;
    return 0;
}

bool journal_is_full(const struct journal *journal)
{
    static const struct journal_limits usual = JOURNAL_LIMITS_USUAL;

    return journal->state.last_seq - journal->state.acked_seq > usual.events_max;
}
