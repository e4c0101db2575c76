/* A container as the engine knows it; see the header. */
#include "worker/core/unit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "schemas/codec.h"
#include "worker/core/update.h"

#define ARENA_SLACK (16 * 1024)

/* What the journal keeps of an operation: its command is named by its position in the log. */
struct operation_memo {
    uint32_t kind;
    uint32_t step;
    uint32_t index;
    bool is_undoing;
    uint64_t pos;
    uint32_t signal;
    uint32_t timeout_s;
    uint64_t wait_until_ms;
    char *failure;
    char *text;
};

struct unit_memo {
    char *id;
    struct operation_memo *current;
    struct operation_memo *passing;
    uint32_t next;
    bool is_leftover;
    bool removes_volumes;
    uint64_t at_ms;
    uint32_t failures;
    uint32_t restarts;
    uint32_t quick;
    uint32_t asked_signal;
    struct text_list requires; /* of one that is being created: what its words meant, as ids */
    char *image_id;            /* the same: of the image that it is made from */
};

/* clang-format off */
static const struct field operation_memo_fields[] = {
    FIELD(struct operation_memo, kind,          "kind",       true),
    FIELD(struct operation_memo, step,          "step",       true),
    FIELD(struct operation_memo, index,         "index",      false),
    FIELD(struct operation_memo, is_undoing,    "undoing",    false),
    FIELD(struct operation_memo, pos,           "pos",        false),
    FIELD(struct operation_memo, signal,        "signal",     false),
    FIELD(struct operation_memo, timeout_s,     "timeout_s",  false),
    FIELD(struct operation_memo, wait_until_ms, "wait_until", false),
    FIELD(struct operation_memo, failure,       "failure",    false),
    FIELD(struct operation_memo, text,          "text",       false),
};

static const struct schema operation_memo_schema =
    SCHEMA("operation_memo", struct operation_memo, operation_memo_fields);

static const struct field unit_memo_fields[] = {
    FIELD(struct unit_memo, id,              "id",           true),
    FIELD_MESSAGE(struct unit_memo, current, "current",      false, &operation_memo_schema),
    FIELD_MESSAGE(struct unit_memo, passing, "passing",      false, &operation_memo_schema),
    FIELD(struct unit_memo, next,            "next",         false),
    FIELD(struct unit_memo, is_leftover,     "leftover",     false),
    FIELD(struct unit_memo, at_ms,           "at",           false),
    FIELD(struct unit_memo, failures,        "failures",     false),
    FIELD(struct unit_memo, restarts,        "restarts",     false),
    FIELD(struct unit_memo, quick,           "quick",        false),
    FIELD(struct unit_memo, asked_signal,    "asked_signal", false),
    FIELD(struct unit_memo, requires,        "requires",     false),
    FIELD(struct unit_memo, image_id,        "image_id",     false),
    FIELD(struct unit_memo, removes_volumes, "volumes",      false),
};

static const struct schema unit_memo_schema =
    SCHEMA("unit_memo", struct unit_memo, unit_memo_fields);
/* clang-format on */

struct unit *unit_new(const char *id)
{
    struct unit *unit = mem_new(struct unit);

    assert(strlen(id) == CONTAINER_ID_SIZE);
    memcpy(unit->id, id, CONTAINER_ID_SIZE);
    TAILQ_INIT(&unit->waiting);
    TAILQ_INIT(&unit->current.joined);
    TAILQ_INIT(&unit->passing.joined);
    return unit;
}

static void drop_commands(struct command_list *list)
{
    struct command *command;

    while ((command = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, command, link);
        command_destroy(command);
    }
}

static void drop_operation(struct operation *operation)
{
    command_destroy(operation->command);
    drop_commands(&operation->joined);
    free(operation->text);
}

void unit_destroy(struct unit *unit)
{
    if (unit == NULL)
        return;
    drop_commands(&unit->waiting);
    drop_operation(&unit->current);
    drop_operation(&unit->passing);
    arena_done(&unit->arena);
    buffer_done(&unit->memo);
    free(unit->needed);
    free(unit->start_failure);
    free(unit);
}

static int decode_row(struct unit *unit, struct bytes value, struct error *err)
{
    struct container_row row;
    struct arena arena = { 0 };
    int r = schema_decode(&container_row_schema, value, &row, &arena, err);

    if (r < 0) {
        arena_done(&arena);
        return r;
    }
    arena_done(&unit->arena);
    unit->arena = arena;
    unit->row = row;
    return 0;
}

int unit_load_row(struct unit *unit, struct bytes value, struct error *err)
{
    int r = decode_row(unit, value, err);

    if (r < 0)
        return error_add_context(err, r, "row of container %s", unit->id);
    if (unit->row.config == NULL || unit->row.state >= CONTAINER_STATE_COUNT)
        return error_set(err, -EBADMSG, "row of container %s: it says no configuration or state",
                         unit->id);
    return 0;
}

void unit_store_row(struct unit *unit, struct buffer *ret)
{
    schema_encode(&container_row_schema, &unit->row, ret);
    if (unit->arena.used > ARENA_SLACK + 8 * ret->size) {
        int r = decode_row(unit, buffer_bytes(ret), NULL);

        assert(r == 0);
        (void)r;
    }
}

