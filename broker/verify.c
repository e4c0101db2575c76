/* Verifying a log; see the header. */
#include "broker/verify.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uthash.h>

#include "broker/view_base.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/fleet/log_check.h"
#include "common/mem.h"
#include "schemas/codec.h"

/* What the records say of a stream. */
struct stream {
    char *name;
    uint64_t head;
    uint64_t count;
    UT_hash_handle hh;
};

struct verification {
    struct log_txn *txn;
    struct log_state state;
    struct log_check *check;
    struct stream *streams;
    bool has_damaged_rows;
    bool is_damaged; /* there are records that cannot be read: what else is wrong may follow */
};

/* The last record that could be read: for who is told that a page cannot be. */
static volatile uint64_t reached;

/* LMDB trusts its pages: one that is damaged leads anywhere. */
static void on_fault(int signal_number)
{
    static const char text[] =
        "the pages of the file are damaged, and cannot be read behind record ";
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t pos = reached;

    (void)signal_number;
    digits[--at] = '\n';
    do {
        digits[--at] = (char)('0' + pos % 10);
        pos /= 10;
    } while (pos > 0);
    (void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
    (void)!write(STDOUT_FILENO, digits + at, sizeof(digits) - at);
    _exit(EXIT_FAILURE);
}

static void expect_faults(void)
{
    static const int signals[] = { SIGBUS, SIGSEGV, SIGABRT };
    const struct sigaction action = { .sa_handler = on_fault };

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        (void)sigaction(signals[i], &action, NULL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    reached = 0;
}

static void note_stream(struct verification *verification, const struct record *record)
{
    struct stream *stream = NULL;

    HASH_FIND_STR(verification->streams, record->stream, stream);
    if (stream == NULL) {
        stream = mem_new(struct stream);
        stream->name = mem_dup_text(record->stream);
        HASH_ADD_KEYPTR(hh, verification->streams, stream->name, strlen(stream->name), stream);
    }
    stream->head = record->pos;
    stream->count++;
}

static void note_damage(struct verification *verification, uint64_t pos, const struct error *why)
{
    verification->is_damaged = true;
    log_check_fault(verification->check, pos, "%s", why->text);
}

static int verify_record(struct verification *verification, const struct log_entry *entry,
                         struct error *err)
{
    autoarena arena = { 0 };
    struct error why = { 0 };
    struct record record;

    if (schema_decode(&record_schema, entry->record, &record, &arena, &why) < 0) {
        note_damage(verification, entry->pos, &why);
        return 0;
    }
    if (record.pos != entry->pos)
        log_check_fault(verification->check, entry->pos, "it says that it is at %llu",
                        (unsigned long long)record.pos);
    if (record.stream == NULL || record.type == NULL) {
        log_check_fault(verification->check, entry->pos, "it has no stream, or no type");
        return 0;
    }
    note_stream(verification, &record);
    reached = entry->pos;
    return log_check_add(verification->check, &record, err);
}

/* 1: there may be more; 0: the walk has ended. */
static int verify_next(struct verification *verification, struct log_cursor *cursor,
                       struct error *err)
{
    struct log_entry entry = { 0 };
    struct error why = { 0 };
    int r = log_next(cursor, &entry, &why);

    if (r == 0)
        return 0;
    if (r < 0) {
        note_damage(verification, entry.pos != 0 ? entry.pos : reached, &why);
        return entry.pos != 0 ? 1 : 0; /* else it ends here: behind the last that was read */
    }
    r = verify_record(verification, &entry, err);
    return r < 0 ? r : 1;
}

static int verify_records(struct verification *verification, struct error *err)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    int r;

    r = log_walk(verification->txn, NULL, 0, &cursor, err);
    if (r < 0)
        return r;
    do
        r = verify_next(verification, cursor, err);
    while (r > 0);
    return r;
}

/* How many records the index has of a stream; it ends at the first that is not there. */
static uint64_t count_index(struct verification *verification, const struct stream *stream)
{
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    struct log_entry entry;
    uint64_t count = 0;

    if (log_walk(verification->txn, stream->name, 0, &cursor, NULL) < 0)
        return 0;
    while (log_next(cursor, &entry, NULL) > 0)
        count++;
    return count;
}

static void verify_stream(struct verification *verification, const struct stream *stream)
{
    struct error why = { 0 };
    uint64_t count = count_index(verification, stream);
    uint64_t head = 0;

    if (count != stream->count)
        log_check_fault(verification->check, stream->head,
                        "it is the last of %llu records of %.255s, and their index has %llu",
                        (unsigned long long)stream->count, stream->name, (unsigned long long)count);
    if (log_stream_head(verification->txn, stream->name, &head, &why) < 0)
        log_check_fault(verification->check, stream->head, "%s", why.text);
    else if (head != stream->head)
        log_check_fault(verification->check, stream->head,
                        "it is the last record of %.255s, and its head is %llu", stream->name,
                        (unsigned long long)head);
}

static int pass(void *owner, struct bytes key, struct bytes value)
{
    (void)owner;
    (void)key;
    (void)value;
    return 0;
}

/* The first damaged row of each table: the view's, the numbers, the base's. */
static void verify_rows(struct verification *verification)
{
    const char *tables[VIEW_STORE_TABLES_MAX + 1];

    view_store_tables(tables);
    for (unsigned i = 0; tables[i] != NULL; i++) {
        struct error why = { 0 };

        if (log_table_walk(verification->txn, i, (struct bytes){ 0 }, pass, NULL, &why) == 0)
            continue;
        verification->has_damaged_rows = true;
        log_check_fault(verification->check, verification->state.head, "table %s: %s", tables[i],
                        why.text);
    }
}

/* The view that is kept against the base and a fold of the records. */
static int verify_view(struct verification *verification, struct error *err)
{
    const struct view kept = view_store_in(verification->txn);
    uint64_t version = 0;
    uint64_t found = 0;
    uint64_t expected = 0;
    int r;

    r = view_store_number(verification->txn, "view_version", &version, err);
    if (r == 0 && version != VIEW_VERSION)
        return 0; /* it will be made anew */
    if (r == 0)
        r = view_hash(log_check_view(verification->check), &expected, err);
    if (r == 0)
        r = view_hash(&kept, &found, err);
    if (r < 0)
        return error_add_context(err, r, "read the view");
    if (found != expected)
        log_check_fault(verification->check, verification->state.head,
                        "the view that is kept is %016llx, and a fold of the log gives %016llx",
                        (unsigned long long)found, (unsigned long long)expected);
    return 0;
}

static int verify_all(struct verification *verification, struct error *err)
{
    struct stream *stream;
    struct stream *next;
    int r = 0;

    verify_rows(verification);
    if (verification->state.floor > 0 && !verification->has_damaged_rows)
        r = view_base_copy(verification->txn, log_check_view(verification->check), err);
    if (r < 0)
        return r;
    r = verify_records(verification, err);
    if (r < 0 || verification->is_damaged || verification->has_damaged_rows)
        return r; /* all else would only say the same again */
    HASH_ITER(hh, verification->streams, stream, next)
    {
        verify_stream(verification, stream);
    }
    return verify_view(verification, err);
}

static void report(const struct verification *verification)
{
    const struct log_counts counts = log_check_counts(verification->check);
    const struct log_fault *fault;

    for (size_t i = 0; (fault = log_check_fault_at(verification->check, i)) != NULL; i++)
        printf("record %llu: %s\n", (unsigned long long)fault->pos, fault->text);
    if (counts.recoveries > 0)
        printf("%llu times a host told what the log lacked; outcomes and events that its worker no "
               "longer had are not here\n",
               (unsigned long long)counts.recoveries);
    printf("epoch %llu, %llu records from position %llu to %llu in %llu streams: %llu faults\n",
           (unsigned long long)verification->state.epoch, (unsigned long long)counts.records,
           (unsigned long long)verification->state.floor + 1,
           (unsigned long long)verification->state.head, (unsigned long long)counts.streams,
           (unsigned long long)counts.faults);
}

static void forget_streams(struct verification *verification)
{
    struct stream *stream;
    struct stream *next;

    HASH_ITER(hh, verification->streams, stream, next)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot see that the table forgets it */
        HASH_DEL(verification->streams, stream);
        free(stream->name);
        free(stream);
    }
}

int verify_log(struct log *log, bool *ret_is_sound, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    autodestroy(log_check) struct log_check *check = NULL;
    struct verification verification = { 0 };
    int r;

    expect_faults();
    r = log_begin(log, LOG_READ, &txn, err);
    if (r == 0)
        r = log_state(txn, &verification.state, err);
    if (r < 0)
        return r;
    check = log_check_new(verification.state.floor);
    verification.txn = txn;
    verification.check = check;
    r = verify_all(&verification, err);
    forget_streams(&verification);
    if (r < 0)
        return r;
    report(&verification);
    *ret_is_sound = log_check_counts(check).faults == 0;
    return 0;
}
