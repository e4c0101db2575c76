/* Whether a command enters the log; see the header. */
#include "broker/core/admission.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/body.h"
#include "common/fleet/config_check.h"
#include "common/fleet/config_update.h"
#include "common/fleet/container_state.h"
#include "common/fleet/storage_check.h"
#include "schemas/commands.h"
#include "schemas/registry.h"

#define HOUR_NS (3600ULL * 1000000000)

/* How far a client's clock may be ahead of the broker's before its command could be taken for
 * younger than what the broker remembers. */
#define CLOCK_SKEW_NS HOUR_NS

struct question {
    const struct view *view;
    const struct record *command;
    const struct admission_context *context;
    struct arena *arena;
    bool is_new_client;
    void *body; /* decoded by the schema of its type */
};

/* Decides by filling in `ret`: a duplicate by its result, a refusal by its failure. */
typedef int check_fn(struct question *question, struct admission *ret, struct error *err);

static int check_role(struct question *question, struct admission *ret, struct error *err)
{
    enum role role = question->context->role;

    (void)err;
    if (!role_may(role, "submit"))
        (void)refuse(&ret->refusal, FAILURE_DENIED,
                     "role %s may not submit commands: connect as a controller or an admin",
                     role_name(role));
    return 0;
}

static int check_id(struct question *question, struct admission *ret, struct error *err)
{
    (void)err;
    if (command_id_sequence(question->command->id) == 0)
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "the command has no id: give it one of 8 bytes of client and 8 bytes of that "
                     "client's sequence, which begins with 1");
    return 0;
}

static void answer_again(const struct command_row *row, struct admission *ret)
{
    ret->result = ADMISSION_DUPLICATE;
    ret->pos = row->pos;
    if (row->state == COMMAND_REFUSED && row->outcome_pos == row->pos)
        (void)refuse(&ret->refusal, failure_parse(row->code), "%s", row->text);
}

/* Was it said before? Its row tells, or the mark of its client when the row is gone. */
static int check_sequence(struct question *question, struct admission *ret, struct error *err)
{
    struct command_id id = question->command->id;
    struct command_row row;
    struct client_row client;
    int r;

    r = view_command(question->view, id, &row, question->arena, err);
    if (r == 0)
        answer_again(&row, ret);
    if (r != -ENOENT)
        return r;
    r = view_client(question->view, command_id_client(id), &client, err);
    question->is_new_client = r == -ENOENT;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (command_id_sequence(id) <= client.sequence)
        (void)refuse(&ret->refusal, FAILURE_TOO_OLD,
                     "command %llu of client %016llx came after a later one, and what became of it "
                     "is forgotten: look at its container, then submit with a new id",
                     (unsigned long long)command_id_sequence(id),
                     (unsigned long long)command_id_client(id));
    return 0;
}

/* A client that the view does not know may be one that it has forgotten: what it wrote before that
 * may have been carried out already. */
static int check_age(struct question *question, struct admission *ret, struct error *err)
{
    uint64_t written = question->command->happened;
    uint64_t now = question->context->now_ns;
    uint64_t forgotten;
    int r;

    if (!question->is_new_client)
        return 0;
    if (written == 0) {
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "the command does not say when it was written: set `happened`");
        return 0;
    }
    r = view_forgotten(question->view, &forgotten, err);
    if (r < 0)
        return r;
    if ((forgotten > 0 && written <= forgotten + CLOCK_SKEW_NS) ||
        (now > written && now - written > VIEW_KEPT_NS))
        (void)refuse(&ret->refusal, FAILURE_TOO_OLD,
                     "the command was written %llu h ago, when its client may have said it "
                     "already: check the clock, look at its container, then submit it anew",
                     (unsigned long long)(now > written ? (now - written) / HOUR_NS : 0));
    return 0;
}

static int check_body(struct question *question, struct admission *ret, struct error *err)
{
    const struct record *command = question->command;
    const struct schema *schema = NULL;
    struct error why;

    (void)err;
    if (command->kind == RECORD_COMMAND && command->type != NULL)
        schema = registry_find(MESSAGE_COMMAND, command->type);
    if (schema == NULL) {
        (void)refuse(&ret->refusal, FAILURE_UNSUPPORTED,
                     "no command is called %s: this broker may be older than its client",
                     command->type != NULL ? command->type : "''");
        return 0;
    }
    question->body = arena_zeroed(question->arena, schema->size);
    if (body_decode(schema, command, question->body, question->arena, &why) < 0)
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT, "%s", why.text);
    return 0;
}

static int check_deadline(struct question *question, struct admission *ret, struct error *err)
{
    uint64_t deadline = question->command->deadline;
    uint64_t now = question->context->now_ns;

    (void)err;
    if (deadline != 0 && deadline < now)
        (void)refuse(&ret->refusal, FAILURE_EXPIRED,
                     "%s came %llu ms after its deadline: give it more time, or check the clock",
                     question->command->type, (unsigned long long)((now - deadline) / 1000000));
    return 0;
}

