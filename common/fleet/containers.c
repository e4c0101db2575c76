/* The containers' part of the fold; see the header. */
#include "common/fleet/containers.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/body.h"
#include "common/fleet/container_state.h"
#include "common/fleet/hosts.h"
#include "common/fleet/view.h"
#include "schemas/codec.h"
#include "schemas/commands.h"

static int check_name_is_free(const struct view *view, const struct container_row *row,
                              struct error *err)
{
    char holder[CONTAINER_ID_SIZE + 1];
    int r;

    r = view_name(view, row->host, row->config->name, holder, NULL);
    if (r == -ENOENT || (r == 0 && strcmp(holder, row->id) == 0))
        return 0;
    if (r < 0)
        return error_set(err, r, "look up name %s of host %s", row->config->name, row->host);
    return error_set(err, -EPROTO, "container %s: name %s of host %s is held by %s", row->id,
                     row->config->name, row->host, holder);
}

static int put_name(const struct view *view, const struct container_row *row, struct arena *arena,
                    struct error *err)
{
    return view_put_bytes(view, VIEW_NAMES, view_name_key(row->host, row->config->name, arena),
                          bytes_of_text(row->id), err);
}

static int remove_name(const struct view *view, const struct container_row *row,
                       struct arena *arena, struct error *err)
{
    return view_remove(view, VIEW_NAMES, view_name_key(row->host, row->config->name, arena), err);
}

static int put_row(const struct view *view, const struct container_row *row, struct error *err)
{
    return view_put_row(view, VIEW_CONTAINERS, bytes_of_text(row->id), row, err);
}

static int remove_row(const struct view *view, const struct container_row *row, struct arena *arena,
                      struct error *err)
{
    int r;

    r = remove_name(view, row, arena, err);
    if (r < 0)
        return r;
    return view_remove(view, VIEW_CONTAINERS, bytes_of_text(row->id), err);
}

/* The row as it is, or all zero. */
static int load_row(const struct view *view, const char *id, struct container_row *ret,
                    struct arena *arena, struct error *err)
{
    int r;

    *ret = (struct container_row){ 0 };
    if (id == NULL)
        return 0;
    r = view_container(view, id, ret, arena, err);
    if (r != -ENOENT)
        return r;
    *ret = (struct container_row){ 0 };
    return 0;
}

static int check_reservation(const struct record *command, const struct container_config *config,
                             struct error *err)
{
    const char *id = command->container;

    if (id == NULL || !container_id_is_valid(id))
        return error_set(err, -EPROTO, "create without a container");
    if (command->host == NULL || !name_is_valid(command->host))
        return error_set(err, -EPROTO, "create container %s without a host", id);
    if (!name_is_valid(config->name))
        return error_set(err, -EPROTO, "create container %s: name '%s' is none", id, config->name);
    return 0;
}

int containers_reserve(const struct view *view, const struct record *command, struct error *err)
{
    autoarena arena = { 0 };
    struct container_create create = { 0 };
    struct container_row row = { 0 };
    int r;

    r = body_decode(&container_create_schema, command, &create, &arena, err);
    if (r == 0)
        r = check_reservation(command, create.config, err);
    if (r == 0)
        r = load_row(view, command->container, &row, &arena, err);
    if (r < 0)
        return r;
    if (row.id != NULL)
        return error_set(err, -EPROTO, "create container %s, which exists", row.id);

    row = (struct container_row){
        .id = command->container,
        .host = command->host,
        .state = CONTAINER_UNKNOWN,
        .config = create.config,
        .pos = command->pos,
    };
    r = check_name_is_free(view, &row, err);
    if (r == 0)
        r = put_name(view, &row, &arena, err);
    if (r == 0)
        r = put_row(view, &row, err);
    return r;
}

int containers_release(const struct view *view, const char *id, uint64_t pos, struct error *err)
{
    autoarena arena = { 0 };
    struct container_row row;
    int r;

    r = load_row(view, id, &row, &arena, err);
    if (r < 0)
        return r;
    /* Only the command that reserved it: a later one for the same id holds nothing. */
    if (row.id == NULL || row.state != CONTAINER_UNKNOWN || row.pos != pos)
        return 0;
    return remove_row(view, &row, &arena, err);
}

int containers_hold_name(const struct view *view, const struct record *command, struct error *err)
{
    autoarena arena = { 0 };
    char holder[CONTAINER_ID_SIZE + 1];
    const char *host = command->host;
    const char *id = command->container;
    struct container_rename rename;
    int r;

    r = body_decode(&container_rename_schema, command, &rename, &arena, err);
    if (r < 0)
        return r;
    if (id == NULL || !container_id_is_valid(id) || host == NULL || !name_is_valid(host) ||
        !name_is_valid(rename.name))
        return error_set(err, -EPROTO, "rename container %s of host %s to '%s'",
                         id != NULL ? id : "?", host != NULL ? host : "?", rename.name);
    r = view_name(view, host, rename.name, holder, NULL);
    if (r == 0)
        return error_set(err, -EPROTO, "rename container %s: name %s of host %s is held by %s", id,
                         rename.name, host, holder);
    if (r != -ENOENT)
        return error_set(err, r, "look up name %s of host %s", rename.name, host);
    return view_put_bytes(view, VIEW_NAMES, view_name_key(host, rename.name, &arena),
                          bytes_of_text(id), err);
}

int containers_release_name(const struct view *view, const struct command_row *command,
                            struct error *err)
{
    autoarena arena = { 0 };
    char holder[CONTAINER_ID_SIZE + 1];
    struct container_row row;
    int r;

