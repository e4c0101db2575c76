/* The worker's journal; see the header. */
#include "worker/io/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "common/io/store.h"
#include "common/mem.h"
#include "worker/io/journal_events.h"
#include "worker/io/journal_start.h"
#include "worker/io/sealed.h"

#define MAP_BYTES   (16ULL * 1024 * 1024 * 1024)
#define DROPS_WORTH 1000 /* so many acknowledged events are worth a write of their own */

enum table {
    TABLE_META = JOURNAL_META_TABLE,
    TABLE_EVENTS = JOURNAL_EVENTS_TABLE,
    TABLE_CONTAINERS,
    TABLE_UNITS,
    TABLE_COMMANDS,
    TABLE_IMAGES,
    TABLE_VOLUMES,
};

static const char *const tables[] = {
    "meta", "events", "containers", "units", "commands", "images", "volumes", NULL,
};

struct journal {
    struct store *store;
    struct journal_limits limits;
    struct journal_state state;
    char *new_boot_id; /* NULL: the disk says the same */
    struct sessions sessions;
    bool is_welcomed; /* this start, and the disk does not say so */
    struct journal_kept kept;
    uint64_t total;       /* bytes of all events ever written */
    uint64_t acked_total; /* of these, those up to the first that was not acknowledged */
};

/* The kept events are those from `first_seq` to `last_seq`. */
static int find_events(struct store_txn *txn, struct journal *journal, struct error *err)
{
    struct journal_state *state = &journal->state;
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    struct bytes key = { 0 };
    struct bytes value;
    int r = sealed_get_number(txn, TABLE_META, "last", &state->last_seq, err);

    if (r == 0)
        r = store_walk(txn, TABLE_EVENTS, (struct bytes){ 0 }, &cursor, err);
    if (r == 0)
        r = store_next(cursor, &key, &value, err);
    if (r < 0)
        return r;
    state->first_seq = r == 0 ? state->last_seq + 1 : store_key_read_u64(key);
    journal->kept.first_seq = state->first_seq;
    journal_events_look(txn, &journal->kept);
    r = sealed_get_number(txn, TABLE_META, "lost_until", &state->lost_until, err);
    journal->kept.lost_until = state->lost_until;
    if (r == 0)
        r = sealed_get_number(txn, TABLE_META, "total", &journal->total, err);
    journal->acked_total = journal->total;
    if (r == 0 && state->acked_seq < state->last_seq)
        journal_events_total(txn, state->acked_seq + 1, &journal->acked_total);
    return r;
}

static int read_state(struct store_txn *txn, struct journal *journal, struct error *err)
{
    struct journal_state *state = &journal->state;
    int r = sealed_get_id(txn, TABLE_META, "id", &state->id, err);

    if (r == 0)
        r = sealed_get_number(txn, TABLE_META, "acked", &state->acked_seq, err);
    if (r == 0)
        r = sealed_get_number(txn, TABLE_META, "cursor", &state->cursor, err);
    if (r == 0)
        r = sealed_get_id(txn, TABLE_META, "log", &state->log, err);
    if (r == 0)
        r = sealed_get_number(txn, TABLE_META, "epoch", &state->epoch, err);
    return r == 0 ? find_events(txn, journal, err) : r;
}

static int begin(struct journal *journal, const char *host, const char *boot_id, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    struct journal_start start = { 0 };
    int r = store_begin(journal->store, STORE_WRITE, &txn, err);

    if (r == 0)
        r = journal_start_begin(txn, host, boot_id, &start, err);
    if (r < 0)
        return r;
    journal->state.incarnation = start.incarnation;
    journal->state.session = start.sessions.recent[0];
    journal->state.before = start.before;
    journal->state.is_rebooted = start.is_rebooted;
    journal->sessions = start.sessions;
    if (start.is_rebooted)
        journal->new_boot_id = mem_dup_text(boot_id);
    r = read_state(txn, journal, err);
    return r == 0 ? store_commit(steal_ptr(txn), err) : r;
}

