/* gantry log backup: have the broker write a copy of its log, and wait for it. */
#include <errno.h>
#include <stdio.h>

#include "ops/console/names.h"
#include "ops/console/verbs.h"
#include "schemas/bus.h"

#define WAIT_MS POLL_WAIT_MS

struct backup_options {
    struct text_list operands; /* the path */
};

static const struct args_table table = {
    .operands = offsetof(struct backup_options, operands),
};

/* It may take long: the broker is asked again and again, for the same backup. */
static int write_backup(struct console *console, const char *path, struct log_backup_is *ret,
                        struct error *err)
{
    const struct log_backup backup = {
        .id = command_id_make(names_random(), 1),
        .path = arena_text(&console->arena, path),
        .wait_ms = WAIT_MS,
    };
    const struct client_question question = { .schema = &log_backup_schema,
                                              .message = &backup,
                                              .wait_ms = WAIT_MS,
                                              .reply = &log_backup_is_schema };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    *ret = (struct log_backup_is){ 0 };
    while (r == 0 && !ret->is_done)
        r = client_ask(client, &question, ret, &console->arena, err);
    return r;
}

int log_backup(struct console *console, const struct args_usage *usage, char **argv,
               struct error *err)
{
    struct backup_options options = { 0 };
    struct log_backup_is backup;
    int r = args_parse(&table, usage, argv, &options, &console->arena, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = console_check_operands(usage, options.operands.count, 1, 1, err);
    if (r < 0)
        return r;
    if (options.operands.items[0][0] != '/')
        return error_set(err, -EINVAL, "%s: give an absolute path, on the broker's host",
                         options.operands.items[0]);
    r = write_backup(console, options.operands.items[0], &backup, err);
    if (r < 0)
        return error_add_context(err, r, "back up the log");
    printf("%s: all records up to %llu, %llu bytes\n", options.operands.items[0],
           (unsigned long long)backup.pos, (unsigned long long)backup.bytes);
    return 0;
}
