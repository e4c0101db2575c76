/* gantry rename: call a container by another name. */
#include <assert.h>

#include "ops/console/expires_args.h"
#include "ops/console/fleet_rows.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/verbs.h"
#include "schemas/commands.h"

struct rename_options {
    const char *host;
    const char *expires;
    struct text_list operands;
};

static const struct arg_row rows[] = {
    ARG(struct rename_options, host, ARG_TEXT, 0, "host", "HOST", "Only containers of this host"),
    EXPIRES_ROW(struct rename_options),
};

static const struct args_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(*rows),
    .operands = offsetof(struct rename_options, operands),
};

int verb_rename(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct rename_options options = { .host = console->host };
    struct container_rename rename = { 0 };
    struct command command = { .schema = &container_rename_schema, .body = &rename };
    struct container_rows containers = { 0 };
    const struct container_row *row = NULL;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 2, 2, err);
    if (r == 0)
        r = fleet_containers(console, options.host, &containers, err);
    if (r == 0)
        r = select_container(&containers, options.operands.items[0], &row, err);
    if (r < 0)
        return r;
    assert(row != NULL);
    rename.name = options.operands.items[1];
    command.host = row->host;
    command.container = row->id;
    return submit_run(console, &command, NULL, err);
}