int journal_open(const char *directory, const char *host, const char *boot_id, struct journal **ret,
                 struct error *err)
{
    static const struct journal_limits usual = JOURNAL_LIMITS_USUAL;
    autodestroy(journal) struct journal *journal = mem_new(struct journal);
    int r = store_open(directory, tables, MAP_BYTES, &journal->store, err);

    journal->limits = usual;
    if (r == 0)
        r = begin(journal, host, boot_id, err);
    if (r < 0)
        return error_add_context(err, r, "journal %s", directory);
    *ret = steal_ptr(journal);
    return 0;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    store_close(journal->store);
    free(journal->new_boot_id);
    free(journal);
}

const struct journal_state *journal_state(const struct journal *journal)
{
    return &journal->state;
}

void journal_set_limits(struct journal *journal, const struct journal_limits *limits)
{
    journal->limits = *limits;
}

static int load_all(struct store_txn *txn, enum table table,
                    int (*load)(void *owner, struct bytes value, struct error *err), void *owner,
                    struct error *err)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    struct bytes key;
    struct bytes sealed;
    struct bytes value;
    int r = store_walk(txn, table, (struct bytes){ 0 }, &cursor, err);

    if (r < 0)
        return r;
    while ((r = store_next(cursor, &key, &sealed, err)) > 0) {
        r = sealed_unwrap(sealed, &value, err);
        if (r == 0)
            r = load(owner, value, err);
        if (r < 0)
            return error_add_context(err, r, "table %s", tables[table]);
    }
    return r;
}

int journal_load(struct journal *journal, enum journal_table table,
                 int (*load)(void *owner, struct bytes value, struct error *err), void *owner,
                 struct error *err)
{
    static const enum table of[] = { [JOURNAL_CONTAINERS] = TABLE_CONTAINERS,
                                     [JOURNAL_UNITS] = TABLE_UNITS,
                                     [JOURNAL_COMMANDS] = TABLE_COMMANDS,
                                     [JOURNAL_IMAGES] = TABLE_IMAGES,
                                     [JOURNAL_VOLUMES] = TABLE_VOLUMES };
    autodestroy(store_txn) struct store_txn *txn = NULL;
    int r = store_begin(journal->store, STORE_READ, &txn, err);

    return r == 0 ? load_all(txn, of[table], load, owner, err) : r;
}

int journal_take_snapshot(struct journal *journal, const struct journal_snapshot *snapshot,
                          uint64_t *ret_upto, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    int r = store_begin(journal->store, STORE_READ, &txn, err);

    if (r == 0)
        r = sealed_get_number(txn, TABLE_META, "last", ret_upto, err);
    if (r == 0)
        r = load_all(txn, TABLE_CONTAINERS, snapshot->on_row, snapshot->owner, err);
    if (r == 0)
        r = load_all(txn, TABLE_IMAGES, snapshot->on_image, snapshot->owner, err);
    if (r == 0)
        r = load_all(txn, TABLE_VOLUMES, snapshot->on_volume, snapshot->owner, err);
    return r == 0 ? load_all(txn, TABLE_COMMANDS, snapshot->on_command, snapshot->owner, err) : r;
}

void journal_prepare(const struct journal *journal, struct journal_write *write)
{
    const struct journal_state *state = &journal->state;

    write->acked_seq = state->acked_seq;
    write->boot_id = journal->new_boot_id;
    if (journal->is_welcomed)
        sessions_write(&journal->sessions, &write->sessions);
    write->log = state->log;
    write->epoch = state->epoch;
    write->kept = journal->kept;
    write->acked_total = journal->acked_total;
    write->now_ns = clock_wall_ns();
    write->last_seq = state->last_seq;
    write->cursor = state->cursor;
    write->total = journal->total;
}

static int put_event(struct store_txn *txn, struct journal_write *write,
                     const struct journal_change *change, struct error *err)
{
    assert(change->number == write->last_seq + 1);
    write->total += change->value.size;
    write->last_seq = change->number;
    return journal_events_put(txn, change->number, write->total, change->value, err);
}

