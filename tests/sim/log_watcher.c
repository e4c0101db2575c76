/*
 * A subscriber that may be stopped and killed anywhere, and that keeps little:
 *
 *     log_watcher FILE URL PAUSE_MS [HOST|- [CURSOR]]
 *
 * follows the log with a cursor, all of it (-) or what is about HOST, from its beginning or, with a
 * new FILE, from CURSOR on, and waits PAUSE_MS after each page. What it has seen is kept in FILE, a
 * mapping that outlives SIGKILL: how far it has come, and a sum over the digests of the records in
 * each chunk of CHUNK positions, so that two subscribers can be compared record by record without
 * keeping the records. A record out of order, one that does not follow its stream's last, and a
 * cursor that goes back end it with a sentence.
 *
 * Layout of FILE, little endian u64 each: two copies of the state (struct state; the one with the
 * larger number and the right checksum holds) at 0 and 512, explicit gaps (after, upto) at 1024,
 * how many pages came so many ms after their last record was appended at 4096 (1,024 of them), and
 * the chunks (sum, count) from 16384.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/crc32c.h"
#include "common/io/clock.h"
#include "common/mem.h"
#include "schemas/bus.h"
#include "schemas/record.h"
#include "tests/sim/caller.h"

#define CHUNK      65536
#define CHUNKS_MAX 16384
#define GAPS_MAX   128
#define DELAYS     1024
#define SILENCE_MS 30000
#define GAPS_AT    1024
#define DELAYS_AT  4096
#define CHUNKS_AT  16384
#define FILE_SIZE  (CHUNKS_AT + CHUNKS_MAX * sizeof(struct chunk))

struct chunk {
    uint64_t sum;
    uint64_t count;
};

struct state {
    uint64_t number; /* of saves */
    uint64_t cursor;
    uint64_t records;
    uint64_t last;  /* position of the last record */
    uint64_t chunk; /* that `open` is of: its sums in the table are not yet final */
    struct chunk open;
    uint64_t last_of[2]; /* position of the last record of cmd/HOST, evt/HOST; 0: not known */
    uint64_t gaps;
    uint64_t checksum; /* of all before */
};

struct watcher {
    struct caller *caller;
    const char *host; /* NULL: all */
    uint8_t *file;
    struct state state;
    unsigned pause_ms;
};

static uint64_t checksum_of(const struct state *state)
{
    return 1 + crc32c(0, state, offsetof(struct state, checksum));
}