static char *text_of_failure(const struct operation *operation, struct arena *arena)
{
    return operation->failure == FAILURE_NONE ? NULL
                                              : arena_text(arena, failure_name(operation->failure));
}

static struct operation_memo *memo_of(const struct operation *operation, struct arena *arena)
{
    struct operation_memo *memo;
    const struct step_row *row = operation_row(operation);

    if (operation->kind == CONTAINER_OPERATION_NONE)
        return NULL;
    memo = arena_zeroed(arena, sizeof(*memo));
    *memo = (struct operation_memo){
        .kind = operation->kind,
        .step = row == NULL ? STEP_NONE : row->step,
        .index = operation->index,
        .is_undoing = operation->is_undoing,
        .pos = operation->command == NULL ? 0 : operation->command->pos,
        .signal = operation->signal,
        .timeout_s = operation->timeout_s,
        .wait_until_ms = operation->wait_until_ms,
        .failure = text_of_failure(operation, arena),
        .text = operation->text,
    };
    return memo;
}

static struct text_list requires_of(const struct unit *unit, struct arena *arena)
{
    struct text_list list = { 0 };

    if (unit->current.kind != CONTAINER_OPERATION_CREATE)
        return list;
    list.items = arena_zeroed(arena, unit->needed_count * sizeof(char *));
    for (; list.count < unit->needed_count; list.count++)
        list.items[list.count] = unit->needed[list.count]->id;
    return list;
}

static char *image_id_of(const struct unit *unit)
{
    const struct command *command = unit->current.command;

    if (unit->current.kind != CONTAINER_OPERATION_CREATE || command == NULL)
        return NULL;
    return command->config->image_id;
}

void unit_store_memo(const struct unit *unit, struct buffer *ret)
{
    autoarena arena = { 0 };
    const struct plan *plan = &unit->plan;
    struct unit_memo memo = {
        .id = arena_text(&arena, unit->id),
        .current = memo_of(&unit->current, &arena),
        .passing = memo_of(&unit->passing, &arena),
        .next = plan->next,
        .is_leftover = plan->is_leftover,
        .removes_volumes = plan->removes_volumes,
        .at_ms = plan->at_ms,
        .failures = plan->failures,
        .restarts = plan->restarts,
        .quick = plan->quick,
        .asked_signal = plan->asked_signal,
        .requires = requires_of(unit, &arena),
        .image_id = image_id_of(unit),
    };

    if (memo.current != NULL || memo.passing != NULL || plan->next != PLAN_NOTHING ||
        plan->is_leftover ||
        (plan->failures | plan->restarts | plan->quick | plan->asked_signal) != 0)
        schema_encode(&unit_memo_schema, &memo, ret);
}

static struct command *take_waiting(struct unit *unit, uint64_t pos)
{
    struct command *command;

    TAILQ_FOREACH(command, &unit->waiting, link)
    {
        if (command->pos == pos) {
            TAILQ_REMOVE(&unit->waiting, command, link);
            return command;
        }
    }
    return NULL;
}

/* The tables of a newer worker may be longer: the step is looked for where it was, then elsewhere.
 */
static bool find_step(const struct operation_memo *memo, uint32_t *ret_index)
{
    struct step_list list = operation_steps((enum container_operation)memo->kind, memo->signal);

    *ret_index = memo->index;
    if (memo->step == STEP_NONE)
        return memo->index <= list.count;
    if (memo->index < list.count && list.rows[memo->index].step == memo->step)
        return true;
    for (uint32_t i = 0; i < list.count; i++) {
        *ret_index = i;
        if (list.rows[i].step == memo->step)
            return true;
    }
    return false;
}

static int take_operation(struct unit *unit, const struct operation_memo *memo,
                          struct operation *ret, struct error *err)
{
    if (memo == NULL)
        return 0;
    if (memo->kind == CONTAINER_OPERATION_NONE || memo->kind >= CONTAINER_OPERATION_COUNT)
        return error_set(err, -EBADMSG, "container %s: no operation has number %u", unit->id,
                         memo->kind);
    ret->kind = (enum container_operation)memo->kind;
    ret->signal = memo->signal;
    if (!find_step(memo, &ret->index))
        return error_set(err, -EBADMSG, "container %s: operation %s has no step %u", unit->id,
                         container_operation_name(ret->kind), memo->step);
    ret->is_undoing = memo->is_undoing;
    ret->timeout_s = memo->timeout_s;
    ret->wait_until_ms = memo->wait_until_ms;
    ret->failure = memo->failure == NULL ? FAILURE_NONE : failure_parse(memo->failure);
    ret->text = mem_dup_text(memo->text);
    if (memo->pos == 0)
        return 0;
    ret->command = take_waiting(unit, memo->pos);
    if (ret->command == NULL)
        return error_set(err, -EBADMSG,
                         "container %s: the command at %llu of its operation is gone", unit->id,
                         (unsigned long long)memo->pos);
    return 0;
}