/* The command may be one that the host has carried out already, by another log's word. */
static int check_recovery(struct question *question, struct admission *ret, struct error *err)
{
    const char *host = question->command->host;
    struct host_row row;
    int r;

    if (host == NULL || !name_is_valid(host))
        return 0;
    r = view_host_sealed(question->view, host, &row, question->arena, err);
    if (r == 0 && row.recovery != 0)
        (void)refuse(&ret->refusal, FAILURE_BUSY,
                     "host %s is telling what the log has lost: ask again in a moment", host);
    if (r != -ENOENT || !question->context->is_recovering)
        return r == -ENOENT ? 0 : r;
    (void)refuse(&ret->refusal, FAILURE_NO_HOST,
                 "no host is called %s yet: the log is being rebuilt, and its worker has not come "
                 "back; check the name, or ask again when it has",
                 host);
    return 0;
}

static int check_host(struct question *question, struct admission *ret, struct error *err)
{
    const char *host = question->command->host;
    struct host_row row;
    int r;

    if (host == NULL || !name_is_valid(host)) {
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "%s names no host: a host's name has letters, digits, '_', '.' and '-'",
                     question->command->type);
        return 0;
    }
    r = view_host_sealed(question->view, host, &row, question->arena, err);
    if (r == 0 && row.state == HOST_LOST)
        (void)refuse(&ret->refusal, FAILURE_HOST_LOST,
                     "host %s is lost: choose another one, or start gantry-worker there with an "
                     "empty state directory",
                     host);
    if (r != -ENOENT)
        return r;
    (void)refuse(&ret->refusal, FAILURE_NO_HOST,
                 "no host is called %s: check the name, or start gantry-worker there", host);
    return 0;
}

static int check_queue(struct question *question, struct admission *ret, struct error *err)
{
    const char *host = question->command->host;
    uint64_t pending;
    int r;

    r = view_pending(question->view, host, &pending, err);
    if (r < 0)
        return r;
    if (pending >= ADMISSION_PENDING_MAX)
        (void)refuse(&ret->refusal, FAILURE_BUSY,
                     "host %s has %llu commands to carry out already: ask again later, or see "
                     "whether its worker runs",
                     host, (unsigned long long)pending);
    return 0;
}

static bool is_cancel(const struct record *command)
{
    return strcmp(command->type, command_cancel_schema.name) == 0;
}

/* Images and volumes are a host's; all else is about a container. */
static int check_container_id(struct question *question, struct admission *ret, struct error *err)
{
    const char *id = question->command->container;

    (void)err;
    if (is_cancel(question->command))
        return 0; /* its container is that of the command it means */
    if (storage_command_is(question->command->type)) {
        (void)storage_command_check(question->command->type, question->body, &ret->refusal);
        return 0;
    }
    if (id == NULL || !container_id_is_valid(id))
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "container id '%s' is not valid: it has %d digits of 0-9 and a-f",
                     id != NULL ? id : "", CONTAINER_ID_SIZE);
    return 0;
}

static int check_name_is_free(struct question *question, const char *name, struct admission *ret,
                              struct error *err)
{
    const char *host = question->command->host;
    char holder[CONTAINER_ID_SIZE + 1];
    int r;

