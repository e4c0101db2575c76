/*
 * Reads the whole log as it grows and holds it to the promises of ARCHITECTURE.md, in memory that
 * does not grow with the log:
 *
 *     log_reference URL
 *
 * Positions grow; each record follows the last one of its stream; each host's events follow one
 * another without a gap, and its incarnations do not go back; a client's commands are in its order,
 * each once, and each has one outcome, after it; a run is made, started and ended once, in this
 * order; the fold of it all has the fingerprint that the broker's view has.
 *
 * After SIGTERM it reads on to the end of the log, and says on stdout, in JSON: how many records
 * there were, what does not fit together, what stays open, for each client its commands and a sum
 * over them (command_load.c), and for all (name "*") and each host the sums of each chunk of
 * positions (log_watcher.c).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/auto.h"
#include "common/fleet/memory_view.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/record.h"
#include "tests/sim/caller.h"
#include "tests/sim/digest.h"

#define CHUNK          65536
#define COMPLAINTS_MAX 50
#define SILENCE_MS     30000

struct chunk {
    uint64_t sum;
    uint64_t count;
};

/* A stream, or a host, by its name. */
struct named {
    char *name;
    uint64_t last; /* of a stream: position of its last record */
    uint64_t journal_seq;
    uint64_t incarnation;
    struct chunk *chunks; /* of a host */
    size_t chunk_count;
    UT_hash_handle hh;
};

struct client {
    uint64_t number;
    uint64_t sequence; /* of its last command */
    uint64_t commands;
    uint64_t sum;
    UT_hash_handle hh;
};

struct open_command {
    struct command_id id;
    UT_hash_handle hh;
};

struct container {
    char id[CONTAINER_ID_SIZE + 1];
    uint32_t run;
    bool is_started;
    bool has_died;
    UT_hash_handle hh;
};

struct reference {
    struct caller *caller;
    struct memory_view *memory;
    struct named *streams;
    struct named *hosts;
    struct named *all; /* "*" */
    struct client *clients;
    struct open_command *open;
    struct container *containers;
    uint64_t cursor;
    uint64_t last;
    uint64_t records;
    uint64_t commands;
    uint64_t outcomes;
    char *complaints[COMPLAINTS_MAX];
    size_t complaint_count;
};

static volatile sig_atomic_t is_ending;

static void on_term(int number)
{
    (void)number;
    is_ending = 1;
}

static void complain(struct reference *reference, const struct record *record, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct reference *reference, const struct record *record, const char *fmt, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, arguments);
    va_end(arguments);
    if (reference->complaint_count < COMPLAINTS_MAX)
        reference->complaints[reference->complaint_count] =
            mem_text("%s at %" PRIu64 " in %s: %s", record->type, record->pos,
                     record->stream == NULL ? "?" : record->stream, text);
    reference->complaint_count++;
}

static struct named *find_named(struct named **table, const char *name)
{
    struct named *named;

    HASH_FIND_STR(*table, name, named);
    if (named != NULL)
        return named;
    named = mem_new(struct named);
    named->name = mem_dup_text(name);
    HASH_ADD_KEYPTR(hh, *table, named->name, strlen(named->name), named);
    return named;
}

static void count(struct named *named, uint64_t pos, uint64_t digest)
{
    size_t chunk = pos / CHUNK;

    if (chunk >= named->chunk_count) {
        named->chunks = mem_resized(named->chunks, (chunk + 1) * sizeof(*named->chunks));
        memset(named->chunks + named->chunk_count, 0,
               (chunk + 1 - named->chunk_count) * sizeof(*named->chunks));
        named->chunk_count = chunk + 1;
    }
    named->chunks[chunk].sum += digest;
    named->chunks[chunk].count++;
}

/* --- what must hold */

static void check_stream(struct reference *reference, const struct record *record)
{
    struct named *stream = find_named(&reference->streams, record->stream);

    if (record->pos <= reference->last)
        complain(reference, record, "comes after %" PRIu64, reference->last);
    if (record->prev != stream->last)
        complain(reference, record, "says that %" PRIu64 " is before it, and %" PRIu64 " is",
                 record->prev, stream->last);
    stream->last = record->pos;
    reference->last = record->pos;
}

static void check_journal(struct reference *reference, const struct record *record)
{
    struct named *host;

    if (record->kind != RECORD_EVENT || record->journal_seq == 0)
        return;
    host = find_named(&reference->hosts, record->host);
    if (record->journal_seq != host->journal_seq + 1)
        complain(reference, record, "is event %" PRIu64 " of its journal, after %" PRIu64,
                 record->journal_seq, host->journal_seq);
    if (record->incarnation < host->incarnation)
        complain(reference, record, "is of incarnation %" PRIu64 ", after %" PRIu64,
                 record->incarnation, host->incarnation);
    host->journal_seq = record->journal_seq;
    host->incarnation = record->incarnation;
}