/* What the words of a create meant when it began: the names may be others' now. */
static void take_up_create(struct unit *unit, const struct unit_memo *memo)
{
    struct command *command = unit->current.command;
    struct text_list *list;

    if (unit->current.kind != CONTAINER_OPERATION_CREATE || command == NULL)
        return;
    command->config->image_id = arena_text(&command->arena, memo->image_id);
    list = &command->config->requires;
    list->items = arena_zeroed(&command->arena, memo->requires.count * sizeof(char *));
    list->count = memo->requires.count;
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = arena_text(&command->arena, memo->requires.items[i]);
}

/* It was fit to begin, and nothing has changed since. */
static void take_up_update(struct unit *unit)
{
    struct command *command = unit->current.command;
    struct refusal why;

    if (unit->current.kind == CONTAINER_OPERATION_UPDATE)
        (void)update_prepare(unit, command, &why);
}

int unit_load_memo(struct unit *unit, struct bytes value, struct error *err)
{
    autoarena arena = { 0 };
    struct unit_memo memo;
    int r = schema_decode(&unit_memo_schema, value, &memo, &arena, err);

    if (r < 0)
        return error_add_context(err, r, "operations of container %s", unit->id);
    r = take_operation(unit, memo.current, &unit->current, err);
    if (r == 0)
        r = take_operation(unit, memo.passing, &unit->passing, err);
    if (r < 0)
        return r;
    take_up_create(unit, &memo);
    take_up_update(unit);
    unit->plan = (struct plan){ .next = (enum plan_next)memo.next,
                                .is_leftover = memo.is_leftover,
                                .removes_volumes = memo.removes_volumes,
                                .at_ms = memo.at_ms,
                                .failures = memo.failures,
                                .restarts = memo.restarts,
                                .quick = memo.quick,
                                .asked_signal = memo.asked_signal };
    buffer_append(&unit->memo, value.data, value.size);
    return 0;
}

const char *unit_memo_id(struct bytes value, struct arena *arena)
{
    struct unit_memo memo;

    if (schema_decode(&unit_memo_schema, value, &memo, arena, NULL) < 0)
        return NULL;
    return container_id_is_valid(memo.id) ? memo.id : NULL;
}

bool unit_is_idle(const struct unit *unit)
{
    return unit->current.kind == CONTAINER_OPERATION_NONE &&
           unit->passing.kind == CONTAINER_OPERATION_NONE && unit->in_flight == STEP_NONE;
}

const struct step_row *operation_row(const struct operation *operation)
{
    struct step_list list = operation_steps(operation->kind, operation->signal);

    return operation->index < list.count ? &list.rows[operation->index] : NULL;
}

enum step operation_step(const struct operation *operation)
{
    const struct step_row *row = operation_row(operation);

    return row == NULL ? STEP_NONE : row->step;
}

bool operation_is_start(const struct operation *operation)
{
    return operation->kind == CONTAINER_OPERATION_START ||
           operation->kind == CONTAINER_OPERATION_RESTART;
}

void operation_fail(struct operation *operation, enum failure failure, char *text)
{
    size_t count = operation_steps(operation->kind, operation->signal).count;

    operation->failure = failure;
    free(operation->text);
    operation->text = text;
    operation->is_undoing = true;
    operation->wait_until_ms = 0;
    if (operation->index < count)
        operation->index++;
}

void operation_clear(struct operation *operation)
{
    free(operation->text);
    *operation = (struct operation){ 0 };
    TAILQ_INIT(&operation->joined);
}

void unit_unbegin(struct unit *unit, struct operation *operation)
{
    if (operation->command != NULL)
        TAILQ_INSERT_HEAD(&unit->waiting, operation->command, link);
    else if (unit->plan.restarts > 0)
        unit->plan.next = PLAN_RUN;
    operation_clear(operation);
}

struct command_id operation_cause(const struct operation *operation)
{
    return operation->command == NULL ? (struct command_id){ 0 } : operation->command->id;
}

const struct container_config *unit_config(const struct unit *unit)
{
    bool is_changing =
        unit->current.kind == CONTAINER_OPERATION_UPDATE && !unit->current.is_undoing;

    if (unit->row.config != NULL && !is_changing)
        return unit->row.config;
    return unit->current.command == NULL ? NULL : unit->current.command->config;
}

uint32_t unit_step_run(const struct unit *unit, enum step step)
{
    bool is_init = step == STEP_CREATE_RUNTIME || step == STEP_RESOLVE_CREATE;

    return is_init ? unit->row.run + 1 : unit->row.run;
}

bool unit_is_live(const struct unit *unit)
{
    switch ((enum container_state)unit->row.state) {
    case CONTAINER_CREATED:
    case CONTAINER_RUNNING:
    case CONTAINER_PAUSED:
    case CONTAINER_STOPPING:
        return true;
    case CONTAINER_UNKNOWN:
    case CONTAINER_CONFIGURED:
    case CONTAINER_STOPPED:
    case CONTAINER_EXITED:
    case CONTAINER_REMOVING:
    case CONTAINER_STATE_COUNT:
        return false;
    }
    return false;
}