static int removed(int r)
{
    return r == -ENOENT ? 0 : r;
}

static int apply_change(struct store_txn *txn, struct journal_write *write,
                        const struct journal_change *change, struct error *err)
{
    struct bytes id = bytes_of_text(change->id);
    uint8_t number[8];
    struct bytes key = { .data = number, .size = sizeof(number) };

    store_key_u64(change->number, number);
    switch (change->kind) {
    case JOURNAL_PUT_EVENT:
        return put_event(txn, write, change, err);
    case JOURNAL_PUT_CONTAINER:
        return sealed_put(txn, TABLE_CONTAINERS, id, change->value, err);
    case JOURNAL_REMOVE_CONTAINER:
        return removed(store_delete(txn, TABLE_CONTAINERS, id, err));
    case JOURNAL_PUT_UNIT:
        return sealed_put(txn, TABLE_UNITS, id, change->value, err);
    case JOURNAL_REMOVE_UNIT:
        return removed(store_delete(txn, TABLE_UNITS, id, err));
    case JOURNAL_PUT_COMMAND:
        return sealed_put(txn, TABLE_COMMANDS, key, change->value, err);
    case JOURNAL_REMOVE_COMMAND:
        return removed(store_delete(txn, TABLE_COMMANDS, key, err));
    case JOURNAL_PUT_IMAGE:
        return sealed_put(txn, TABLE_IMAGES, id, change->value, err);
    case JOURNAL_REMOVE_IMAGE:
        return removed(store_delete(txn, TABLE_IMAGES, id, err));
    case JOURNAL_PUT_VOLUME:
        return sealed_put(txn, TABLE_VOLUMES, id, change->value, err);
    case JOURNAL_REMOVE_VOLUME:
        return removed(store_delete(txn, TABLE_VOLUMES, id, err));
    case JOURNAL_SET_CURSOR:
        write->cursor = change->number;
        return 0;
    }
    return error_set(err, -EINVAL, "no change has number %d", (int)change->kind);
}

/* The log has the oldest events for long enough: they go, some with each transaction. */
static int drop_acked(struct store_txn *txn, const struct journal_limits *limits,
                      struct journal_write *write, struct error *err)
{
    const struct journal_told told = {
        .acked_seq = write->acked_seq,
        .acked_total = write->acked_total,
        .now_ns = write->now_ns,
    };
    uint64_t first = write->kept.first_seq;
    int r;

    if (write->kept.first_happened == 0 && first <= write->last_seq)
        journal_events_look(txn, &write->kept);
    r = journal_events_drop(txn, limits, &told, &write->kept, err);
    if (r == 0 && write->kept.first_seq != first)
        r = sealed_put_number(txn, TABLE_META, "lost_until", write->kept.lost_until, err);
    return r;
}

static int put_progress(struct store_txn *txn, const struct journal_write *write, struct error *err)
{
    int r = sealed_put_number(txn, TABLE_META, "last", write->last_seq, err);

    if (r == 0)
        r = sealed_put_number(txn, TABLE_META, "total", write->total, err);
    if (r == 0)
        r = sealed_put_number(txn, TABLE_META, "cursor", write->cursor, err);
    if (r == 0)
        r = sealed_put_number(txn, TABLE_META, "acked", write->acked_seq, err);
    if (r == 0)
        r = sealed_put_id(txn, TABLE_META, "log", write->log, err);
    if (r == 0 && write->boot_id != NULL)
        r = journal_start_put_boot(txn, write->boot_id, err);
    return r == 0 ? sealed_put_number(txn, TABLE_META, "epoch", write->epoch, err) : r;
}

static int write_all(struct journal *journal, struct journal_write *write, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    int r = store_begin(journal->store, STORE_WRITE, &txn, err);

    for (size_t i = 0; r == 0 && i < write->count; i++)
        r = apply_change(txn, write, &write->changes[i], err);
    if (r == 0)
        r = drop_acked(txn, &journal->limits, write, err);
    if (r == 0)
        r = put_progress(txn, write, err);
    if (r == 0 && write->sessions.size > 0)
        r = journal_start_put_sessions(txn, &write->sessions, err);
    return r == 0 ? store_commit(steal_ptr(txn), err) : r;
}

