/*
 * gantry init, start, stop, restart, kill, pause, unpause, cleanup, rm: one command for each of
 * several containers. All are said before the first is waited for, so they go on side by side; but
 * start, stop and rm go by ranks where one of them requires another.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/signals.h"
#include "ops/console/depend.h"
#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/verbs.h"
#include "schemas/commands.h"

#define STATE(name) (1U << CONTAINER_##name)
#define ALL_STATES  (~0U)
#define LIVE_STATES (STATE(CREATED) | STATE(RUNNING) | STATE(PAUSED) | STATE(STOPPING))
#define IDLE_STATES (STATE(CONFIGURED) | STATE(CREATED) | STATE(STOPPED) | STATE(EXITED))

#define EXIT_NO_CONTAINER 1 /* podman rm: one of them does not exist */
#define EXIT_STATE        2 /* podman rm: one of them runs or is paused */

struct lifecycle_options {
    struct text_list containers;
    const char *host;
    const char *expires;
    bool is_detached;
    bool all;
    bool latest;
    bool force;
    bool ignores_missing;
    bool volumes;
    bool depend;
    struct maybe_i64 timeout_s;
    const char *signal;
};

/* A command's body, by its type. */
union body {
    struct nothing nothing;
    struct container_stop stop;
    struct container_restart restart;
    struct container_kill kill;
    struct container_remove remove;
};

struct action {
    const struct schema *schema;
    struct args_table table;
    uint32_t states_of_all;  /* --all means those in these states */
    uint32_t states_of_done; /* in these there is nothing to do, which is success */
    enum depend_order order;
    enum failure no_failure; /* an outcome that is as good as done; FAILURE_NONE: none is */
    int (*make_body)(const struct lifecycle_options *options, union body *ret, struct error *err);
};

/* One container of the command line. */
struct target {
    const char *word; /* as it was said: what podman prints when it is done */
    const struct container_row *row;
    uint32_t rank;
    struct submission submission;
    bool is_sent;
};

struct targets {
    struct target *items;
    size_t count;
    uint32_t rank_count;
};

static int make_nothing(const struct lifecycle_options *options, union body *ret, struct error *err)
{
    (void)options;
    (void)err;
    ret->nothing = (struct nothing){ 0 };
    return 0;
}

static int take_timeout(const struct lifecycle_options *options, struct maybe_u32 *ret,
                        struct error *err)
{
    const struct maybe_i64 *timeout_s = &options->timeout_s;

    if (timeout_s->is_set && (timeout_s->value < 0 || timeout_s->value > UINT32_MAX))
        return error_set(err, -ERANGE, "--time %lld: give seconds from 0 on",
                         (long long)timeout_s->value);
    *ret = (struct maybe_u32){ .is_set = timeout_s->is_set, .value = (uint32_t)timeout_s->value };
    return 0;
}

static int make_stop(const struct lifecycle_options *options, union body *ret, struct error *err)
{
    ret->stop = (struct container_stop){ 0 };
    return take_timeout(options, &ret->stop.timeout_s, err);
}

static int make_restart(const struct lifecycle_options *options, union body *ret, struct error *err)
{
    ret->restart = (struct container_restart){ 0 };
    return take_timeout(options, &ret->restart.timeout_s, err);
}

static int make_kill(const struct lifecycle_options *options, union body *ret, struct error *err)
{
    ret->kill = (struct container_kill){ 0 };
    return signals_parse(options->signal != NULL ? options->signal : "KILL", &ret->kill.signal,
                         err);
}

static int make_remove(const struct lifecycle_options *options, union body *ret, struct error *err)
{
    ret->remove = (struct container_remove){ .force = options->force, .volumes = options->volumes };
    return take_timeout(options, &ret->remove.timeout_s, err);
}

