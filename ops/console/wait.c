/* gantry wait */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/fleet/container_state.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/lifetime.h"
#include "ops/console/select.h"
#include "ops/console/verbs.h"

#define WAIT_MS 20000

struct wait_options {
    const char *host;
    struct text_list containers;
    struct text_list conditions;
    const char *interval;
    bool ignores_missing;
};

#define WAIT(...) ARG(struct wait_options, __VA_ARGS__)

/* clang-format off */
static const struct arg_row rows[] = {
    WAIT(conditions, ARG_LIST, 0, "condition", "STATE",
        "stopped (default), running, paused, exited, removed, ..."),
    WAIT(host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    WAIT(ignores_missing, ARG_FLAG, 0, "ignore", NULL, "Print -1 for a container that is missing"),
    WAIT(interval, ARG_TEXT, 'i', "interval", "TIME", "Taken and not needed: nothing is polled"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct wait_options, containers),
};

/* What to wait for. */
struct wanted {
    uint32_t states;
    bool removed;
};

/* "stopped" is podman's default: ended, cleaned up or not. */
static const struct wanted ended = { .states = 1U << CONTAINER_STOPPED | 1U << CONTAINER_EXITED };

static int parse_conditions(const struct text_list *words, struct wanted *ret, struct error *err)
{
    *ret = words->count > 0 ? (struct wanted){ 0 } : ended;
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        enum container_state state;

        if (strcmp(word, "removed") == 0)
            ret->removed = true;
        else if (strcmp(word, "stopped") == 0)
            ret->states |= ended.states;
        else if (container_state_parse(word, &state))
            ret->states |= 1U << state;
        else
            return error_set(err, -EINVAL, "invalid condition \"%s\"", word);
    }
    return 0;
}

/* The exit of a container that is gone is still told, when it was seen. */
static int wait_for(struct console *console, struct lifetime *lifetime, const struct wanted *wanted,
                    struct error *err)
{
    while (!lifetime->is_reached && !lifetime->is_removed) {
        int r = lifetime_follow(console, lifetime, WAIT_MS, err);

        if (r < 0)
            return r;
    }
    if (!lifetime->is_reached && !wanted->removed && !lifetime->has_exited)
        return error_set(err, -ENOENT, "container %.12s was %s: no such container",
                         lifetime->container, lifetime->is_lost ? "lost" : "removed");
    if (lifetime->has_exited && !lifetime->exit_unknown)
        printf("%d\n", lifetime->exit_code);
    else
        puts("-1");
    (void)fflush(stdout);
    return 0;
}

static int wait_for_word(struct console *console, const struct container_rows *containers,
                         const char *word, const struct wanted *wanted, struct error *err)
{
    const struct container_row *row = NULL;
    struct lifetime lifetime;
    int r = select_container(containers, word, &row, err);

    if (r < 0)
        return r;
    lifetime = lifetime_of_row(row, containers->pos, wanted->states, &console->arena);
    return wait_for(console, &lifetime, wanted, err);
}

int verb_wait(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    struct wait_options options = { .host = console->host };
    struct container_rows containers = { 0 };
    struct wanted wanted = { 0 };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.containers.count, 1, SIZE_MAX, err);
    if (r == 0)
        r = parse_conditions(&options.conditions, &wanted, err);
    if (r == 0)
        r = fleet_containers(console, options.host, &containers, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < options.containers.count; i++) {
        struct error why = { 0 };

        r = wait_for_word(console, &containers, options.containers.items[i], &wanted, &why);
        if (r == -ENOENT && (options.ignores_missing || wanted.removed))
            puts("-1");
        else if (r < 0)
            console_report(console, &why);
    }
    return 0;
}
