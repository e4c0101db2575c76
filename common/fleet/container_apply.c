/* What an event does to a container's row; see fleet.h. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "common/fleet/body.h"
#include "common/fleet/config_update.h"
#include "common/fleet/container_state.h"
#include "common/fleet/fleet.h"

/* How an event is tied to a run of the container. */
enum run_rule {
    RUN_ANY = 0, /* it may say none */
    RUN_SAME,    /* it says the row's: a late exit of run 3 must not hit run 4 */
    RUN_NEW,     /* it begins one */
};

struct effect {
    enum run_rule run;
    const struct schema *schema; /* of the body; NULL: the state is all that changes */
    void (*apply)(struct container_row *row, const struct record *record, const void *body);
    bool changes_config; /* `apply` gets a copy of it: others may look at the old one still */
};

union body {
    struct container_created created;
    struct container_initialized initialized;
    struct container_init_failed init_failed;
    struct container_stopping stopping;
    struct container_signalled signalled;
    struct container_died died;
    struct container_restarting restarting;
    struct container_renamed renamed;
    struct container_update updated;
    struct nothing nothing;
};

static bool is_users(const struct record *record)
{
    return !command_id_is_zero(record->cause);
}

static void apply_created(struct container_row *row, const struct record *record, const void *body)
{
    const struct container_created *created = body;

    *row = (struct container_row){
        .id = record->container,
        .host = record->host != NULL ? record->host : row->host,
        .config = created->config,
        .created = record->happened,
    };
}

static void apply_initialized(struct container_row *row, const struct record *record,
                              const void *body)
{
    const struct container_initialized *initialized = body;

    row->run = record->run;
    row->pid = initialized->pid;
    row->pid_started = initialized->pid_started;
    row->conmon_pid = initialized->conmon_pid;
    row->conmon_started = initialized->conmon_started;
    row->runtime = initialized->runtime;
    row->started = 0;
    row->finished = 0;
    row->exit_code = 0;
    row->exit_unknown = false;
    row->has_exited = false;
    row->oom_killed = false;
    row->stopped_by_user = false;
    row->failure = NULL;
    if (is_users(record)) /* a restart policy goes on counting */
        row->restart_count = 0;
}

static void apply_init_failed(struct container_row *row, const struct record *record,
                              const void *body)
{
    const struct container_init_failed *failed = body;
    static char no_reason[] = "no reason was given";

    (void)record;
    row->failure = failed->text != NULL ? failed->text : no_reason;
}

static void apply_started(struct container_row *row, const struct record *record, const void *body)
{
    (void)body;
    row->started = record->happened;
}

static void apply_stopping(struct container_row *row, const struct record *record, const void *body)
{
    (void)body;
    if (is_users(record))
        row->stopped_by_user = true;
}

/* A signal that does not end the run must not switch off the restart policy (BEHAVIOUR KB-44). */
static void apply_signalled(struct container_row *row, const struct record *record,
                            const void *body)
{
    const struct container_signalled *signalled = body;
    uint32_t stop_signal = row->config != NULL ? row->config->stop_signal : 0;

    if (stop_signal == 0)
        stop_signal = SIGTERM;
    if (is_users(record) && (signalled->signal == SIGKILL || signalled->signal == stop_signal))
        row->stopped_by_user = true;
}

static void apply_died(struct container_row *row, const struct record *record, const void *body)
{
    const struct container_died *died = body;

    row->exit_code = died->is_unknown ? 0 : died->exit_code;
    row->exit_unknown = died->is_unknown;
    row->has_exited = true;
    row->oom_killed = died->oom_killed;
    row->finished = died->finished != 0 ? died->finished : record->happened;
    row->pid = 0;
    row->pid_started = 0;
}

static void apply_cleaned(struct container_row *row, const struct record *record, const void *body)
{
    (void)record;
    (void)body;
    row->pid = 0;
    row->pid_started = 0;
    row->conmon_pid = 0;
    row->conmon_started = 0;
}

static void apply_restarting(struct container_row *row, const struct record *record,
                             const void *body)
{
    const struct container_restarting *restarting = body;

    (void)record;
    row->restart_count = restarting->count;
}

static void apply_renamed(struct container_row *row, const struct record *record, const void *body)
{
    const struct container_renamed *renamed = body;

    (void)record;
    row->config->name = renamed->name;
}

static void apply_updated(struct container_row *row, const struct record *record, const void *body)
{
    (void)record;
    config_update_apply(row->config, body);
}

