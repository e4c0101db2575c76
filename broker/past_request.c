/*
 * past: the newest snapshot not beyond a moment, in pages.
 *
 * A page is a chunk of what is stored; chunks without a wanted row are passed over, CHUNKS_MAX in
 * one answer, which may then be empty. Of one container only the chunks are read in which its rows
 * can be.
 */
#include <errno.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/io/log.h"
#include "broker/reply.h"
#include "broker/snapshots.h"
#include "common/arena.h"
#include "common/fleet/view.h"
#include "common/io/log.h"
#include "schemas/codec.h"
#include "schemas/past.h"

#define CHUNKS_MAX 4

/* A request while it is answered. */
struct answer {
    const struct past_ask *asked;
    struct past_store *store;
    struct arena *arena;
    struct past_snapshot snapshot;
    struct past_row *rows;
    size_t count;
    uint32_t next;
};

/* --- which rows are wanted */

static const char *host_of(const struct past_row *row, struct arena *arena)
{
    struct container_row container;
    struct command_row command;

    if (row->table == VIEW_CONTAINERS &&
        schema_decode_guarded(&sealed_container_row_schema, row->value, &container, arena, NULL) ==
            0)
        return container.host;
    if (row->table == VIEW_COMMANDS &&
        schema_decode_guarded(&command_row_schema, row->value, &command, arena, NULL) == 0)
        return command.host;
    return NULL;
}

static bool is_of_host(const struct past_row *row, const char *wanted)
{
    autoarena arena = { 0 };
    const char *host;

    switch (row->table) {
    case VIEW_HOSTS:
        return bytes_equal(row->key, bytes_of_text(wanted));
    case VIEW_NAMES:
        return bytes_begin_with(row->key, view_name_key(wanted, "", &arena));
    case VIEW_TOTALS:
        return bytes_equal(row->key, bytes_of_text(view_pending_key(wanted, &arena)));
    default:
        host = host_of(row, &arena);
        return host != NULL && strcmp(host, wanted) == 0;
    }
}

static bool is_command_of(const struct past_row *row, const char *container)
{
    autoarena arena = { 0 };
    struct command_row command;

    return row->table == VIEW_COMMANDS &&
           schema_decode_guarded(&command_row_schema, row->value, &command, &arena, NULL) == 0 &&
           command.container != NULL && strcmp(command.container, container) == 0;
}

/* --- pages of all rows, or of a host's */

static int read_chunk(struct answer *answer, uint32_t chunk, struct past_rows *ret,
                      struct error *err)
{
    int r = past_store_rows(answer->store, answer->snapshot.pos, chunk, ret, answer->arena, err);

    if (r == -ENOENT)
        return error_set(err, -EUCLEAN, "chunk %u of the snapshot at %llu is missing", chunk,
                         (unsigned long long)answer->snapshot.pos);
    return r;
}

static int read_page(struct answer *answer, struct error *err)
{
    const struct past_ask *asked = answer->asked;
    uint32_t chunk = asked->snapshot != 0 && asked->chunk > 0 ? asked->chunk : 1;
    uint32_t end = chunk + CHUNKS_MAX;
    int r = 0;

    for (; r == 0 && answer->count == 0 && chunk < end && chunk <= answer->snapshot.chunks;
         chunk++) {
        struct past_rows rows;

        r = read_chunk(answer, chunk, &rows, err);
        if (r < 0)
            return r;
        answer->rows = rows.rows.items;
        for (size_t i = 0; i < rows.rows.count; i++) {
            if (asked->host == NULL || is_of_host(&answer->rows[i], asked->host))
                answer->rows[answer->count++] = answer->rows[i];
        }
    }
    answer->next = chunk <= answer->snapshot.chunks ? chunk : 0;
    return r;
}

/* --- one container */

static void add_row(struct answer *answer, const struct past_row *row)
{
    struct past_row *rows = arena_zeroed(answer->arena, (answer->count + 1) * sizeof(*rows));

    if (answer->count > 0)
        memcpy(rows, answer->rows, answer->count * sizeof(*rows));
    rows[answer->count++] = *row;
    answer->rows = rows;
}

