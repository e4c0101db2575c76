/* A command as the worker holds it; see the header. */
#include "worker/core/command.h"

#include <stdlib.h>

#include "common/fleet/config_check.h"
#include "common/fleet/config_update.h"
#include "common/fleet/storage_check.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "schemas/commands.h"
#include "schemas/registry.h"

/* The bodies of commands in one piece of memory. */
union command_body {
    struct nothing nothing;
    struct container_create create;
    struct container_stop stop;
    struct container_restart restart;
    struct container_kill kill;
    struct container_remove remove;
    struct container_rename rename;
    struct container_update update;
    struct container_commit commit;
    struct container_copy copy;
};

static enum failure take_kill(struct command *command, uint32_t signal, struct refusal *why)
{
    if (signal == 0 || signal > SIGNAL_MAX)
        return refuse(why, FAILURE_INVALID_ARGUMENT, "container.kill: %u is no signal, 1 to %d are",
                      signal, SIGNAL_MAX);
    command->signal = signal;
    return FAILURE_NONE;
}

static enum failure take_update(struct command *command, const struct container_update *update,
                                struct refusal *why)
{
    command->update = arena_zeroed(&command->arena, sizeof(*update));
    *command->update = *update;
    return config_update_check(update, why);
}

static enum failure take_commit(struct command *command, const struct container_commit *commit,
                                struct refusal *why)
{
    command->commit = arena_zeroed(&command->arena, sizeof(*commit));
    *command->commit = *commit;
    return storage_check_new_name(commit->reference, why);
}

static enum failure take_copy(struct command *command, const struct container_copy *copy,
                              struct refusal *why)
{
    command->copy = arena_zeroed(&command->arena, sizeof(*copy));
    *command->copy = *copy;
    if (!name_is_valid(copy->upload))
        return refuse(why, FAILURE_INVALID_ARGUMENT, "'%s' is no id of an upload", copy->upload);
    if (copy->path[0] != '/')
        return refuse(why, FAILURE_INVALID_ARGUMENT, "'%s' is no absolute path in a container",
                      copy->path);
    return FAILURE_NONE;
}

/* What the body says, beyond what its schema has checked. */
static enum failure take_body(struct command *command, const union command_body *body,
                              struct refusal *why)
{
    switch (command->operation) {
    case CONTAINER_OPERATION_CREATE:
        command->config = body->create.config;
        return config_check(command->config, why);
    case CONTAINER_OPERATION_KILL:
        return take_kill(command, body->kill.signal, why);
    case CONTAINER_OPERATION_STOP:
        command->timeout_s = body->stop.timeout_s;
        return FAILURE_NONE;
    case CONTAINER_OPERATION_RESTART:
        command->timeout_s = body->restart.timeout_s;
        return FAILURE_NONE;
    case CONTAINER_OPERATION_REMOVE:
        command->timeout_s = body->remove.timeout_s;
        command->removes_volumes = body->remove.volumes;
        if (body->remove.force)
            command->operation = CONTAINER_OPERATION_FORCE_REMOVE;
        return FAILURE_NONE;
    case CONTAINER_OPERATION_RENAME:
        command->name = body->rename.name;
        return config_check_name(command->name, why);
    case CONTAINER_OPERATION_UPDATE:
        return take_update(command, &body->update, why);
    case CONTAINER_OPERATION_COMMIT:
        return take_commit(command, &body->commit, why);
    case CONTAINER_OPERATION_COPY:
        return take_copy(command, &body->copy, why);
    case CONTAINER_OPERATION_MOUNT:
    case CONTAINER_OPERATION_UNMOUNT:
    case CONTAINER_OPERATION_NONE:
    case CONTAINER_OPERATION_INIT:
    case CONTAINER_OPERATION_START:
    case CONTAINER_OPERATION_PAUSE:
    case CONTAINER_OPERATION_UNPAUSE:
    case CONTAINER_OPERATION_CLEANUP:
    case CONTAINER_OPERATION_FORCE_REMOVE:
    case CONTAINER_OPERATION_COUNT:
        return FAILURE_NONE;
    }
    return FAILURE_NONE;
}

static enum failure read_body(struct command *command, const struct record *record,
                              struct refusal *why)
{
    const struct schema *schema = registry_find(MESSAGE_COMMAND, record->type);
    union command_body body = { 0 };
    struct error err = { 0 };

    if (schema_decode(schema, record->body.bytes, &body, &command->arena, &err) < 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT, "%s: %s", record->type, err.text);
    return take_body(command, &body, why);
}

enum failure command_read(const struct record *record, struct command **ret, struct refusal *why)
{
    autodestroy(command) struct command *command = mem_new(struct command);
    enum failure failure;

    command->pos = record->pos;
    command->id = record->id;
    command->deadline = record->deadline;
    command->operation = container_operation_of(record->type);
    if (command->operation == CONTAINER_OPERATION_NONE)
        return refuse(why, FAILURE_UNSUPPORTED, "this worker (%s) knows no command %s",
                      GANTRY_VERSION, record->type);
    if (record->container == NULL || !container_id_is_valid(record->container))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "%s needs the id of a container: 64 hexadecimal digits", record->type);
    failure = read_body(command, record, why);
    if (failure != FAILURE_NONE)
        return failure;
    *ret = steal_ptr(command);
    return FAILURE_NONE;
}

void command_destroy(struct command *command)
{
    if (command == NULL)
        return;
    arena_done(&command->arena);
    free(command);
}