#define OPTION(...) ARG(struct lifecycle_options, __VA_ARGS__)
#define HOST_ROW                                                               \
    OPTION(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"), \
        EXPIRES_ROW(struct lifecycle_options),                                 \
        OPTION(is_detached, ARG_FLAG, 0, "detach", NULL,                       \
               "Print the command's id, and do not wait")
#define LATEST_ROW OPTION(latest, ARG_FLAG, 'l', "latest", NULL, "The container created last")
#define TIME_ROWS                                                                 \
    OPTION(timeout_s, ARG_NUMBER, 't', "time", "SECONDS", "Before KILL is sent"), \
        OPTION(timeout_s, ARG_NUMBER, 0, "timeout", "SECONDS", "The same as --time")
#define IGNORE_ROW    OPTION(ignores_missing, ARG_FLAG, 'i', "ignore", NULL, "Skip missing ones")
#define ALL_ROW(text) OPTION(all, ARG_FLAG, 'a', "all", NULL, text)

static const struct arg_row init_rows[] = { HOST_ROW, LATEST_ROW, ALL_ROW("All that never ran") };
static const struct arg_row start_rows[] = {
    HOST_ROW,
    LATEST_ROW,
    OPTION(all, ARG_FLAG, 0, "all", NULL, "All that do not run"),
    ARG_NOT_HERE('a', "attach", NULL, "attaching is not supported yet: see gantry logs --follow"),
    ARG_NOT_HERE('i', "interactive", NULL, "attaching is not supported yet"),
};
static const struct arg_row stop_rows[] = { HOST_ROW, LATEST_ROW, TIME_ROWS, IGNORE_ROW,
                                            ALL_ROW("All that run") };
static const struct arg_row restart_rows[] = { HOST_ROW, LATEST_ROW, TIME_ROWS,
                                               ALL_ROW("All, running or not") };
static const struct arg_row kill_rows[] = { HOST_ROW, LATEST_ROW, ALL_ROW("All that run"),
                                            OPTION(signal, ARG_TEXT, 's', "signal", "SIGNAL",
                                                   "Signal to send; default KILL") };
static const struct arg_row pause_rows[] = { HOST_ROW, LATEST_ROW, ALL_ROW("All that run") };
static const struct arg_row unpause_rows[] = { HOST_ROW, LATEST_ROW, ALL_ROW("All paused ones") };
static const struct arg_row cleanup_rows[] = { HOST_ROW, LATEST_ROW,
                                               ALL_ROW("All that have stopped") };
static const struct arg_row rm_rows[] = {
    HOST_ROW,
    LATEST_ROW,
    TIME_ROWS,
    IGNORE_ROW,
    ALL_ROW("All containers"),
    OPTION(force, ARG_FLAG, 'f', "force", NULL, "Stop running ones first; skip missing ones"),
    OPTION(depend, ARG_FLAG, 0, "depend", NULL, "All that require them too"),
    OPTION(volumes, ARG_FLAG, 'v', "volumes", NULL, "Anonymous volumes too"),
};

#define TABLE(rows_of_verb)                                                              \
    {                                                                                    \
        .rows = (rows_of_verb), .count = sizeof(rows_of_verb) / sizeof(*(rows_of_verb)), \
        .operands = offsetof(struct lifecycle_options, containers),                      \
    }

static void list_target(struct targets *targets, const char *word, const struct container_row *row)
{
    targets->items[targets->count++] = (struct target){ .word = word, .row = row };
}

static const struct container_row *latest_of(const struct container_rows *rows)
{
    const struct container_row *latest = NULL;

    for (size_t i = 0; i < rows->count; i++) {
        if (latest == NULL || rows->items[i].created > latest->created)
            latest = &rows->items[i];
    }
    return latest;
}

/* A word that means no container. rm has codes of its own for that. */
static void report_missing(struct console *console, const struct action *action,
                           const struct lifecycle_options *options, int code,
                           const struct error *why)
{
    bool is_remove = action->schema == &container_remove_schema;

    if (code == -ENOENT && (options->ignores_missing || (is_remove && options->force)))
        return;
    if (code == -ENOENT && is_remove && console->exit_code == 0)
        console->exit_code = EXIT_NO_CONTAINER;
    console_report(console, why);
}

static int choose_latest(const struct container_rows *rows, struct targets *ret, struct error *err)
{
    const struct container_row *latest = latest_of(rows);

    if (latest == NULL)
        return error_set(err, -ENOENT, "no containers to take the latest of: no such container");
    list_target(ret, latest->id, latest);
    return 0;
}

static void choose_all(const struct container_rows *rows, uint32_t states, struct targets *ret)
{
    for (size_t i = 0; i < rows->count; i++) {
        if ((states & 1U << rows->items[i].state) != 0)
            list_target(ret, rows->items[i].id, &rows->items[i]);
    }
}

/* Those that the words mean. Words that mean none are reported, and left out. */
static void choose_by_words(struct console *console, const struct action *action,
                            const struct lifecycle_options *options,
                            const struct container_rows *rows, struct targets *ret)
{
    for (size_t i = 0; i < options->containers.count; i++) {
        const char *word = options->containers.items[i];
        const struct container_row *row = NULL;
        struct error why = { 0 };
        int r = select_container(rows, word, &row, &why);

        if (r == 0)
            list_target(ret, word, row);
        else
            report_missing(console, action, options, r, &why);
    }
}

static void add_dependants(const struct container_rows *rows, bool *chosen, struct arena *arena,
                           struct targets *targets)
{
    bool *both = arena_zeroed(arena, rows->count * sizeof(*both));

    memcpy(both, chosen, rows->count * sizeof(*both));
    depend_add_dependants(rows, both);
    for (size_t i = 0; i < rows->count; i++) {
        if (both[i] && !chosen[i])
            list_target(targets, rows->items[i].id, &rows->items[i]);
    }
    memcpy(chosen, both, rows->count * sizeof(*both));
}

static void put_in_order(const struct action *action, const struct lifecycle_options *options,
                         const struct container_rows *rows, struct arena *arena,
                         struct targets *targets)
{
    bool *chosen = arena_zeroed(arena, rows->count * sizeof(*chosen));
    uint32_t *ranks = arena_zeroed(arena, rows->count * sizeof(*ranks));

    for (size_t i = 0; i < targets->count; i++)
        chosen[targets->items[i].row - rows->items] = true;
    if (options->depend)
        add_dependants(rows, chosen, arena, targets);
    targets->rank_count = depend_rank(rows, chosen, action->order, ranks);
    for (size_t i = 0; i < targets->count; i++)
        targets->items[i].rank = ranks[targets->items[i].row - rows->items];
}

/* Which containers are meant. */
static int choose(struct console *console, const struct action *action,
                  const struct lifecycle_options *options, struct targets *ret, struct error *err)
{
    struct container_rows rows = { 0 };
    size_t words = options->containers.count;
    int r;

    if ((options->all || options->latest) && words > 0)
        return error_set(err, -EINVAL, "no arguments are needed with --all or --latest");
    if (!options->all && !options->latest && words == 0)
        return error_set(err, -EINVAL, "you must provide at least one name or id");
    r = fleet_containers(console, options->host, &rows, err);
    if (r < 0)
        return r;
    ret->items = arena_zeroed(&console->arena, (rows.count + words + 1) * sizeof(*ret->items));
    if (options->latest)
        r = choose_latest(&rows, ret, err);
    if (r < 0)
        return r;
    if (options->all)
        choose_all(&rows, action->states_of_all, ret);
    choose_by_words(console, action, options, &rows, ret);
    put_in_order(action, options, &rows, &console->arena, ret);
    return 0;
}

static void send(struct console *console, const struct action *action, const union body *body,
                 struct target *target)
{
    const struct command command = { .schema = action->schema,
                                     .body = body,
                                     .host = target->row->host,
                                     .container = target->row->id };
    struct error why = { 0 };
    int r;

    if ((action->states_of_done & 1U << target->row->state) != 0)
        return;
    r = submit_send(console, &command, &target->submission, &why);
    if (r < 0)
        console_report(console, &why);
    target->is_sent = r == 0;
}

static void report_failure(struct console *console, const struct action *action,
                           const struct target *target, const struct result *result)
{
    struct error why = { 0 };

    if (action->schema == &container_remove_schema && console->exit_code == 0 &&
        result->failure == FAILURE_STATE_IMPROPER)
        console->exit_code = EXIT_STATE;
    (void)error_set(&why, client_errno(result->failure), "%s",
                    result->text != NULL ? result->text : failure_name(result->failure));
    if (strstr(why.text, target->word) == NULL)
        (void)error_add_context(&why, why.code, "container %s", target->word);
    console_report(console, &why);
}

/* It is under way, and that is all that was asked for: the id tells it apart, say for cancel. */
static void print_id(const struct submission *submission)
{
    char id[2 * COMMAND_ID_SIZE + 1];

    hex_write(submission->id.bytes, COMMAND_ID_SIZE, id);
    puts(id);
}

static void finish(struct console *console, const struct action *action,
                   const struct lifecycle_options *options, const struct target *target)
{
    struct result result = { 0 };
    struct error why = { 0 };

    if (options->is_detached && target->submission.failure == FAILURE_NONE) {
        if (target->is_sent)
            print_id(&target->submission);
        return;
    }
    if (target->is_sent && submit_wait(console, &target->submission, &result, &why) < 0) {
        console_report(console, &why);
        return;
    }
    if (result.failure == FAILURE_NO_CONTAINER && (options->force || options->ignores_missing))
        result.failure = FAILURE_NONE; /* somebody else has removed it meanwhile */
    if (result.failure != FAILURE_NONE && result.failure != action->no_failure)
        report_failure(console, action, target, &result);
    else
        puts(target->word);
}

static void run_rank(struct console *console, const struct action *action,
                     const struct lifecycle_options *options, const union body *body,
                     struct targets *targets, uint32_t rank)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->items[i].rank == rank)
            send(console, action, body, &targets->items[i]);
    }
    for (size_t i = 0; i < targets->count; i++) {
        const struct target *target = &targets->items[i];
        bool is_done = (action->states_of_done & 1U << target->row->state) != 0;

        if (target->rank == rank && (target->is_sent || is_done))
            finish(console, action, options, target);
    }
}

