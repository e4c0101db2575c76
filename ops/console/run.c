/*
 * gantry run, gantry create.
 *
 * A run in the foreground is create, init, a stream of the log, start: the stream is there before
 * the first word is written, and an executable that does not exist fails at init, as in podman.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/clock.h"
#include "common/io/files.h"
#include "ops/console/config_from_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/lifetime.h"
#include "ops/console/log_follower.h"
#include "ops/console/names.h"
#include "ops/console/run_options.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/verbs.h"
#include "schemas/commands.h"

#define EXIT_PERMISSION_DENIED 126 /* podman: the command cannot be executed */
#define EXIT_NOT_FOUND         127 /* podman: the command does not exist */
#define NAME_TRIES_MAX         10
#define EXIT_WAIT_MS           10000
#define REMOVAL_WAIT_MS        10000

/* A container that is being made and run. */
struct running {
    struct console *console;
    const struct run_options *options;
    struct container_config config;
    const char *host;
    char id[CONTAINER_ID_SIZE + 1];
    struct lifetime lifetime;
};

/* clang-format off */
static const int forwarded[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCONT,
};
/* clang-format on */
#define FORWARDED_COUNT (sizeof(forwarded) / sizeof(*forwarded))

struct forwarder {
    struct running *running;
    struct event *events[FORWARDED_COUNT];
};

static int exit_code_of(enum failure failure)
{
    if (failure == FAILURE_PERMISSION_DENIED)
        return EXIT_PERMISSION_DENIED;
    return failure == FAILURE_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_GANTRY;
}

/* Carry out one command about the container; what kind of failure it is sets our exit code. */
static int carry_out(struct running *running, const struct schema *schema, const void *body,
                     struct result *ret, struct error *err)
{
    const struct command command = {
        .schema = schema, .body = body, .host = running->host, .container = running->id
    };
    int r;

    *ret = (struct result){ 0 };
    r = submit_run(running->console, &command, ret, err);
    if (r < 0)
        running->console->exit_code = exit_code_of(ret->failure);
    return r;
}

/* Create it. A name that we made up and that is taken is no fault of the operator's. */
static int create_container(struct running *running, struct error *err)
{
    struct container_create body = { .config = &running->config };
    bool makes_name = running->config.name == NULL;
    struct result result;
    int r;

    for (unsigned tries = 1;; tries++) {
        char name[NAMES_SIZE];

        if (makes_name) {
            names_make_name(names_random(), name);
            running->config.name = arena_text(&running->console->arena, name);
        }
        names_make_id(running->id);
        r = carry_out(running, &container_create_schema, &body, &result, err);
        if (r != -EEXIST || !makes_name || tries == NAME_TRIES_MAX)
            break;
        running->console->exit_code = 0;
    }
    if (r < 0)
        return r;
    running->lifetime =
        (struct lifetime){ .container = running->id,
                           .cursor = result.pos,
                           .wanted = 1U << CONTAINER_STOPPED | 1U << CONTAINER_EXITED,
                           .state = CONTAINER_UNKNOWN };
    return 0;
}

/* podman: the file must be new. */
static int check_cidfile(const char *path, struct error *err)
{
    struct stat there;

    if (path == NULL || stat(path, &there) < 0)
        return 0;
    return error_set(err, -EEXIST, "container id file exists: \"%s\"", path);
}

static int write_cidfile(const struct running *running, struct error *err)
{
    const char *path = running->options->cidfile;

    if (path == NULL)
        return 0;
    return files_replace(AT_FDCWD, path, bytes_of_text(running->id), 0644, 0, err);
}

/* Everything before a container runs: options, configuration, host, and the container itself. */
static int make_container(struct running *running, struct error *err)
{
    struct console *console = running->console;
    const struct run_options *options = running->options;
    struct host_rows hosts = { 0 };
    int r = config_from_args(options, console->argv, &console->arena, &running->config, err);

    if (r == 0)
        r = check_cidfile(options->cidfile, err);
    if (r == 0)
        r = fleet_hosts(console, &hosts, err);
    if (r == 0)
        r = select_host(&hosts, options->host, &running->host, err);
    if (r == 0)
        r = create_container(running, err);
    return r == 0 ? write_cidfile(running, err) : r;
}