/* 1 when the row with this table and key is there. */
static int find_row(struct answer *answer, struct past_row *row, struct error *err)
{
    struct past_rows rows = { 0 };
    const struct past_row *items;
    uint32_t chunk;
    int r = past_store_chunk_of(answer->store, answer->snapshot.pos, row, &chunk, err);

    if (r == 0)
        r = read_chunk(answer, chunk, &rows, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    items = rows.rows.items;
    for (size_t i = 0; i < rows.rows.count; i++) {
        if (items[i].table == row->table && bytes_equal(items[i].key, row->key)) {
            *row = items[i];
            return 1;
        }
    }
    return 0;
}

static int add_commands(struct answer *answer, const char *container, struct error *err)
{
    const struct past_row first = { .table = VIEW_COMMANDS };
    bool is_over = false;
    uint32_t chunk;
    int r = past_store_chunk_of(answer->store, answer->snapshot.pos, &first, &chunk, err);

    for (; r == 0 && !is_over && chunk <= answer->snapshot.chunks; chunk++) {
        struct past_rows rows;
        const struct past_row *items;

        r = read_chunk(answer, chunk, &rows, err);
        if (r < 0)
            return r;
        items = rows.rows.items;
        for (size_t i = 0; i < rows.rows.count; i++) {
            if (is_command_of(&items[i], container))
                add_row(answer, &items[i]);
        }
        is_over = rows.rows.count > 0 && items[rows.rows.count - 1].table > VIEW_COMMANDS;
    }
    return r == -ENOENT ? 0 : r;
}

static int read_container(struct answer *answer, struct error *err)
{
    const char *id = answer->asked->container;
    struct past_row container = { .table = VIEW_CONTAINERS, .key = bytes_of_text(id) };
    struct past_row host = { .table = VIEW_HOSTS };
    int r = find_row(answer, &container, err);

    if (r <= 0)
        return r;
    add_row(answer, &container);
    host.key = bytes_of_text(host_of(&container, answer->arena));
    r = find_row(answer, &host, err);
    if (r > 0)
        add_row(answer, &host);
    return r < 0 ? r : add_commands(answer, id, err);
}

/* --- the request */

static int read_floor(struct log *log, uint64_t *ret, struct error *err)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    struct log_state state;
    int r = log_begin(log, LOG_READ, &txn, err);

    if (r == 0)
        r = log_state(txn, &state, err);
    *ret = r == 0 ? state.floor : 0;
    return r;
}

/* -ENOENT: there is none so early, or it is not there any more. */
static int find_snapshot(struct broker *broker, struct answer *answer, struct error *err)
{
    const struct past_ask *asked = answer->asked;
    const struct past_bound bound = {
        .pos = asked->snapshot != 0 ? asked->snapshot
               : asked->pos != 0    ? asked->pos
                                    : UINT64_MAX,
        .time = asked->snapshot == 0 && asked->time != 0 ? asked->time : UINT64_MAX,
    };
    uint64_t floor;
    int r = read_floor(broker->log, &floor, err);

    if (r == 0)
        r = past_store_find(answer->store, &bound, &answer->snapshot, err);
    if (r == 0 && (answer->snapshot.pos < floor ||
                   (asked->snapshot != 0 && answer->snapshot.pos != asked->snapshot)))
        r = -ENOENT;
    if (r < 0)
        answer->snapshot = (struct past_snapshot){ 0 };
    return r;
}

static void reply(struct broker *broker, struct request *request, const struct answer *answer)
{
    const struct past_is said = {
        .snapshot = answer->snapshot.pos,
        .time = answer->snapshot.time,
        .version = VIEW_VERSION,
        .rows = { .items = answer->rows, .count = answer->count },
        .next = answer->next,
        .first = snapshots_counts(broker->snapshots).first,
    };

    reply_message(request->sp, &past_is_schema, &said);
}

void handle_past(struct broker *broker, struct request *request)
{
    struct answer answer = { .asked = request->message,
                             .store = snapshots_store(broker->snapshots),
                             .arena = request->arena };
    struct error err = { 0 };
    int r = answer.store != NULL ? find_snapshot(broker, &answer, &err) : -ENOENT;

    if (snapshots_are_settling(broker->snapshots)) {
        reply_busy(request->sp, "the snapshots are being looked at");
        return;
    }
    if (r == -ENOENT && answer.asked->snapshot != 0) {
        reply_trimmed(request->sp, 0, "the snapshot is no longer kept: ask for another");
        return;
    }
    if (r == 0)
        r = answer.asked->container != NULL ? read_container(&answer, &err)
                                            : read_page(&answer, &err);
    if (r == 0 || r == -ENOENT) {
        reply(broker, request, &answer);
    } else if (r == -EUCLEAN) {
        snapshots_condemn(broker->snapshots, answer.snapshot.pos, &err);
        reply_busy(request->sp, "a damaged snapshot is being dropped");
    } else {
        log_failure("past.unreadable", &err);
        reply_error(request->sp, &err);
    }
}
