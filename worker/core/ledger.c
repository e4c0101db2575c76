/* Writing down; see the header. */
#include "worker/core/ledger.h"

#include <assert.h>
#include <string.h>

#include "common/fleet/fleet.h"
#include "schemas/codec.h"
#include "schemas/events.h"
#include "schemas/registry.h"

static const char *const outcome_types[] = {
    [OUTCOME_DONE] = "command.done",
    [OUTCOME_FAILED] = "command.failed",
    [OUTCOME_REFUSED] = "command.refused",
    [OUTCOME_EXPIRED] = "command.expired",
};

/* Fill in what every event of this journal has, and append it with its next number. The record's
 * texts are borrowed; its body is in the batch's arena. */
void ledger_append(struct ledger *ledger, struct record *record, const void *body)
{
    const struct schema *schema = registry_body(record->type);
    struct buffer encoded_body = { 0 };
    struct buffer encoded = { 0 };

    assert(schema != NULL);
    if (body != NULL)
        schema_encode(schema, body, &encoded_body);
    record->kind = RECORD_EVENT;
    record->host = ledger->host;
    record->incarnation = ledger->incarnation;
    record->journal_seq = ++ledger->last_seq;
    record->happened = ledger->now.wall_ns;
    record->body.bytes = (struct bytes){
        .data = (const uint8_t *)arena_text_n(&ledger->batch->arena,
                                              (const char *)encoded_body.data, encoded_body.size),
        .size = encoded_body.size,
    };
    schema_encode(&record_schema, record, &encoded);
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_EVENT,
                                                      .number = record->journal_seq,
                                                      .value = buffer_bytes(&encoded) });
    buffer_done(&encoded_body);
    buffer_done(&encoded);
}

bool ledger_event(struct ledger *ledger, struct unit *unit, enum container_event event,
                  struct command_id cause, const void *body)
{
    struct record record = {
        .type = arena_text(&ledger->batch->arena, container_event_type(event)),
        .container = unit->id,
        .run = unit->row.run,
        .cause = cause,
    };
    enum container_state state = (enum container_state)unit->row.state;
    struct error err = { 0 };
    int r;

    if (container_state_after(state, event) == CONTAINER_STATE_COUNT)
        return false;
    if (event == CONTAINER_EVENT_INITIALIZED)
        record.run = unit->row.run + 1;
    ledger_append(ledger, &record, body);
    r = container_apply(&unit->row, &record, &unit->arena, &err);
    assert(r == 0);
    (void)r;
    unit->is_row_dirty = true;
    return true;
}

static void end_command(struct ledger *ledger, struct record *record, uint64_t pos,
                        enum outcome outcome, const struct text_list *results,
                        const struct refusal *why)
{
    struct command_done done = { .run = record->run, .results = *results };
    struct command_failed failed = { 0 };

    record->type = arena_text(&ledger->batch->arena, outcome_types[outcome]);
    if (outcome == OUTCOME_DONE) {
        ledger_append(ledger, record, &done);
    } else {
        failed.code = arena_text(&ledger->batch->arena, failure_name(why->failure));
        failed.text = arena_text(&ledger->batch->arena, why->text);
        ledger_append(ledger, record, &failed);
    }
    batch_add_change(ledger->batch,
                     &(struct change){ .kind = CHANGE_COMMAND, .number = pos, .is_removal = true });
}

void ledger_outcome(struct ledger *ledger, const struct unit *unit, const struct command *command,
                    enum outcome outcome, const struct refusal *why)
{
    struct record record = {
        .container = arena_text(&ledger->batch->arena, unit->id),
        .run = unit->row.run,
        .cause = command->id,
    };

    end_command(ledger, &record, command->pos, outcome, &command->results, why);
    if (command->copy != NULL)
        ledger_forget_upload(ledger, command->copy->upload);
    if (command->name != NULL && strcmp(command->name, unit->name) != 0)
        names_release(&ledger->names, command->name, unit);
}

void ledger_errand_outcome(struct ledger *ledger, const struct errand *errand, enum outcome outcome,
                           const struct refusal *why)
{
    struct record record = { .cause = errand->id };

    end_command(ledger, &record, errand->pos, outcome, &errand->results, why);
}

void ledger_end_record(struct ledger *ledger, const struct record *record, enum outcome outcome,
                       const struct refusal *why)
{
    static const struct text_list nothing = { 0 };
    struct record end = { .container = record->container, .cause = record->id };

    end_command(ledger, &end, record->pos, outcome, &nothing, why);
}

void ledger_refuse_record(struct ledger *ledger, const struct record *record,
                          const struct refusal *why)
{
    ledger_end_record(ledger, record, OUTCOME_REFUSED, why);
}

void ledger_keep_command(struct ledger *ledger, const struct record *record)
{
    struct buffer encoded = { 0 };

    schema_encode(&record_schema, record, &encoded);
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_COMMAND,
                                                      .number = record->pos,
                                                      .value = buffer_bytes(&encoded) });
    buffer_done(&encoded);
}

void ledger_cursor(struct ledger *ledger, uint64_t pos)
{
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_CURSOR, .number = pos });
}

void ledger_ask_step(struct ledger *ledger, const struct unit *unit, enum step step,
                     uint32_t signal)
{
    batch_add_action(ledger->batch, &(struct action){ .kind = ACTION_STEP,
                                                      .id = unit->id,
                                                      .run = unit_step_run(unit, step),
                                                      .step = step,
                                                      .signal = signal });
}

void ledger_forget_exit(struct ledger *ledger, const char *id, uint32_t run)
{
    batch_add_action(ledger->batch,
                     &(struct action){ .kind = ACTION_FORGET_EXIT, .id = id, .run = run });
}

void ledger_ask_errand(struct ledger *ledger, const struct errand *errand)
{
    batch_add_action(ledger->batch,
                     &(struct action){ .kind = ACTION_ERRAND, .number = errand->pos });
}

void ledger_forget_upload(struct ledger *ledger, const char *upload)
{
    batch_add_action(ledger->batch, &(struct action){ .kind = ACTION_FORGET_UPLOAD, .id = upload });
}

static void save_row(struct ledger *ledger, struct unit *unit)
{
    struct buffer encoded = { 0 };

    unit_store_row(unit, &encoded);
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_CONTAINER,
                                                      .id = unit->id,
                                                      .value = buffer_bytes(&encoded) });
    buffer_done(&encoded);
    unit->is_row_dirty = false;
}

static void save_memo(struct ledger *ledger, struct unit *unit)
{
    struct buffer memo = { 0 };

    unit_store_memo(unit, &memo);
    if (bytes_equal(buffer_bytes(&memo), buffer_bytes(&unit->memo))) {
        buffer_done(&memo);
        return;
    }
    batch_add_change(ledger->batch, &(struct change){ .kind = CHANGE_UNIT,
                                                      .id = unit->id,
                                                      .value = buffer_bytes(&memo),
                                                      .is_removal = memo.size == 0 });
    buffer_done(&unit->memo);
    unit->memo = memo;
}

void ledger_save(struct ledger *ledger, struct unit *unit)
{
    if (unit->is_removed) {
        struct change removal = { .kind = CHANGE_CONTAINER, .id = unit->id, .is_removal = true };

        batch_add_change(ledger->batch, &removal);
        removal.kind = CHANGE_UNIT;
        batch_add_change(ledger->batch, &removal);
        return;
    }
    if (unit->is_row_dirty)
        save_row(ledger, unit);
    save_memo(ledger, unit);
}
