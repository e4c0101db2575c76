/*
 * recover: a worker tells what the log lacks, page by page: what its containers are, then which
 * commands are open. Repeated, a page is known by how many came before it.
 */
#include <errno.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/commit.h"
#include "broker/dispatch.h"
#include "broker/handlers.h"
#include "broker/held.h"
#include "broker/hosts.h"
#include "broker/notice.h"
#include "broker/peer.h"
#include "broker/recovery.h"
#include "broker/reply.h"
#include "common/arena.h"
#include "common/fleet/refusal.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

/* What one record of the log will say. */
struct item {
    const char *container; /* NULL: none */
    struct command_id cause;
    const struct schema *schema;
    union {
        struct container_recovered container;
        struct image_recovered image;
        struct volume_recovered volume;
        struct command_recovered command;
    } body;
};

struct recover_entry {
    struct commit_entry entry;
    struct held held;
    struct arena arena; /* of the message and of the items */
    struct recover said;
    struct item *items;
    size_t count;
    char actor[ACTOR_SIZE];
    bool has_ended; /* what came of it */
    struct refusal refusal;
};

static int append_items(const struct recover_entry *recover, struct commit_turn *turn,
                        struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < recover->count; i++) {
        const struct item *item = &recover->items[i];
        const struct notice notice = {
            .actor = recover->actor,
            .host = recover->said.host,
            .container = item->container,
            .cause = item->cause,
            .schema = item->schema,
            .body = &item->body,
        };

        r = notice_append(turn, &notice, NULL, err);
    }
    return r;
}

/* Whether the page is the one that is to come. A repeated one is not, and no refusal either. */
static bool is_next(struct recover_entry *recover, const struct host_row *row)
{
    const struct recover *said = &recover->said;

    if (row->incarnation != said->incarnation || !command_id_equal(row->journal, said->journal))
        (void)refuse(&recover->refusal, FAILURE_FENCED, "a newer worker speaks for the host %s",
                     row->name);
    else if (row->recovery == 0)
        return false; /* it has ended: the last page again */
    else if (row->recovery != said->recovery || said->first > row->recovered)
        (void)refuse(&recover->refusal, FAILURE_NO_HOST,
                     "host %s has said hello since: it begins to tell anew", row->name);
    else if (row->journal_seq != said->upto)
        (void)refuse(&recover->refusal, FAILURE_INVALID_ARGUMENT,
                     "host %s is to report its events up to %llu first, and the log has %llu",
                     row->name, (unsigned long long)said->upto,
                     (unsigned long long)row->journal_seq);
    return recover->refusal.failure == FAILURE_NONE && said->first == row->recovered;
}

static int recover_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct recover_entry *recover = container_of(entry, struct recover_entry, entry);
    const struct recover *said = &recover->said;
    autoarena arena = { 0 };
    struct host_row row;
    int r;

    recover->refusal = (struct refusal){ 0 };
    recover->has_ended = false;
    r = view_host_sealed(&turn->view, said->host, &row, &arena, err);
    if (r < 0 || !is_next(recover, &row))
        return r;
    r = append_items(recover, turn, err);
    if (r < 0 || !said->is_end)
        return r;
    recover->has_ended = true;
    return recovery_end(turn, said->host, recover->actor, row.recovery,
                        row.recovered + recover->count, err);
}

static void recover_free(struct recover_entry *recover)
{
    arena_done(&recover->arena);
    free(recover);
}

static void recover_done(struct commit_entry *entry, const struct error *failure)
{
    static const struct nothing nothing;
    struct recover_entry *recover = container_of(entry, struct recover_entry, entry);
    struct sp_request *request = held_end(&recover->held);

    if (failure != NULL) {
        log_failure("recover.not_written", failure);
        reply_error(request, failure);
    } else if (recover->refusal.failure != FAILURE_NONE) {
        reply_failure(request, recover->refusal.failure, "%s", recover->refusal.text);
    } else {
        if (recover->has_ended)
            log_info("host.recovered", "host=%s told=%llu", recover->said.host,
                     (unsigned long long)(recover->said.first + recover->count));
        reply_message(request, &done_schema, &nothing);
    }
    recover_free(recover);
}

static const struct commit_functions recover_functions = {
    .apply = recover_apply,
    .done = recover_done,
};

static const struct held_functions held_functions = { 0 };