    r = view_name(question->view, host, name, holder, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    (void)refuse(&ret->refusal, FAILURE_CONTAINER_EXISTS,
                 "name %s is taken on host %s by container %s: remove that one, or choose another "
                 "name",
                 name, host, holder);
    return 0;
}

static int check_create(struct question *question, struct admission *ret, struct error *err)
{
    const struct container_create *create = question->body;
    const char *id = question->command->container;
    struct container_row row;
    int r;

    if (config_check(create->config, &ret->refusal) != FAILURE_NONE)
        return 0;
    r = view_container_sealed(question->view, id, &row, question->arena, err);
    if (r == -ENOENT)
        return check_name_is_free(question, create->config->name, ret, err);
    if (r == 0)
        (void)refuse(&ret->refusal, FAILURE_CONTAINER_EXISTS,
                     "container %s exists already on host %s: choose another id", id, row.host);
    return r;
}

static int check_existing(struct question *question, struct admission *ret, struct error *err)
{
    const char *id = question->command->container;
    const char *host = question->command->host;
    struct container_row row;
    int r;

    r = view_container_sealed(question->view, id, &row, question->arena, err);
    if (r == -ENOENT) {
        (void)refuse(&ret->refusal, FAILURE_NO_CONTAINER,
                     "no container has the id %s: it was removed, or never created", id);
        return 0;
    }
    if (r == 0 && strcmp(row.host, host) != 0)
        (void)refuse(&ret->refusal, FAILURE_NO_CONTAINER,
                     "container %s is not on host %s: send the command to host %s", id, host,
                     row.host);
    return r;
}

static int check_rename(struct question *question, struct admission *ret, struct error *err)
{
    const struct container_rename *rename = question->body;
    int r;

    if (config_check_name(rename->name, &ret->refusal) != FAILURE_NONE)
        return 0;
    r = check_existing(question, ret, err);
    if (r < 0 || ret->refusal.failure != FAILURE_NONE)
        return r;
    return check_name_is_free(question, rename->name, ret, err);
}

static int check_update(struct question *question, struct admission *ret, struct error *err)
{
    if (config_update_check(question->body, &ret->refusal) != FAILURE_NONE)
        return 0;
    return check_existing(question, ret, err);
}

static bool is_same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* What can be seen from here; whether it has begun is known to its worker alone. */
static void check_target(const struct record *command, const struct command_row *target,
                         const char *id, struct admission *ret)
{
    if (target->state != COMMAND_PENDING)
        (void)refuse(&ret->refusal, FAILURE_NO_COMMAND,
                     "command %s has ended already: there is nothing to cancel", id);
    else if (!is_same(target->host, command->host))
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "command %s is for host %s: send its cancel there", id, target->host);
    else if (!is_same(target->container, command->container))
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "command %s is about container '%s': name that one in its cancel", id,
                     target->container != NULL ? target->container : "");
    else if (is_same(target->type, command_cancel_schema.name))
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "command %s is a cancel itself: it cannot be cancelled", id);
}

static int check_cancel(struct question *question, struct admission *ret, struct error *err)
{
    const struct command_cancel *cancel = question->body;
    char id[2 * COMMAND_ID_SIZE + 1];
    struct command_row target;
    int r = view_command(question->view, cancel->id, &target, question->arena, err);

    hex_write(cancel->id.bytes, COMMAND_ID_SIZE, id);
    if (r == 0)
        check_target(question->command, &target, id, ret);
    if (r != -ENOENT)
        return r;
    (void)refuse(&ret->refusal, FAILURE_NO_COMMAND,
                 "no command %s is known: it was never accepted, or it ended long ago", id);
    return 0;
}

static int check_subject(struct question *question, struct admission *ret, struct error *err)
{
    enum container_operation operation = container_operation_of(question->command->type);

    if (storage_command_is(question->command->type))
        return 0;
    if (is_cancel(question->command))
        return check_cancel(question, ret, err);
    if (operation == CONTAINER_OPERATION_CREATE)
        return check_create(question, ret, err);
    if (operation == CONTAINER_OPERATION_RENAME)
        return check_rename(question, ret, err);
    if (operation == CONTAINER_OPERATION_UPDATE)
        return check_update(question, ret, err);
    return check_existing(question, ret, err);
}

static int check_signal(struct question *question, struct admission *ret, struct error *err)
{
    const struct container_kill *kill = question->body;

    (void)err;
    if (container_operation_of(question->command->type) != CONTAINER_OPERATION_KILL)
        return 0;
    if (kill->signal < 1 || kill->signal > SIGNAL_MAX)
        (void)refuse(&ret->refusal, FAILURE_INVALID_ARGUMENT,
                     "kill container %s: signal %u is none: use 1 to %d",
                     question->command->container, kill->signal, SIGNAL_MAX);
    return 0;
}

/* In order; the first that decides is the answer. A refusal is not for the log when the same
 * command may be taken later, or when it would make a forgotten client look known. */
static const struct admission_rule {
    check_fn *check;
    bool is_recorded;
} rules[] = {
    { check_role, false },        { check_id, false },       { check_sequence, false },
    { check_age, false },         { check_recovery, false }, { check_body, true },
    { check_deadline, true },     { check_host, true },      { check_queue, false },
    { check_container_id, true }, { check_subject, true },   { check_signal, true },
};

int admission_check(const struct view *view, const struct record *command,
                    const struct admission_context *context, struct admission *ret,
                    struct error *err)
{
    autoarena arena = { 0 };
    struct question question = {
        .view = view, .command = command, .context = context, .arena = &arena
    };
    struct admission answer = { 0 };
    int r;

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && answer.result == 0; i++) {
        r = rules[i].check(&question, &answer, err);
        if (r < 0)
            return r;
        if (answer.result == 0 && answer.refusal.failure != FAILURE_NONE) {
            answer.result = ADMISSION_REFUSE;
            answer.is_recorded = rules[i].is_recorded;
        }
    }
    if (answer.result == 0)
        answer.result = ADMISSION_ACCEPT;
    *ret = answer;
    return 0;
}
