/* gantry logs */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/io/clock.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/lifetime.h"
#include "ops/console/log_follower.h"
#include "ops/console/select.h"
#include "ops/console/units.h"
#include "ops/console/verbs.h"

struct logs_options {
    const char *host;
    struct text_list containers;
    bool follows;
    bool shows_times;
    bool shows_names;
    const char *since;
    const char *until;
    struct maybe_i64 tail;
};

#define LOGS(...) ARG(struct logs_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    LOGS(follows, ARG_FLAG, 'f', "follow", NULL, "Go on until the container has ended"),
    LOGS(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    LOGS(shows_names, ARG_FLAG, 'n', "names", NULL, "The container's name before each line"),
    LOGS(since, ARG_TEXT, 0, "since", "TIME", "Lines from this time on: a time, or \"10m\" ago"),
    LOGS(tail, ARG_NUMBER, 0, "tail", "N", "The last N lines; -1: all"),
    LOGS(shows_times, ARG_FLAG, 't', "timestamps", NULL, "When it was written, before each line"),
    LOGS(until, ARG_TEXT, 0, "until", "TIME", "Lines up to this time"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct logs_options, containers),
};

/* One container's log on its way to the terminal. */
struct reading {
    struct console *console;
    const struct logs_options *options;
    const char *name;
    struct lifetime lifetime;
    bool is_within_line[3]; /* by channel: the part before had no newline */
};

static void on_chunk(void *owner, const struct stream_chunk *chunk)
{
    struct reading *reading = owner;
    unsigned channel = chunk->channel == 2 ? 2 : 1;
    FILE *out = channel == 2 ? stderr : stdout;

    if (!reading->is_within_line[channel]) {
        char time[UNITS_TIME_SIZE];

        if (reading->options->shows_names)
            (void)fprintf(out, "%s ", reading->name);
        units_write_time(chunk->time, time);
        if (reading->options->shows_times)
            (void)fprintf(out, "%s ", time);
    }
    log_follower_print(chunk, out);
    reading->is_within_line[channel] = chunk->is_partial;
}

static int is_over(void *owner, bool *ret, struct error *err)
{
    struct reading *reading = owner;
    int r = lifetime_follow(reading->console, &reading->lifetime, 0, err);

    *ret = reading->lifetime.is_reached || reading->lifetime.is_removed;
    return r;
}

static int read_times(const struct logs_options *options, struct stream_open *ret,
                      struct error *err)
{
    uint64_t now = clock_wall_ns();
    int r = 0;

    if (options->since != NULL)
        r = units_parse_time(options->since, now, &ret->since, err);
    if (r == 0 && options->until != NULL)
        r = units_parse_time(options->until, now, &ret->until, err);
    ret->tail = options->tail.is_set ? options->tail.value : -1;
    ret->follow = options->follows;
    return r;
}

static int show_log(struct console *console, const struct logs_options *options,
                    const struct container_row *row, uint64_t pos, struct error *err)
{
    static const struct log_follower_events events = { .on_chunk = on_chunk, .is_over = is_over };
    struct reading reading = {
        .console = console,
        .options = options,
        .name = row->config != NULL ? row->config->name : row->id,
        .lifetime = lifetime_of_row(row, pos, 1U << CONTAINER_STOPPED | 1U << CONTAINER_EXITED,
                                    &console->arena),
    };
    struct log_follower follower = {
        .console = console,
        .open = { .host = row->host,
                  .container = row->id,
                  .kind = arena_text(&console->arena, "logs") },
    };
    int r = read_times(options, &follower.open, err);

    if (r == 0)
        r = log_follower_open(&follower, err);
    if (r == 0)
        r = log_follower_run(&follower, &events, &reading, err);
    return r < 0 ? error_add_context(err, r, "logs of %s", reading.name) : 0;
}

int verb_logs(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct logs_options options = { .host = console->host };
    struct container_rows containers = { 0 };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.containers.count, 1, SIZE_MAX, err);
    if (r == 0 && options.follows && options.containers.count > 1)
        r = error_set(err, -EINVAL, "--follow takes one container");
    if (r == 0)
        r = fleet_containers(console, options.host, &containers, err);
    for (size_t i = 0; r == 0 && i < options.containers.count; i++) {
        const struct container_row *row = NULL;

        r = select_container(&containers, options.containers.items[i], &row, err);
        if (r == 0)
            r = show_log(console, &options, row, containers.pos, err);
    }
    return r;
}