    if (command->host == NULL || command->container == NULL)
        return 0;
    r = view_name(view, command->host, command->name, holder, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (strcmp(holder, command->container) != 0)
        return 0;
    r = load_row(view, command->container, &row, &arena, err);
    if (r < 0 || (row.id != NULL && strcmp(row.host, command->host) == 0 &&
                  strcmp(row.config->name, command->name) == 0))
        return r;
    return view_remove(view, VIEW_NAMES, view_name_key(command->host, command->name, &arena), err);
}

/* container.created may bring another name than the command had reserved; container.renamed does.
 */
static int move_name(const struct view *view, const struct container_row *before,
                     const struct container_row *after, struct arena *arena, struct error *err)
{
    int r;

    r = check_name_is_free(view, after, err);
    if (r == 0 && before->id != NULL)
        r = remove_name(view, before, arena, err);
    if (r == 0)
        r = put_name(view, after, arena, err);
    return r;
}

/* What happens to a run asks nothing of the configuration, and leaves it alone. */
static bool is_of_run(enum container_event event)
{
    return event == CONTAINER_EVENT_INITIALIZED || event == CONTAINER_EVENT_STARTED ||
           event == CONTAINER_EVENT_STOPPING || event == CONTAINER_EVENT_DIED ||
           event == CONTAINER_EVENT_CLEANED || event == CONTAINER_EVENT_PAUSED ||
           event == CONTAINER_EVENT_UNPAUSED || event == CONTAINER_EVENT_RESTARTING;
}

/* So it is passed on undecoded. */
static int apply_sealed(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct container_row row = { 0 };
    int r = 0;

    if (record->container != NULL)
        r = view_container_sealed(view, record->container, &row, &arena, err);
    if (r == -ENOENT)
        row = (struct container_row){ 0 };
    else if (r < 0)
        return r;
    r = container_apply(&row, record, &arena, err);
    if (r < 0)
        return r;
    return view_put_sealed(view, VIEW_CONTAINERS, bytes_of_text(row.id), &row, err);
}

int containers_event(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    enum container_event event = container_event_of(record->type);
    struct container_row before;
    struct container_row after;
    int r;

    if (is_of_run(event))
        return apply_sealed(view, record, err);
    r = load_row(view, record->container, &before, &arena, err);
    if (r < 0)
        return r;
    after = before;
    r = container_apply(&after, record, &arena, err);
    if (r < 0)
        return r;
    if (event == CONTAINER_EVENT_REMOVED)
        return remove_row(view, &after, &arena, err);
    if (event == CONTAINER_EVENT_CREATED || event == CONTAINER_EVENT_RENAMED)
        r = move_name(view, &before, &after, &arena, err);
    if (r == 0)
        r = put_row(view, &after, err);
    return r;
}

static int decode_recovered(const struct record *record, struct container_row *ret,
                            struct arena *arena, struct error *err)
{
    struct container_recovered recovered = { 0 };
    int r;

    r = body_decode(&container_recovered_schema, record, &recovered, arena, err);
    if (r < 0)
        return r;
    if (schema_decode(&container_row_schema, recovered.row.bytes, ret, arena, err) < 0)
        return error_add_context(err, -EPROTO, "row in %s", record->type);
    if (record->container == NULL || strcmp(ret->id, record->container) != 0 ||
        !container_id_is_valid(ret->id) || record->host == NULL ||
        strcmp(ret->host, record->host) != 0)
        return error_set(err, -EPROTO, "%s holds the row of container %.64s of host %.255s",
                         record->type, ret->id, ret->host);
    if (ret->config == NULL || !name_is_valid(ret->config->name) ||
        ret->state == CONTAINER_UNKNOWN || ret->state >= CONTAINER_STATE_COUNT)
        return error_set(err, -EPROTO, "%s of container %s: it has no name, or no state",
                         record->type, ret->id);
    return 0;
}

int containers_recovered(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct container_row before;
    struct container_row after;
    int r;

    r = hosts_count_recovered(view, record, err);
    if (r == 0)
        r = decode_recovered(record, &after, &arena, err);
    if (r == 0)
        r = load_row(view, after.id, &before, &arena, err);
    if (r < 0)
        return r;
    if (before.id != NULL && strcmp(before.host, after.host) != 0)
        return error_set(err, -EPROTO, "container %s of host %s is on host %s already", after.id,
                         after.host, before.host);
    after.pos = record->pos;
    r = move_name(view, &before, &after, &arena, err);
    return r == 0 ? put_row(view, &after, err) : r;
}

int containers_lost(const struct view *view, const struct record *record, struct error *err)
{
    autoarena arena = { 0 };
    struct container_row row = { 0 };
    int r = 0;

    if (record->container != NULL)
        r = load_row(view, record->container, &row, &arena, err);
    if (r < 0)
        return r;
    if (row.id == NULL || record->host == NULL || strcmp(row.host, record->host) != 0)
        return error_set(err, -EPROTO, "%s of a container that is not on its host", record->type);
    return remove_row(view, &row, &arena, err);
}

static int drop(const struct view *view, const char *id, struct error *err)
{
    autoarena arena = { 0 };
    struct container_row row;
    int r;

    r = load_row(view, id, &row, &arena, err);
    if (r < 0 || row.id == NULL || row.state == CONTAINER_UNKNOWN)
        return r;
    return remove_row(view, &row, &arena, err);
}

int containers_drop_host(const struct view *view, const char *host, struct error *err)
{
    autoarena arena = { 0 };
    struct view_copy *name = NULL;
    int r = view_collect(view, VIEW_NAMES, view_name_key(host, "", &arena), &arena, &name, err);

    for (; r == 0 && name != NULL; name = name->next)
        r = drop(view, arena_text_n(&arena, (const char *)name->value.data, name->value.size), err);
    return r;
}
