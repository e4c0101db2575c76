/* Whether a log is what it promises; see the header. */
#include "common/fleet/log_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <uthash.h>

#include "common/fleet/memory_view.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/events.h"
#include "schemas/failure.h"

/* How far a stream, or a host's journal, has come. */
struct place {
    char *name;                /* the key */
    uint64_t number;           /* last position, or last journal_seq */
    struct command_id journal; /* of a host */
    bool is_whole;             /* of a host: its journal is kept from the beginning on */
    bool is_recovering;        /* of a host: its worker tells what the log lacks */
    UT_hash_handle hh;
};

struct log_check {
    uint64_t beginning;
    uint64_t pos;
    struct place *streams;
    struct place *hosts;
    struct memory_view *memory;
    struct log_counts counts;
    struct log_fault faults[LOG_CHECK_FAULTS_MAX];
};

struct log_check *log_check_new(uint64_t beginning)
{
    struct log_check *check = mem_new(struct log_check);

    check->beginning = beginning;
    check->memory = memory_view_new();
    return check;
}

static void drop_places(struct place **places)
{
    struct place *place;
    struct place *next;

    HASH_ITER(hh, *places, place, next)
    {
        HASH_DEL(*places, place); /* NOLINT(clang-analyzer-unix.Malloc): it misreads uthash */
        free(place->name);
        free(place);
    }
}

void log_check_destroy(struct log_check *check)
{
    if (check == NULL)
        return;
    drop_places(&check->streams);
    drop_places(&check->hosts);
    memory_view_destroy(check->memory);
    free(check);
}

void log_check_fault(struct log_check *check, uint64_t pos, const char *fmt, ...)
{
    struct log_fault *fault;
    va_list args;

    if (check->counts.faults++ >= LOG_CHECK_FAULTS_MAX)
        return;
    fault = &check->faults[check->counts.faults - 1];
    fault->pos = pos;
    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it misses va_start when it inlines */
    (void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
    va_end(args);
}

/* The place of that name; a new one is at 0. */
static struct place *place_of(struct place **places, const char *name, bool *ret_is_new)
{
    struct place *place = NULL;

    HASH_FIND_STR(*places, name, place);
    *ret_is_new = place == NULL;
    if (place != NULL)
        return place;
    place = mem_new(struct place);
    place->name = mem_dup_text(name);
    HASH_ADD_KEYPTR(hh, *places, place->name, strlen(place->name), place);
    return place;
}

static void check_position(struct log_check *check, const struct record *record)
{
    uint64_t least = check->pos > check->beginning ? check->pos : check->beginning;

    if (record->pos <= least)
        log_check_fault(check, record->pos, "it comes behind %llu: positions do not grow",
                        (unsigned long long)least);
}

static void check_prev(struct log_check *check, const struct record *record)
{
    bool is_new = false;
    struct place *stream = place_of(&check->streams, record->stream, &is_new);
    /* The first one that is kept may name one that is not. */
    bool is_linked = is_new ? record->prev <= check->beginning : record->prev == stream->number;

    if (!is_linked)
        log_check_fault(
            check, record->pos, "it names %llu as the record before it in %.280s, and that is %llu",
            (unsigned long long)record->prev, record->stream, (unsigned long long)stream->number);
    stream->number = record->pos;
    check->counts.streams += is_new;
}

static void check_stream(struct log_check *check, const struct record *record)
{
    autoarena arena = { 0 };
    const char *host = record->host != NULL ? record->host : "";
    const char *wanted = STREAM_SYSTEM;

    if (record->stream == NULL) {
        log_check_fault(check, record->pos, "it is in no stream");
        return;
    }
    if (record->kind == RECORD_COMMAND)
        wanted = arena_printf(&arena, STREAM_COMMANDS_PREFIX "%s", host);
    else if (record->journal_seq != 0)
        wanted = arena_printf(&arena, STREAM_EVENTS_PREFIX "%s", host);
    if (strcmp(record->stream, wanted) != 0)
        log_check_fault(check, record->pos, "it is in the stream %.200s, and belongs in %.200s",
                        record->stream, wanted);
    check_prev(check, record);
}

/* A worker with another journal begins to count anew. */
static void take_hello(struct log_check *check, const struct record *record)
{
    struct host_hello hello = { 0 };
    autoarena arena = { 0 };
    bool is_new = false;
    struct place *host;

    if (record->host == NULL ||
        schema_decode(&host_hello_schema, record->body.bytes, &hello, &arena, NULL) < 0)
        return;
    host = place_of(&check->hosts, record->host, &is_new);
    if (command_id_equal(host->journal, hello.journal))
        return;
    /* The first hello that is kept may be of a journal whose beginning is not. */
    if (check->beginning == 0 || !command_id_is_zero(host->journal))
        host->is_whole = true;
    host->journal = hello.journal;
    host->number = 0;
    host->is_recovering = false;
    check->counts.journals++;
}

/* Its events begin where the worker still has them. */
static void take_recovering(struct log_check *check, const struct record *record)
{
    struct host_recovering recovering = { 0 };
    autoarena arena = { 0 };
    bool is_new = false;
    struct place *host;

    if (record->host == NULL ||
        schema_decode(&host_recovering_schema, record->body.bytes, &recovering, &arena, NULL) < 0)
        return;
    host = place_of(&check->hosts, record->host, &is_new);
    host->number = recovering.from > 0 ? recovering.from - 1 : 0;
    host->is_whole = true;
    host->is_recovering = true;
    check->counts.recoveries++;
    if (recovering.lost_until > check->counts.lost_until)
        check->counts.lost_until = recovering.lost_until;
}

static bool is_recovering(const struct log_check *check, const struct record *record)
{
    const struct place *host = NULL;

    if (record->host != NULL)
        HASH_FIND_STR(check->hosts, record->host, host);
    return host != NULL && host->is_recovering;
}

static void take_recovered(struct log_check *check, const struct record *record)
{
    bool is_new = false;

    if (record->host != NULL)
        place_of(&check->hosts, record->host, &is_new)->is_recovering = false;
}

static void check_journal(struct log_check *check, const struct record *record)
{
    bool is_new = false;
    struct place *host;

    if (record->host == NULL) {
        log_check_fault(check, record->pos, "it is of a journal and of no host");
        return;
    }
    host = place_of(&check->hosts, record->host, &is_new);
    if (is_new && check->beginning == 0)
        log_check_fault(check, record->pos, "host %.255s never said hello", record->host);
    if ((host->is_whole || host->number != 0) && record->journal_seq != host->number + 1)
        log_check_fault(check, record->pos,
                        "it is event %llu of the journal of host %.255s, and %llu was to come",
                        (unsigned long long)record->journal_seq, record->host,
                        (unsigned long long)host->number + 1);
    host->number = record->journal_seq;
}

static bool is_outcome(const char *type)
{
    static const struct schema *const outcomes[] = {
        &command_done_schema,
        &command_failed_schema,
        &command_refused_schema,
        &command_expired_schema,
    };

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (strcmp(outcomes[i]->name, type) == 0)
            return true;
    }
    return false;
}