int verb_create(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct run_options options = { .host = console->host };
    struct running running = { .console = console, .options = &options };
    int r = args_parse(&create_options_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = make_container(&running, err);
    if (r < 0)
        return r;
    puts(running.id);
    return 0;
}

/* What did not come to run is removed if it was to be removed after the run. */
static void remove_failed(struct running *running)
{
    const struct container_remove body = { .force = true };
    const struct command command = { .schema = &container_remove_schema,
                                     .body = &body,
                                     .host = running->host,
                                     .container = running->id };

    running->console->deadline = 0; /* what it did not meet */
    if (running->options->auto_remove)
        (void)submit_run(running->console, &command, NULL, NULL);
}

static int run_detached(struct running *running, struct error *err)
{
    struct result result;
    int r = carry_out(running, &container_start_schema, NULL, &result, err);

    if (r < 0) {
        remove_failed(running);
        return r;
    }
    puts(running->id);
    return 0;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct running *running = arg;
    const struct container_kill body = { .signal = (uint32_t)number };
    const struct command command = { .schema = &container_kill_schema,
                                     .body = &body,
                                     .host = running->host,
                                     .container = running->id };
    struct error why = { 0 };

    (void)what;
    running->console->deadline = 0; /* it was the start's */
    if (submit_tell(running->console, &command, &why) < 0)
        console_note("signal %d is not forwarded: %s", (int)number, why.text);
}

static void forwarder_stop(struct forwarder *forwarder)
{
    for (size_t i = 0; i < FORWARDED_COUNT; i++) {
        if (forwarder->events[i] != NULL)
            event_free(forwarder->events[i]);
    }
}

static int forwarder_start(struct forwarder *forwarder, struct error *err)
{
    struct running *running = forwarder->running;
    struct client *client = NULL;
    int r = console_client(running->console, &client, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < FORWARDED_COUNT; i++) {
        forwarder->events[i] = evsignal_new(client_loop(client), forwarded[i], on_signal, running);
        if (forwarder->events[i] == NULL || event_add(forwarder->events[i], NULL) < 0)
            return error_set(err, -ENOMEM, "watch signal %d", forwarded[i]);
    }
    return 0;
}

static void on_chunk(void *owner, const struct stream_chunk *chunk)
{
    (void)owner;
    log_follower_print(chunk, chunk->channel == 2 ? stderr : stdout);
}

static int is_over(void *owner, bool *ret, struct error *err)
{
    struct running *running = owner;
    int r = lifetime_follow(running->console, &running->lifetime, 0, err);

    *ret = running->lifetime.is_reached || running->lifetime.is_removed;
    return r;
}

/* The exit is in the log, or comes. */
static int wait_for_exit(struct running *running, struct error *err)
{
    struct lifetime *lifetime = &running->lifetime;

    while (!lifetime->is_reached && !lifetime->is_removed) {
        int r = lifetime_follow(running->console, lifetime, EXIT_WAIT_MS, err);

        if (r < 0)
            return r;
    }
    if (!lifetime->has_exited || lifetime->exit_unknown)
        return error_set(err, -ENODATA, "container %.12s ended, and nobody can know its exit code",
                         running->id);
    running->console->exit_code = lifetime->exit_code & 0xff;
    return 0;
}

/* With --rm the container is gone when its run is over: whoever goes on may count on that. One that
 * stays, because others require it or because it cannot be removed now, goes later. */
static void wait_for_removal(struct running *running)
{
    struct lifetime *lifetime = &running->lifetime;
    uint64_t begin = clock_steady_ms();
    struct error why = { 0 };
    int r = 0;

    lifetime->wanted = 0;
    lifetime->is_reached = false;
    for (uint64_t now = begin; r == 0 && !lifetime->is_removed && now < begin + REMOVAL_WAIT_MS;
         now = clock_steady_ms())
        r = lifetime_follow(running->console, lifetime, (unsigned)(begin + REMOVAL_WAIT_MS - now),
                            &why);
    if (r < 0)
        console_note("whether %.12s is removed is not known: %s", running->id, why.text);
    else if (!lifetime->is_removed)
        console_note("%.12s has ended and is not removed yet: its host will do it", running->id);
}

static int show_until_exit(struct running *running, struct log_follower *follower,
                           struct error *err)
{
    static const struct log_follower_events events = { .on_chunk = on_chunk, .is_over = is_over };
    struct error why = { 0 };
    int r;

    /* Output that cannot be shown does not end the container, nor change how it ends. */
    if (log_follower_run(follower, &events, running, &why) < 0)
        console_note("the output of %.12s cannot be read on: %s", running->id, why.text);
    r = wait_for_exit(running, err);
    if (running->options->auto_remove)
        wait_for_removal(running);
    return r;
}

static int run_attached(struct running *running, struct error *err)
{
    struct log_follower follower = {
        .console = running->console,
        .open = { .host = arena_text(&running->console->arena, running->host),
                  .container = running->id,
                  .kind = arena_text(&running->console->arena, "logs"),
                  .follow = true,
                  .tail = -1 },
    };
    struct forwarder forwarder = { .running = running };
    struct result result;
    int r = carry_out(running, &container_init_schema, NULL, &result, err);

    if (r == 0)
        r = log_follower_open(&follower, err);
    if (r == 0 && running->options->forwards_signals)
        r = forwarder_start(&forwarder, err);
    if (r == 0)
        r = carry_out(running, &container_start_schema, NULL, &result, err);
    if (r == 0)
        r = show_until_exit(running, &follower, err);
    else
        remove_failed(running);
    forwarder_stop(&forwarder);
    return r;
}

int verb_run(struct console *console, const struct args_usage *usage, char **argv,
             struct error *err)
{
    struct run_options options = { .host = console->host, .forwards_signals = true };
    struct running running = { .console = console, .options = &options };
    int r = args_parse(&run_options_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = make_container(&running, err);
    if (r < 0)
        return r;
    return options.is_detached ? run_detached(&running, err) : run_attached(&running, err);
}
