/* A worker with another journal takes over a host; see the header. */
#include "broker/takeover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/borrowed.h"
#include "broker/notice.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/fleet/view.h"
#include "common/mem.h"
#include "schemas/codec.h"

struct name_search {
    struct bytes prefix;
    bool is_found;
};

static int visit_name(void *owner, struct bytes key, struct bytes value)
{
    struct name_search *search = owner;

    (void)value;
    search->is_found = key.size > search->prefix.size && bytes_begin_with(key, search->prefix);
    return 1;
}

/* The names table is sorted by host: the first name at or after "<host>/" tells. */
static int has_containers(const struct view *view, const char *host, bool *ret, struct error *err)
{
    char prefix[NAME_SIZE_MAX + 2];
    struct name_search search = { 0 };
    int r;

    (void)snprintf(prefix, sizeof(prefix), "%s/", host);
    search.prefix = bytes_of_text(prefix);
    r = view->functions->walk(view->store, VIEW_NAMES, search.prefix, visit_name, &search, err);
    if (r < 0)
        return r;
    *ret = search.is_found;
    return 0;
}

int takeover_check(const struct view *view, const char *host, bool is_accepted,
                   struct refusal *ret_refusal, struct error *err)
{
    uint64_t pending;
    bool has_some;
    int r;

    r = has_containers(view, host, &has_some, err);
    if (r < 0)
        return r;
    r = view_pending(view, host, &pending, err);
    if (r < 0)
        return r;
    *ret_refusal = (struct refusal){ 0 };
    if (is_accepted || (!has_some && pending == 0))
        return 0;
    (void)refuse(
        ret_refusal, FAILURE_WRONG_JOURNAL,
        "host %s is known with another journal, and with %s: give the worker its old state "
        "directory, give it another --host, or accept the loss with gantry host lost %s",
        host, has_some ? "containers" : "commands that wait", host);
    return 0;
}

struct waiting_command {
    struct command_id id;
    char container[CONTAINER_ID_SIZE + 1]; /* "": none */
};

struct waiting_search {
    const char *host;
    uint64_t before;
    struct waiting_command *items;
    size_t count;
};

static int visit_command(void *owner, struct bytes key, struct bytes value)
{
    struct waiting_search *search = owner;
    struct waiting_command *waiting;
    autoarena arena = { 0 };
    struct command_row row;

    (void)key;
    if (schema_decode(&command_row_schema, value, &row, &arena, NULL) < 0)
        return -EUCLEAN;
    if (row.state != COMMAND_PENDING || row.host == NULL || strcmp(row.host, search->host) != 0 ||
        row.pos >= search->before || row.recovered >= search->before)
        return 0;
    search->items =
        mem_resized(search->items, (search->count + 1) * sizeof(struct waiting_command));
    waiting = &search->items[search->count++];
    *waiting = (struct waiting_command){ .id = row.id };
    if (row.container != NULL)
        (void)stpncpy(waiting->container, row.container, sizeof(waiting->container) - 1);
    return 0;
}

static int fail_command(struct commit_turn *turn, const char *host,
                        const struct takeover_failure *why, const struct waiting_command *waiting,
                        struct error *err)
{
    const struct command_failed failed = {
        .code = borrowed(failure_name(why->failure)),
        .text = borrowed(why->text),
    };
    const struct notice notice = {
        .actor = why->actor,
        .host = host,
        .container = waiting->container[0] != '\0' ? waiting->container : NULL,
        .cause = waiting->id,
        .schema = &command_failed_schema,
        .body = &failed,
    };

    return notice_append(turn, &notice, NULL, err);
}

int takeover_fail_commands(struct commit_turn *turn, const char *host,
                           const struct takeover_failure *why, uint64_t *ret_count,
                           struct error *err)
{
    const struct view *view = &turn->view;
    struct waiting_search search = { .host = host, .before = why->before };
    int r;

    r = view->functions->walk(view->store, VIEW_COMMANDS, (struct bytes){ 0 }, visit_command,
                              &search, err);
    if (r < 0)
        (void)error_set(err, r, "find the commands that wait for host %s", host);
    for (size_t i = 0; r >= 0 && i < search.count; i++)
        r = fail_command(turn, host, why, &search.items[i], err);
    free(search.items);
    *ret_count = search.count;
    return r;
}

/* One that is still being created goes with its command. */
static int lose_container(struct commit_turn *turn, const char *host,
                          const struct takeover_loss *why, const char *id, uint64_t *count,
                          struct error *err)
{
    const struct container_lost lost = { .text = borrowed(why->text) };
    const struct notice notice = {
        .actor = why->actor,
        .host = host,
        .container = id,
        .schema = &container_lost_schema,
        .body = &lost,
    };
    autoarena arena = { 0 };
    struct container_row row;
    int r;

    r = view_container_sealed(&turn->view, id, &row, &arena, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (row.state == CONTAINER_UNKNOWN)
        return 0;
    (*count)++;
    return notice_append(turn, &notice, NULL, err);
}

int takeover_lose_containers(struct commit_turn *turn, const char *host,
                             const struct takeover_loss *why, uint64_t *ret_count,
                             struct error *err)
{
    autoarena arena = { 0 };
    struct view_copy *name = NULL;
    int r =
        view_collect(&turn->view, VIEW_NAMES, view_name_key(host, "", &arena), &arena, &name, err);

    *ret_count = 0;
    for (; r == 0 && name != NULL; name = name->next) {
        const char *id = arena_text_n(&arena, (const char *)name->value.data, name->value.size);

        r = lose_container(turn, host, why, id, ret_count, err);
    }
    return r;
}

int takeover_lose_host(struct commit_turn *turn, const struct host_row *row, const char *actor,
                       struct host_lose_is *ret, struct error *err)
{
    const struct takeover_failure failure = {
        .before = UINT64_MAX,
        .failure = FAILURE_HOST_LOST,
        .text = "the host was given up: nobody knows whether this command was carried out",
        .actor = actor,
    };
    const struct takeover_loss loss = { .text = "its host was given up", .actor = actor };
    struct host_lost lost = { .journal = row->journal };
    const struct notice notice = {
        .actor = actor,
        .host = row->name,
        .schema = &host_lost_schema,
        .body = &lost,
    };
    int r;

    r = takeover_fail_commands(turn, row->name, &failure, &lost.commands, err);
    if (r == 0)
        r = takeover_lose_containers(turn, row->name, &loss, &lost.containers, err);
    if (r < 0)
        return r;
    ret->containers = lost.containers;
    ret->commands = lost.commands;
    return notice_append(turn, &notice, &ret->pos, err);
}

static void start_name(const char *host, char ret[NAME_SIZE_MAX + 32])
{
    (void)snprintf(ret, NAME_SIZE_MAX + 32, "commands_from/%s", host);
}

int takeover_set_start(struct log_txn *txn, const char *host, uint64_t hello_pos, struct error *err)
{
    char name[NAME_SIZE_MAX + 32];

    start_name(host, name);
    return view_store_put_number(txn, name, hello_pos, err);
}

int takeover_start(struct log_txn *txn, const char *host, uint64_t *ret, struct error *err)
{
    char name[NAME_SIZE_MAX + 32];

    start_name(host, name);
    return view_store_number(txn, name, ret, err);
}