static struct client *find_client(struct reference *reference, uint64_t number)
{
    struct client *client;

    HASH_FIND(hh, reference->clients, &number, sizeof(number), client);
    if (client != NULL)
        return client;
    client = mem_new(struct client);
    client->number = number;
    HASH_ADD(hh, reference->clients, number, sizeof(number), client);
    return client;
}

static void check_command(struct reference *reference, const struct record *record)
{
    uint64_t sequence = command_id_sequence(record->id);
    struct client *client = find_client(reference, command_id_client(record->id));
    struct open_command *open = mem_new(struct open_command);

    if (sequence <= client->sequence)
        complain(reference, record, "is command %" PRIu64 " of its client, after %" PRIu64,
                 sequence, client->sequence);
    client->sequence = sequence;
    client->commands++;
    client->sum += command_digest(client->number, sequence, record->pos);
    reference->commands++;
    open->id = record->id;
    HASH_ADD(hh, reference->open, id, sizeof(open->id), open);
}

static bool is_outcome(const char *type)
{
    return strcmp(type, "command.done") == 0 || strcmp(type, "command.failed") == 0 ||
           strcmp(type, "command.refused") == 0 || strcmp(type, "command.expired") == 0;
}

static void check_outcome(struct reference *reference, const struct record *record)
{
    struct open_command *open;

    HASH_FIND(hh, reference->open, &record->cause, sizeof(record->cause), open);
    if (open != NULL) {
        HASH_DEL(reference->open, open);
        free(open);
        reference->outcomes++;
    } else if (strcmp(record->type, "command.refused") != 0 || record->journal_seq != 0) {
        complain(reference, record, "ends a command that is not open");
    }
}

/* An event's command is in the log before it. */
static void check_cause(struct reference *reference, const struct record *record)
{
    const struct client *client;

    if (command_id_is_zero(record->cause))
        return;
    client = find_client(reference, command_id_client(record->cause));
    if (command_id_sequence(record->cause) > client->sequence)
        complain(reference, record, "is caused by a command that is not in the log before it");
}

static struct container *find_container(struct reference *reference, const char *id)
{
    struct container *container;

    HASH_FIND_STR(reference->containers, id, container);
    if (container != NULL)
        return container;
    container = mem_new(struct container);
    (void)snprintf(container->id, sizeof(container->id), "%s", id);
    HASH_ADD_STR(reference->containers, id, container);
    return container;
}

static void check_made(struct reference *reference, const struct record *record,
                       struct container *container)
{
    if (record->run <= container->run)
        complain(reference, record, "makes run %u after run %u", record->run, container->run);
    container->run = record->run;
    container->is_started = container->has_died = false;
}

static void check_run(struct reference *reference, const struct record *record)
{
    struct container *container;

    if (record->container == NULL || record->kind != RECORD_EVENT)
        return;
    container = find_container(reference, record->container);
    if (strcmp(record->type, "container.initialized") == 0) {
        check_made(reference, record, container);
    } else if (strcmp(record->type, "container.started") == 0) {
        if (record->run != container->run || container->is_started || container->has_died)
            complain(reference, record, "starts run %u out of turn", record->run);
        container->is_started = true;
    } else if (strcmp(record->type, "container.died") == 0) {
        if (record->run != container->run || container->has_died)
            complain(reference, record, "ends run %u out of turn", record->run);
        container->has_died = true;
    }
}

static void fold(struct reference *reference, const struct record *record)
{
    struct error err = { 0 };

    if (fleet_apply(memory_view_view(reference->memory), record, &err) < 0)
        complain(reference, record, "the view cannot follow it: %s", err.text);
}

static void take(struct reference *reference, struct bytes wire)
{
    autoarena arena = { 0 };
    struct record record;
    struct error err = { 0 };
    uint64_t digest;

    if (schema_decode(&record_schema, wire, &record, &arena, &err) < 0)
        caller_give_up("record", err.text);
    digest = record_digest(record.pos, wire);
    check_stream(reference, &record);
    check_journal(reference, &record);
    if (record.kind == RECORD_COMMAND)
        check_command(reference, &record);
    else if (is_outcome(record.type))
        check_outcome(reference, &record);
    else
        check_cause(reference, &record);
    check_run(reference, &record);
    fold(reference, &record);
    count(reference->all, record.pos, digest);
    if (record.host != NULL)
        count(find_named(&reference->hosts, record.host), record.pos, digest);
    reference->records++;
}

