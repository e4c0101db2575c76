/* gantry cancel: commands that have not begun are not to begin any more. */
#include <errno.h>
#include <stdio.h>

#include "ops/console/expires_args.h"
#include "ops/console/submit.h"
#include "ops/console/verbs.h"
#include "schemas/commands.h"

struct cancel_options {
    const char *expires;
    struct text_list commands;
};

static const struct arg_row rows[] = {
    EXPIRES_ROW(struct cancel_options),
};

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct cancel_options, commands),
};

static int cancel(struct console *console, const char *word, struct error *err)
{
    struct command_cancel body;
    struct command_row *row = NULL;
    struct command command = { .schema = &command_cancel_schema, .body = &body };
    int r;

    if (!hex_read(word, body.id.bytes, COMMAND_ID_SIZE))
        return error_set(err, -EINVAL, "'%s' is no id of a command: it has %d hexadecimal digits",
                         word, 2 * COMMAND_ID_SIZE);
    r = submit_find(console, body.id, &row, err);
    if (r < 0)
        return r;
    command.host = row->host;
    command.container = row->container;
    return submit_run(console, &command, NULL, err);
}

int verb_cancel(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct cancel_options options = { 0 };
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r == 0)
        r = console_check_operands(usage, options.commands.count, 1, SIZE_MAX, err);
    for (size_t i = 0; i < options.commands.count && r == 0; i++) {
        struct error why = { 0 };

        if (cancel(console, options.commands.items[i], &why) < 0)
            console_report(console, &why);
        else
            puts(options.commands.items[i]);
    }
    return r;
}