/* The view knows every command that has not ended, and for a day those that have. */
static int check_outcome(struct log_check *check, const struct record *record, struct error *err)
{
    /* The broker's refusal is all that the log has of such a command. */
    bool is_at_door = record->journal_seq == 0 && strcmp(record->type, "command.refused") == 0;
    autoarena arena = { 0 };
    struct command_row row;
    int r = view_command(log_check_view(check), record->cause, &row, &arena, NULL);

    check->counts.outcomes++;
    if (is_recovering(check, record) && record->journal_seq != 0)
        return 0; /* how commands ended that the log may not have, or not as pending */
    if (r == -ENOENT) {
        if (!is_at_door && check->beginning == 0)
            log_check_fault(check, record->pos,
                            "%s of a command that has ended long ago, or that "
                            "was never said",
                            record->type);
        return 0;
    }
    if (r < 0)
        return error_set(err, r, "look up the command of record %llu",
                         (unsigned long long)record->pos);
    /* The broker had to end it without its worker's word, and here is that after all. */
    if (record->journal_seq != 0 && row.code != NULL &&
        (failure_parse(row.code) == FAILURE_WRONG_JOURNAL ||
         failure_parse(row.code) == FAILURE_HOST_LOST))
        return 0;
    if (row.state != COMMAND_PENDING)
        log_check_fault(check, record->pos,
                        "%s is the second outcome of the command at %llu, which ended at %llu",
                        record->type, (unsigned long long)row.pos,
                        (unsigned long long)row.outcome_pos);
    return 0;
}

static int check_meaning(struct log_check *check, const struct record *record, struct error *err)
{
    if (record->kind == RECORD_COMMAND) {
        check->counts.commands++;
        return 0;
    }
    if (strcmp(record->type, host_hello_schema.name) == 0)
        take_hello(check, record);
    else if (strcmp(record->type, host_recovering_schema.name) == 0)
        take_recovering(check, record);
    else if (strcmp(record->type, host_recovered_schema.name) == 0)
        take_recovered(check, record);
    if (record->journal_seq != 0)
        check_journal(check, record);
    return is_outcome(record->type) ? check_outcome(check, record, err) : 0;
}

static int fold(struct log_check *check, const struct record *record, struct error *err)
{
    int r = fleet_apply(log_check_view(check), record, err);

    if (r == -EPROTO) {
        check->counts.unfollowed++;
        return 0;
    }
    return r < 0 ? error_add_context(err, r, "fold record %llu", (unsigned long long)record->pos)
                 : 0;
}

int log_check_add(struct log_check *check, const struct record *record, struct error *err)
{
    int r;

    check->counts.records++;
    check_position(check, record);
    check_stream(check, record);
    r = check_meaning(check, record, err);
    if (r == 0)
        r = fold(check, record, err);
    check->pos = record->pos;
    return r;
}

struct log_counts log_check_counts(const struct log_check *check)
{
    return check->counts;
}

const struct log_fault *log_check_fault_at(const struct log_check *check, size_t i)
{
    return i < check->counts.faults && i < LOG_CHECK_FAULTS_MAX ? &check->faults[i] : NULL;
}

uint64_t log_check_pos(const struct log_check *check)
{
    return check->pos;
}

const struct view *log_check_view(const struct log_check *check)
{
    return memory_view_view(check->memory);
}