/* clang-format off */
static const struct effect effects[CONTAINER_EVENT_COUNT] = {
    [CONTAINER_EVENT_CREATED]     = { RUN_ANY,  &container_created_schema,     apply_created,     false },
    [CONTAINER_EVENT_INITIALIZED] = { RUN_NEW,  &container_initialized_schema, apply_initialized, false },
    [CONTAINER_EVENT_INIT_FAILED] = { RUN_ANY,  &container_init_failed_schema, apply_init_failed, false },
    [CONTAINER_EVENT_STARTED]     = { RUN_SAME, &container_started_schema,     apply_started,     false },
    [CONTAINER_EVENT_STOPPING]    = { RUN_SAME, &container_stopping_schema,    apply_stopping,    false },
    [CONTAINER_EVENT_SIGNALLED]   = { RUN_SAME, &container_signalled_schema,   apply_signalled,   false },
    [CONTAINER_EVENT_DIED]        = { RUN_SAME, &container_died_schema,        apply_died,        false },
    [CONTAINER_EVENT_CLEANED]     = { RUN_ANY,  &container_cleaned_schema,     apply_cleaned,     false },
    [CONTAINER_EVENT_PAUSED]      = { RUN_SAME, NULL,                          NULL,              false },
    [CONTAINER_EVENT_UNPAUSED]    = { RUN_SAME, NULL,                          NULL,              false },
    [CONTAINER_EVENT_RESTARTING]  = { RUN_ANY,  &container_restarting_schema,  apply_restarting,  false },
    [CONTAINER_EVENT_REMOVING]    = { RUN_ANY,  NULL,                          NULL,              false },
    [CONTAINER_EVENT_REMOVED]     = { RUN_ANY,  NULL,                          NULL,              false },
    [CONTAINER_EVENT_RENAMED]     = { RUN_ANY,  &container_renamed_schema,     apply_renamed,     true },
    [CONTAINER_EVENT_UPDATED]     = { RUN_ANY,  &container_updated_schema,     apply_updated,     true },
};
/* clang-format on */

static int check_subject(const struct container_row *row, const struct record *record,
                         enum container_event event, struct error *err)
{
    const char *id = record->container;
    /* What a row is called by was looked at when it was made. */
    bool is_rows_own = id != NULL && row->id != NULL && strcmp(row->id, id) == 0;

    if (id == NULL || (!is_rows_own && !container_id_is_valid(id)))
        return error_set(err, -EPROTO, "%s without a container", record->type);
    if (row->id == NULL && event != CONTAINER_EVENT_CREATED)
        return error_set(err, -EPROTO, "%s of unknown container %s", record->type, id);
    if (row->id == NULL && (record->host == NULL || !name_is_valid(record->host)))
        return error_set(err, -EPROTO, "%s of container %s without a host", record->type, id);
    if (row->id != NULL && !is_rows_own)
        return error_set(err, -EPROTO, "%s of another container than %s", record->type, row->id);
    if (row->id != NULL && record->host != NULL && strcmp(row->host, record->host) != 0)
        return error_set(err, -EPROTO, "%s of container %s by host %s: it is on host %s",
                         record->type, id, record->host, row->host);
    return 0;
}

static int check_run(const struct container_row *row, const struct record *record,
                     enum run_rule rule, struct error *err)
{
    if (rule == RUN_NEW && record->run <= row->run)
        return error_set(err, -EPROTO, "%s of container %s: run %u after run %u", record->type,
                         row->id, record->run, row->run);
    if (rule == RUN_SAME && record->run != row->run)
        return error_set(err, -EPROTO, "%s of container %s in run %u: it is in run %u",
                         record->type, row->id, record->run, row->run);
    return 0;
}

static int check_update(const union body *body, const struct record *record, struct error *err)
{
    struct refusal why;

    if (config_update_check(&body->updated, &why) != FAILURE_NONE)
        return error_set(err, -EPROTO, "container %s: %s", record->container, why.text);
    return 0;
}

/* The name that it brings. */
static int check_name(enum container_event event, const union body *body,
                      const struct record *record, struct error *err)
{
    const char *name = NULL;

    if (event == CONTAINER_EVENT_CREATED)
        name = body->created.config->name;
    else if (event == CONTAINER_EVENT_RENAMED)
        name = body->renamed.name;
    if (name != NULL && !name_is_valid(name))
        return error_set(err, -EPROTO, "container %s: name '%s' is none", record->container, name);
    return 0;
}

static struct container_config *copy_config(const struct container_config *config,
                                            struct arena *arena)
{
    struct container_config *copy = arena_zeroed(arena, sizeof(*copy));

    *copy = *config;
    return copy;
}

/* Every check comes before the first change: a refused record leaves the row as it was. */
int container_apply(struct container_row *row, const struct record *record, struct arena *arena,
                    struct error *err)
{
    enum container_event event = container_event_of(record->type);
    const struct effect *effect = &effects[event];
    struct record lasting;
    union body body = { 0 };
    enum container_state next;
    int r;

    if (event == CONTAINER_EVENT_NONE)
        return error_set(err, -EPROTO, "%s is no event of a container", record->type);
    r = check_subject(row, record, event, err);
    if (r < 0)
        return r;
    next = container_state_after((enum container_state)row->state, event);
    if (next == CONTAINER_STATE_COUNT)
        return error_set(err, -EPROTO, "%s of container %s while %s", record->type,
                         record->container, container_state_name((enum container_state)row->state));
    r = check_run(row, record, effect->run, err);
    if (r == 0 && effect->schema != NULL)
        r = body_decode(effect->schema, record, &body, arena, err);
    if (r == 0)
        r = check_name(event, &body, record, err);
    if (r == 0 && event == CONTAINER_EVENT_UPDATED)
        r = check_update(&body, record, err);
    if (r < 0)
        return r;

    if (event == CONTAINER_EVENT_CREATED) { /* the row keeps what its record says of it */
        lasting = *record;
        lasting.container = arena_text(arena, record->container);
        lasting.host = arena_text(arena, record->host);
        record = &lasting;
    }
    if (effect->changes_config)
        row->config = copy_config(row->config, arena);
    if (effect->apply != NULL)
        effect->apply(row, record, &body);
    row->state = (uint32_t)next;
    row->pos = record->pos != 0 ? record->pos : record->journal_seq;
    return 0;
}
