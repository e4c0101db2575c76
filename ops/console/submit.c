/* Commands; see the header. */
#include "ops/console/submit.h"

#include <errno.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/mem.h"
#include "ops/console/expires_args.h"
#include "ops/console/names.h"
#include "schemas/bus.h"
#include "schemas/codec.h"
#include "schemas/record.h"

#define OUTCOME_WAIT_MS 10000

static struct command_id next_id(struct console *console)
{
    while (console->client_id == 0)
        console->client_id = names_random();
    console->sequence++;
    return command_id_make(console->client_id, console->sequence);
}

/* The record's bytes, as submit carries them; appended to `ret`. */
static void encode_command(const struct console *console, const struct command *command,
                           struct command_id id, struct buffer *ret)
{
    static const struct nothing nothing;
    struct buffer body = { 0 };
    struct record record = {
        .kind = RECORD_COMMAND,
        .id = id,
        .happened = clock_wall_ns(),
        .deadline = console->deadline,
    };
    autofree char *type = mem_dup_text(command->schema->name);
    autofree char *host = mem_dup_text(command->host);
    autofree char *container = mem_dup_text(command->container);

    schema_encode(command->schema, command->body != NULL ? command->body : &nothing, &body);
    record.type = type;
    record.host = host;
    record.container = container;
    record.body.bytes = buffer_bytes(&body);
    schema_encode(&record_schema, &record, ret);
    buffer_done(&body);
}

int submit_expire(struct console *console, const char *duration, struct error *err)
{
    return expires_args_take(duration, clock_wall_ns(), &console->deadline, err);
}

int submit_send(struct console *console, const struct command *command, struct submission *ret,
                struct error *err)
{
    struct buffer record = { 0 };
    struct submit submit = { 0 };
    struct submitted submitted = { 0 };
    const struct client_question question = { .schema = &submit_schema,
                                              .message = &submit,
                                              .reply = &submitted_schema };
    struct command_id id = next_id(console);
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    if (r < 0)
        return r;
    encode_command(console, command, id, &record);
    submit.record.bytes = buffer_bytes(&record);
    r = client_ask(client, &question, &submitted, &console->arena, err);
    buffer_done(&record);
    if (r < 0)
        return r;
    *ret = (struct submission){
        .id = id,
        .type = command->schema->name,
        .host = command->host,
        .pos = submitted.pos,
        .failure = submitted.code != NULL ? failure_parse(submitted.code) : FAILURE_NONE,
        .text = submitted.text,
    };
    return 0;
}

int submit_tell(struct console *console, const struct command *command, struct error *err)
{
    struct buffer record = { 0 };
    struct submit submit = { 0 };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    if (r < 0)
        return r;
    encode_command(console, command, next_id(console), &record);
    submit.record.bytes = buffer_bytes(&record);
    r = client_tell(client, &submit_schema, &submit, err);
    buffer_done(&record);
    return r;
}

static int ask_outcome(struct console *console, struct command_id id, uint32_t wait_ms,
                       struct command_row **ret, struct error *err)
{
    const struct outcome outcome = { .id = id, .wait_ms = wait_ms };
    const struct client_question question = {
        .schema = &outcome_schema,
        .message = &outcome,
        .wait_ms = wait_ms,
        .reply = &outcome_is_schema,
    };
    struct outcome_is is = { 0 };
    struct client *client = NULL;
    int r = console_client(console, &client, err);

    if (r < 0)
        return r;
    r = client_ask(client, &question, &is, &console->arena, err);
    if (r < 0)
        return r;
    *ret = is.command;
    return 0;
}

int submit_find(struct console *console, struct command_id id, struct command_row **ret,
                struct error *err)
{
    return ask_outcome(console, id, 0, ret, err);
}

int submit_wait(struct console *console, const struct submission *submission, struct result *ret,
                struct error *err)
{
    struct command_row *row = NULL;
    bool has_said_so = false;

    *ret = (struct result){ .failure = submission->failure,
                            .text = submission->text,
                            .pos = submission->pos };
    if (submission->failure != FAILURE_NONE)
        return 0;
    for (;;) {
        int r = ask_outcome(console, submission->id, OUTCOME_WAIT_MS, &row, err);

        if (r < 0)
            return error_add_context(err, r, "%s", submission->type);
        if (row->state != COMMAND_PENDING)
            break;
        if (!has_said_so)
            console_note("still waiting for host %s to carry out %s", submission->host,
                         submission->type);
        has_said_so = true;
    }
    ret->run = row->run;
    ret->results = row->results;
    ret->failure = row->state == COMMAND_DONE ? FAILURE_NONE : failure_parse(row->code);
    ret->text = row->text;
    return 0;
}

int submit_finish(struct console *console, const struct submission *submission, struct result *ret,
                  struct error *err)
{
    struct result result;
    int r = submit_wait(console, submission, &result, err);

    if (r < 0)
        return r;
    if (ret != NULL)
        *ret = result;
    if (result.failure == FAILURE_NONE)
        return 0;
    return error_set(err, client_errno(result.failure), "%s",
                     result.text != NULL ? result.text : failure_name(result.failure));
}

int submit_run(struct console *console, const struct command *command, struct result *ret,
               struct error *err)
{
    struct submission submission;
    int r = submit_send(console, command, &submission, err);

    return r < 0 ? r : submit_finish(console, &submission, ret, err);
}