static int read_row(const struct raw *raw, const char *host, struct item *ret, struct arena *arena,
                    struct error *err)
{
    struct container_row row;
    int r;

    r = schema_decode(&sealed_container_row_schema, raw->bytes, &row, arena, err);
    if (r < 0)
        return r;
    if (!container_id_is_valid(row.id) || strcmp(row.host, host) != 0)
        return error_set(err, -EINVAL, "container %.64s is none, or is not of host %s", row.id,
                         host);
    ret->container = row.id;
    ret->schema = &container_recovered_schema;
    ret->body.container.row = *raw;
    return 0;
}

static int check_host(const char *said, const char *host, struct error *err)
{
    return strcmp(said, host) == 0 ? 0 : error_set(err, -EINVAL, "a row of host %.255s", said);
}

static int read_image(const struct raw *raw, const char *host, struct item *ret,
                      struct arena *arena, struct error *err)
{
    struct image_row row;
    int r = schema_decode(&image_row_schema, raw->bytes, &row, arena, err);

    ret->schema = &image_recovered_schema;
    ret->body.image.row = *raw;
    return r < 0 ? r : check_host(row.host, host, err);
}

static int read_volume(const struct raw *raw, const char *host, struct item *ret,
                       struct arena *arena, struct error *err)
{
    struct volume_row row;
    int r = schema_decode(&volume_row_schema, raw->bytes, &row, arena, err);

    ret->schema = &volume_recovered_schema;
    ret->body.volume.row = *raw;
    return r < 0 ? r : check_host(row.host, host, err);
}

static int read_command(const struct raw *raw, const char *host, struct item *ret,
                        struct arena *arena, struct error *err)
{
    struct record command;
    int r;

    r = schema_decode(&record_schema, raw->bytes, &command, arena, err);
    if (r < 0)
        return r;
    if (command.kind != RECORD_COMMAND || command_id_is_zero(command.id) || command.host == NULL ||
        strcmp(command.host, host) != 0)
        return error_set(err, -EINVAL, "%.64s is no command for host %s", command.type, host);
    ret->container = command.container;
    ret->cause = command.id;
    ret->schema = &command_recovered_schema;
    ret->body.command.command = *raw;
    return 0;
}

typedef int read_fn(const struct raw *raw, const char *host, struct item *ret, struct arena *arena,
                    struct error *err);

static int read_list(struct recover_entry *recover, const struct raw_list *list, read_fn *read,
                     struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++)
        r = read(&list->items[i], recover->said.host, &recover->items[recover->count++],
                 &recover->arena, err);
    return r;
}

static int read_items(struct recover_entry *recover, struct error *err)
{
    const struct recover *said = &recover->said;
    size_t count =
        said->rows.count + said->images.count + said->volumes.count + said->commands.count;
    int r;

    recover->items = arena_zeroed(&recover->arena, count * sizeof(*recover->items));
    r = read_list(recover, &said->rows, read_row, err);
    if (r == 0)
        r = read_list(recover, &said->images, read_image, err);
    if (r == 0)
        r = read_list(recover, &said->volumes, read_volume, err);
    return r == 0 ? read_list(recover, &said->commands, read_command, err) : r;
}

void handle_recover(struct broker *broker, struct request *request)
{
    const struct recover *asked = request->message;
    const struct worker_claim claim = { asked->host, asked->incarnation, asked->journal,
                                        asked->session };
    struct host *host = hosts_of_worker(broker, request, &claim);
    struct recover_entry *recover;
    struct error err = { 0 };

    if (host == NULL)
        return;
    recover = mem_new(struct recover_entry);
    recover->said = *asked;
    recover->arena = request_take_arena(request);
    (void)stpcpy(recover->actor, request->peer->identity.actor);
    if (read_items(recover, &err) < 0) {
        reply_failure(request->sp, FAILURE_INVALID_ARGUMENT, "recover of %s: %s", host->name,
                      err.text);
        recover_free(recover);
        return;
    }
    recover->entry = (struct commit_entry){
        .functions = &recover_functions,
        .records = (unsigned)recover->count + 1,
        .bytes = recover->arena.used,
    };
    held_begin(&recover->held, &held_functions, request->sp);
    if (committer_add(broker->committer, &recover->entry, &err) == 0)
        return;
    reply_busy(held_end(&recover->held), err.text);
    recover_free(recover);
}
