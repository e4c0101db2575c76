/* gantry update: change the limits and the restart policy of a container that exists. */
#include <assert.h>
#include <stdio.h>

#include "ops/console/fleet_rows.h"
#include "ops/console/select.h"
#include "ops/console/submit.h"
#include "ops/console/update_args.h"
#include "ops/console/verbs.h"

int verb_update(struct console *console, const struct args_usage *usage, char **argv,
                struct error *err)
{
    struct update_options options = { .host = console->host };
    struct container_update update = { 0 };
    struct command command = { .schema = &container_update_schema, .body = &update };
    struct container_rows containers = { 0 };
    const struct container_row *row = NULL;
    int r = args_parse(&update_options_table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = submit_expire(console, options.expires, err);
    if (r < 0)
        return r;
    r = console_check_operands(usage, options.operands.count, 1, 1, err);
    if (r == 0)
        r = update_from_args(&options, &console->arena, &update, err);
    if (r == 0)
        r = fleet_containers(console, options.host, &containers, err);
    if (r == 0)
        r = select_container(&containers, options.operands.items[0], &row, err);
    if (r < 0)
        return r;
    assert(row != NULL);
    command.host = row->host;
    command.container = row->id;
    r = submit_run(console, &command, NULL, err);
    if (r == 0)
        puts(row->id);
    return r;
}