/* --- reading */

/* False at the end of the log. */
static bool read_page(struct reference *reference)
{
    const struct watch watch = { .cursor = reference->cursor, .wait_ms = is_ending ? 0 : 1000 };
    autoarena arena = { 0 };
    struct frame frame;
    struct page page = { 0 };
    struct bus_error error = { 0 };

    caller_ask(reference->caller, &watch_schema, &watch, SILENCE_MS, &frame, &arena);
    if (strcmp(frame.type, bus_error_schema.name) == 0) {
        caller_decode(&frame, &bus_error_schema, &error, &arena);
        if (strcmp(error.code, "busy") != 0)
            caller_give_up("watch", error.text);
        caller_pause(error.retry_ms);
        return true;
    }
    caller_decode(&frame, &page_schema, &page, &arena);
    if (page.floor > reference->cursor)
        caller_give_up("watch", "the log was trimmed before it was read: retain more of it");
    for (size_t i = 0; i < page.records.count; i++)
        take(reference, page.records.items[i].bytes);
    reference->cursor = page.cursor;
    return page.records.count > 0 || page.has_more || !is_ending;
}

static void check_view(struct reference *reference)
{
    static const char nothing[1];
    autoarena arena = { 0 };
    struct record at_end = { .type = mem_dup_text("view.hash"), .pos = reference->last };
    struct view_hash_is is = { 0 };
    struct error err = { 0 };
    struct frame frame;
    uint64_t hash;

    caller_ask(reference->caller, &view_hash_schema, nothing, 10 * SILENCE_MS, &frame, &arena);
    caller_decode(&frame, &view_hash_is_schema, &is, &arena);
    if (view_hash(memory_view_view(reference->memory), &hash, &err) < 0)
        caller_give_up("view", err.text);
    if (is.pos == reference->last && is.hash != hash)
        complain(reference, &at_end, "the broker's view is not the fold of the log");
    else if (is.pos != reference->last)
        complain(reference, &at_end, "the broker's view is at %" PRIu64, is.pos);
    free(at_end.type);
}

/* --- the report */

static void show_chunks(const struct named *named, const char *separator)
{
    printf("%s\"%s\": {", separator, named->name);
    separator = "";
    for (size_t i = 0; i < named->chunk_count; i++) {
        if (named->chunks[i].count == 0)
            continue;
        printf("%s\"%zu\": [%" PRIu64 ", %" PRIu64 "]", separator, i, named->chunks[i].sum,
               named->chunks[i].count);
        separator = ", ";
    }
    printf("}");
}

static void show(struct reference *reference)
{
    size_t shown =
        reference->complaint_count < COMPLAINTS_MAX ? reference->complaint_count : COMPLAINTS_MAX;
    const struct client *client;
    const struct named *host;
    const char *separator = "";

    printf("{\"records\": %" PRIu64 ", \"commands\": %" PRIu64 ", \"outcomes\": %" PRIu64
           ", \"open\": %u, \"containers\": %u, \"head\": %" PRIu64
           ", \"complaint_count\": %zu, \"complaints\": [",
           reference->records, reference->commands, reference->outcomes,
           HASH_COUNT(reference->open), HASH_COUNT(reference->containers), reference->last,
           reference->complaint_count);
    for (size_t i = 0; i < shown; i++)
        printf("%s\"%s\"", i == 0 ? "" : ", ", reference->complaints[i]);
    printf("], \"clients\": {");
    for (client = reference->clients; client != NULL; client = client->hh.next) {
        printf("%s\"%" PRIu64 "\": [%" PRIu64 ", %" PRIu64 "]", separator, client->number,
               client->commands, client->sum);
        separator = ", ";
    }
    printf("}, \"hosts\": {");
    show_chunks(reference->all, "");
    for (host = reference->hosts; host != NULL; host = host->hh.next)
        show_chunks(host, ", ");
    printf("}}\n");
}

int main(int argc, char **argv)
{
    const struct sigaction term = { .sa_handler = on_term };
    struct reference reference = { 0 };

    if (argc != 2)
        caller_give_up("usage", "log_reference URL");
    (void)sigaction(SIGTERM, &term, NULL);
    caller_end_with_parent();
    reference.caller = caller_new(argv[1]);
    reference.memory = memory_view_new();
    reference.all = mem_new(struct named);
    reference.all->name = mem_dup_text("*");
    while (read_page(&reference))
        ;
    check_view(&reference);
    show(&reference);
    (void)fflush(stdout);
    _Exit(EXIT_SUCCESS); /* what it knew goes with it */
}