static void save(struct watcher *watcher)
{
    struct state *state = &watcher->state;

    state->number++;
    state->checksum = checksum_of(state);
    memcpy(watcher->file + (state->number % 2) * 512, state, sizeof(*state));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void load(struct watcher *watcher)
{
    for (unsigned i = 0; i < 2; i++) {
        struct state state;

        memcpy(&state, watcher->file + i * 512, sizeof(state));
        if (state.checksum == checksum_of(&state) && state.number > watcher->state.number)
            watcher->state = state;
    }
}

static struct chunk *chunks(struct watcher *watcher)
{
    return (struct chunk *)(void *)(watcher->file + CHUNKS_AT);
}

/* A chunk's sums go into the table when the next one begins, and with each save: both can be done
 * again after a kill. */
static void count(struct watcher *watcher, uint64_t pos, struct bytes wire)
{
    struct state *state = &watcher->state;

    if (pos / CHUNK >= CHUNKS_MAX)
        caller_give_up("position", "is beyond the table of chunks");
    if (pos / CHUNK != state->chunk) {
        chunks(watcher)[state->chunk] = state->open;
        state->chunk = pos / CHUNK;
        state->open = (struct chunk){ 0 };
    }
    state->open.sum += record_digest(pos, wire);
    state->open.count++;
    state->records++;
}

static _Noreturn void complain(const struct watcher *watcher, uint64_t pos, const char *why)
{
    autofree char *what = mem_text("record %" PRIu64 " of %s", pos,
                                   watcher->host == NULL ? "the log" : watcher->host);

    caller_give_up(what, why);
}

/* 0, 1: cmd/HOST, evt/HOST; -1: another. */
static int stream_number(const struct watcher *watcher, const char *stream)
{
    if (watcher->host == NULL || stream == NULL)
        return -1;
    if (strncmp(stream, STREAM_COMMANDS_PREFIX, 4) == 0)
        return 0;
    return strncmp(stream, STREAM_EVENTS_PREFIX, 4) == 0 ? 1 : -1;
}

static uint64_t take(struct watcher *watcher, struct bytes wire)
{
    struct state *state = &watcher->state;
    autoarena arena = { 0 };
    struct record record;
    struct error err = { 0 };
    int stream;

    if (schema_decode(&record_schema, wire, &record, &arena, &err) < 0)
        caller_give_up("record", err.text);
    if (record.pos <= state->last)
        complain(watcher, record.pos, "is out of order, or comes twice");
    if (watcher->host != NULL && (record.host == NULL || strcmp(record.host, watcher->host) != 0))
        complain(watcher, record.pos, "does not pass the filter");
    stream = stream_number(watcher, record.stream);
    if (stream >= 0) {
        if (state->last_of[stream] != 0 && record.prev != state->last_of[stream])
            complain(watcher, record.pos, "does not follow its stream's last: one is missing");
        state->last_of[stream] = record.pos;
    }
    state->last = record.pos;
    count(watcher, record.pos, wire);
    return record.time;
}

static void note_delay(struct watcher *watcher, uint64_t appended_ns)
{
    uint64_t *delays = (uint64_t *)(void *)(watcher->file + DELAYS_AT);
    uint64_t now_ns = clock_wall_ns();
    uint64_t ms = now_ns > appended_ns ? (now_ns - appended_ns) / 1000000 : 0;

    delays[ms < DELAYS ? ms : DELAYS - 1]++;
}

/* What it has missed is said, so it can go on behind it. */
static void take_gap(struct watcher *watcher, uint64_t upto)
{
    uint64_t *gaps = (uint64_t *)(void *)(watcher->file + GAPS_AT);
    struct state *state = &watcher->state;

    if (state->gaps == GAPS_MAX)
        caller_give_up("watch", "too many gaps");
    gaps[2 * state->gaps] = state->cursor;
    gaps[2 * state->gaps + 1] = upto;
    state->gaps++;
    state->cursor = upto;
    state->last_of[0] = state->last_of[1] = 0;
    save(watcher);
}

static void take_page(struct watcher *watcher, const struct page *page)
{
    uint64_t appended = 0;

    if (page->floor > watcher->state.cursor)
        take_gap(watcher, page->floor);
    if (page->cursor < watcher->state.cursor)
        complain(watcher, page->cursor, "is a cursor that goes back");
    for (size_t i = 0; i < page->records.count; i++)
        appended = take(watcher, page->records.items[i].bytes);
    if (appended != 0)
        note_delay(watcher, appended);
    watcher->state.cursor = page->cursor;
    chunks(watcher)[watcher->state.chunk] = watcher->state.open;
    save(watcher);
}

/* Asked again soon when it is busy. */
static void take_error(struct watcher *watcher, const struct frame *frame, struct arena *arena)
{
    struct bus_error error = { 0 };

    caller_decode(frame, &bus_error_schema, &error, arena);
    if (strcmp(error.code, "trimmed") == 0)
        take_gap(watcher, error.floor);
    else if (strcmp(error.code, "busy") == 0)
        caller_pause(error.retry_ms);
    else
        caller_give_up("watch", error.text);
}

static void watch_once(struct watcher *watcher)
{
    char *host = mem_dup_text(watcher->host);
    const struct watch watch = {
        .cursor = watcher->state.cursor,
        .wait_ms = POLL_WAIT_MS,
        .hosts = { .items = &host, .count = host == NULL ? 0 : 1 },
    };
    autoarena arena = { 0 };
    struct frame frame;
    struct page page = { 0 };

    caller_ask(watcher->caller, &watch_schema, &watch, SILENCE_MS, &frame, &arena);
    free(host);
    if (strcmp(frame.type, page_schema.name) != 0) {
        take_error(watcher, &frame, &arena);
        return;
    }
    caller_decode(&frame, &page_schema, &page, &arena);
    take_page(watcher, &page);
    if (watcher->pause_ms > 0)
        caller_pause(watcher->pause_ms);
}

int main(int argc, char **argv)
{
    struct watcher watcher = { 0 };
    int fd;

    if (argc < 4)
        caller_give_up("usage", "log_watcher FILE URL PAUSE_MS [HOST|- [CURSOR]]");
    caller_end_with_parent();
    watcher.caller = caller_new(argv[2]);
    watcher.pause_ms = (unsigned)atoi(argv[3]);
    watcher.host = argc > 4 && strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
    fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, FILE_SIZE) < 0)
        caller_give_up(argv[1], "cannot be made");
    watcher.file = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (watcher.file == MAP_FAILED)
        caller_give_up(argv[1], "cannot be mapped");
    load(&watcher);
    if (watcher.state.number == 0 && argc > 5)
        watcher.state.cursor = strtoull(argv[5], NULL, 10);
    for (;;)
        watch_once(&watcher);
}