static int run_action(struct console *console, const struct args_usage *usage, char **argv,
                      const struct action *action, struct error *err)
{
    struct lifecycle_options options = { .host = console->host };
    struct targets targets = { 0 };
    union body body;
    int r = args_parse(&action->table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = action->make_body(&options, &body, err);
    if (r == 0)
        r = choose(console, action, &options, &targets, err);
    if (r < 0)
        return r;
    for (uint32_t rank = 0; rank < targets.rank_count; rank++)
        run_rank(console, action, &options, &body, &targets, rank);
    return 0;
}

#define DEFINE_VERB(verb, ...)                                                                     \
    int verb_##verb(struct console *console, const struct args_usage *usage, char **argv,          \
                    struct error *err)                                                             \
    {                                                                                              \
        static const struct action action = { .schema = &container_##verb##_schema, __VA_ARGS__ }; \
                                                                                                   \
        return run_action(console, usage, argv, &action, err);                                     \
    }

DEFINE_VERB(init, .table = TABLE(init_rows), .states_of_all = STATE(CONFIGURED) | STATE(EXITED),
            .make_body = make_nothing)
DEFINE_VERB(start, .table = TABLE(start_rows), .states_of_all = IDLE_STATES,
            .order = DEPEND_REQUIRED_FIRST, .states_of_done = STATE(RUNNING),
            .make_body = make_nothing)
DEFINE_VERB(stop, .table = TABLE(stop_rows), .states_of_all = LIVE_STATES,
            .order = DEPEND_DEPENDANTS_FIRST, .no_failure = FAILURE_ALREADY_STOPPED,
            .make_body = make_stop)
DEFINE_VERB(restart, .table = TABLE(restart_rows), .states_of_all = ALL_STATES,
            .make_body = make_restart)
DEFINE_VERB(kill, .table = TABLE(kill_rows), .states_of_all = STATE(RUNNING),
            .make_body = make_kill)
DEFINE_VERB(pause, .table = TABLE(pause_rows), .states_of_all = STATE(RUNNING),
            .make_body = make_nothing)
DEFINE_VERB(unpause, .table = TABLE(unpause_rows), .states_of_all = STATE(PAUSED),
            .make_body = make_nothing)
DEFINE_VERB(cleanup, .table = TABLE(cleanup_rows), .states_of_all = STATE(STOPPED),
            .make_body = make_nothing)

int verb_rm(struct console *console, const struct args_usage *usage, char **argv, struct error *err)
{
    static const struct action action = { .schema = &container_remove_schema,
                                          .table = TABLE(rm_rows),
                                          .states_of_all = ALL_STATES,
                                          .order = DEPEND_DEPENDANTS_FIRST,
                                          .make_body = make_remove };

    return run_action(console, usage, argv, &action, err);
}
