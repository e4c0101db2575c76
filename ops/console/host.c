/* gantry host: what is done with hosts. */
#include <stdio.h>

#include "ops/console/group.h"
#include "ops/console/verbs.h"
#include "schemas/bus.h"

struct lost_options {
    struct text_list operands; /* the host */
    bool force;
};

/* clang-format off */
static const struct arg_row rows[] = {
    ARG(struct lost_options, force, ARG_FLAG, 'f', "force", NULL, "Do not ask first"),
};
/* clang-format on */

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct lost_options, operands),
};

static int give_up(struct console *console, const char *host, struct host_lose_is *ret,
                   struct error *err)
{
    const struct host_lose give_up = { .host = arena_text(&console->arena, host) };
    const struct client_question question = { .schema = &host_lose_schema,
                                              .message = &give_up,
                                              .reply = &host_lose_is_schema };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    return r == 0 ? client_ask(client, &question, ret, &console->arena, err) : r;
}

static int host_lost(struct console *console, const struct args_usage *usage, char **argv,
                     struct error *err)
{
    struct lost_options options = { 0 };
    struct host_lose_is given_up = { 0 };
    bool is_wanted = true;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 1, 1, err);
    if (r == 0 && !options.force)
        r = group_confirm("This gives up the host with all its containers: its commands fail, and "
                          "its worker is refused if it ever comes back.",
                          &is_wanted, err);
    if (r < 0 || !is_wanted)
        return r;
    r = give_up(console, options.operands.items[0], &given_up, err);
    if (r == 0)
        printf("%s: lost at %llu; containers lost: %llu, commands failed: %llu\n",
               options.operands.items[0], (unsigned long long)given_up.pos,
               (unsigned long long)given_up.containers, (unsigned long long)given_up.commands);
    return r;
}

/* clang-format off */
static const struct verb verbs[] = {
    { { "host list", "", "The same as ls" }, verb_hosts },
    { { "host lost", "HOST", "Say that a host is gone for good, with its disk" }, host_lost },
    { { "host ls", "", "List hosts" }, verb_hosts },
};
/* clang-format on */

int verb_host(struct console *console, const struct args_usage *usage, char **argv,
              struct error *err)
{
    (void)usage;
    return group_run(console, verbs, sizeof(verbs) / sizeof(*verbs), argv, err);
}