int journal_write(struct journal *journal, struct journal_write *write, struct error *err)
{
    struct journal_write attempt = *write; /* a failed one leaves no trace */
    int r = write_all(journal, &attempt, err);

    if (r < 0)
        return error_add_context(err, r, "write the journal");
    *write = attempt;
    return 0;
}

void journal_written(struct journal *journal, const struct journal_write *write)
{
    struct journal_state *state = &journal->state;

    journal->kept = write->kept;
    state->first_seq = write->kept.first_seq;
    state->lost_until = write->kept.lost_until;
    state->last_seq = write->last_seq;
    state->cursor = write->cursor;
    journal->total = write->total;
    if (state->acked_seq == state->last_seq)
        journal->acked_total = journal->total;
    if (command_id_equal(write->log, state->log) && write->epoch == state->epoch)
        state->is_log_new = false;
    if (write->sessions.size > 0)
        journal->is_welcomed = false;
    if (write->boot_id != NULL) {
        free(journal->new_boot_id);
        journal->new_boot_id = NULL;
    }
}

static void set_acked(struct journal *journal, uint64_t seq)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    struct journal_state *state = &journal->state;

    state->acked_seq = seq;
    if (seq == state->last_seq)
        journal->acked_total = journal->total;
    else if (store_begin(journal->store, STORE_READ, &txn, NULL) == 0)
        journal_events_total(txn, seq + 1, &journal->acked_total);
}

void journal_acked(struct journal *journal, uint64_t seq)
{
    assert(seq <= journal->state.last_seq);
    if (seq > journal->state.acked_seq)
        set_acked(journal, seq);
}

void journal_set_log(struct journal *journal, struct command_id log, uint64_t epoch)
{
    struct journal_state *state = &journal->state;

    if (command_id_equal(state->log, log) && state->epoch == epoch)
        return;
    state->log = log;
    state->epoch = epoch;
    state->is_log_new = true;
}

void journal_begin_log(struct journal *journal, struct command_id log, uint64_t epoch, uint64_t seq)
{
    struct journal_state *state = &journal->state;

    assert(seq <= state->last_seq);
    state->log = log;
    state->epoch = epoch;
    state->is_log_new = true;
    set_acked(journal, seq);
}

void journal_welcomed(struct journal *journal)
{
    if (journal->sessions.welcomed == journal->state.session)
        return;
    sessions_welcome(&journal->sessions);
    journal->is_welcomed = true;
}

/* Time alone is not worth a write. */
bool journal_wants_write(const struct journal *journal)
{
    const struct journal_state *state = &journal->state;
    const struct journal_told told = {
        .acked_seq = state->acked_seq,
        .acked_total = journal->acked_total,
    };
    struct journal_kept later = journal->kept;

    later.first_seq += DROPS_WORTH;
    later.first_happened = UINT64_MAX / 2;
    return state->is_log_new || journal->is_welcomed || journal->new_boot_id != NULL ||
           journal_limits_let_go(&journal->limits, &later, &told);
}

int journal_read(struct journal *journal, const struct journal_range *range, struct raw_list *ret,
                 struct arena *arena, struct error *err)
{
    autodestroy(store_txn) struct store_txn *txn = NULL;
    int r = store_begin(journal->store, STORE_READ, &txn, err);

    if (r == 0)
        r = journal_events_read(txn, range, ret, arena, err);
    return r < 0 ? error_add_context(err, r, "read the journal") : 0;
}

bool journal_is_full(const struct journal *journal)
{
    const struct journal_state *state = &journal->state;

    return state->last_seq - state->acked_seq > journal->limits.events_max ||
           journal->total - journal->acked_total > journal->limits.bytes_max;
}
