/* Every message by its name; see the header. */
#include "schemas/registry.h"

#include <string.h>

#include "schemas/bus.h"
#include "schemas/commands.h"
#include "schemas/events.h"
#include "schemas/images.h"
#include "schemas/past.h"
#include "schemas/record.h"
#include "schemas/rows.h"
#include "schemas/volumes.h"

/* clang-format off */
const struct registry_entry registry[] = {
    { MESSAGE_REQUEST, &hello_schema },
    { MESSAGE_REQUEST, &recover_schema },
    { MESSAGE_REQUEST, &poll_schema },
    { MESSAGE_REQUEST, &report_schema },
    { MESSAGE_REQUEST, &submit_schema },
    { MESSAGE_REQUEST, &outcome_schema },
    { MESSAGE_REQUEST, &watch_schema },
    { MESSAGE_REQUEST, &fetch_schema },
    { MESSAGE_REQUEST, &query_schema },
    { MESSAGE_REQUEST, &view_hash_schema },
    { MESSAGE_REQUEST, &past_ask_schema },
    { MESSAGE_REQUEST, &log_backup_schema },
    { MESSAGE_REQUEST, &host_lose_schema },
    { MESSAGE_REQUEST, &info_schema },
    { MESSAGE_REQUEST, &stream_open_schema },
    { MESSAGE_REQUEST, &stream_accept_schema },
    { MESSAGE_REQUEST, &stream_push_schema },
    { MESSAGE_REQUEST, &stream_read_schema },
    { MESSAGE_REQUEST, &stream_close_schema },
    { MESSAGE_REPLY,   &bus_error_schema },
    { MESSAGE_REPLY,   &welcome_schema },
    { MESSAGE_REPLY,   &page_schema },
    { MESSAGE_REPLY,   &ack_schema },
    { MESSAGE_REPLY,   &expect_schema },
    { MESSAGE_REPLY,   &submitted_schema },
    { MESSAGE_REPLY,   &outcome_is_schema },
    { MESSAGE_REPLY,   &rows_schema },
    { MESSAGE_REPLY,   &view_hash_is_schema },
    { MESSAGE_REPLY,   &past_is_schema },
    { MESSAGE_REPLY,   &log_backup_is_schema },
    { MESSAGE_REPLY,   &host_lose_is_schema },
    { MESSAGE_REPLY,   &info_is_schema },
    { MESSAGE_REPLY,   &stream_opened_schema },
    { MESSAGE_REPLY,   &stream_offer_schema },
    { MESSAGE_REPLY,   &stream_credit_schema },
    { MESSAGE_REPLY,   &stream_chunks_schema },
    { MESSAGE_REPLY,   &done_schema },
    { MESSAGE_FEED,    &feed_schema },
    { MESSAGE_COMMAND, &container_create_schema },
    { MESSAGE_COMMAND, &container_init_schema },
    { MESSAGE_COMMAND, &container_start_schema },
    { MESSAGE_COMMAND, &container_stop_schema },
    { MESSAGE_COMMAND, &container_restart_schema },
    { MESSAGE_COMMAND, &container_kill_schema },
    { MESSAGE_COMMAND, &container_pause_schema },
    { MESSAGE_COMMAND, &container_unpause_schema },
    { MESSAGE_COMMAND, &container_cleanup_schema },
    { MESSAGE_COMMAND, &container_remove_schema },
    { MESSAGE_COMMAND, &container_rename_schema },
    { MESSAGE_COMMAND, &container_update_schema },
    { MESSAGE_COMMAND, &container_commit_schema },
    { MESSAGE_COMMAND, &container_copy_schema },
    { MESSAGE_COMMAND, &container_mount_schema },
    { MESSAGE_COMMAND, &container_unmount_schema },
    { MESSAGE_COMMAND, &image_pull_schema },
    { MESSAGE_COMMAND, &image_load_schema },
    { MESSAGE_COMMAND, &image_import_schema },
    { MESSAGE_COMMAND, &image_tag_schema },
    { MESSAGE_COMMAND, &image_untag_schema },
    { MESSAGE_COMMAND, &image_remove_schema },
    { MESSAGE_COMMAND, &image_prune_schema },
    { MESSAGE_COMMAND, &volume_create_schema },
    { MESSAGE_COMMAND, &volume_remove_schema },
    { MESSAGE_COMMAND, &volume_prune_schema },
    { MESSAGE_COMMAND, &command_cancel_schema },
    { MESSAGE_EVENT,   &container_created_schema },
    { MESSAGE_EVENT,   &container_initialized_schema },
    { MESSAGE_EVENT,   &container_init_failed_schema },
    { MESSAGE_EVENT,   &container_started_schema },
    { MESSAGE_EVENT,   &container_stopping_schema },
    { MESSAGE_EVENT,   &container_signalled_schema },
    { MESSAGE_EVENT,   &container_died_schema },
    { MESSAGE_EVENT,   &container_cleaned_schema },
    { MESSAGE_EVENT,   &container_paused_schema },
    { MESSAGE_EVENT,   &container_unpaused_schema },
    { MESSAGE_EVENT,   &container_restarting_schema },
    { MESSAGE_EVENT,   &container_removing_schema },
    { MESSAGE_EVENT,   &container_removed_schema },
    { MESSAGE_EVENT,   &container_renamed_schema },
    { MESSAGE_EVENT,   &container_updated_schema },
    { MESSAGE_EVENT,   &image_added_schema },
    { MESSAGE_EVENT,   &image_tagged_schema },
    { MESSAGE_EVENT,   &image_removed_schema },
    { MESSAGE_EVENT,   &volume_created_schema },
    { MESSAGE_EVENT,   &volume_removed_schema },
    { MESSAGE_EVENT,   &command_done_schema },
    { MESSAGE_EVENT,   &command_failed_schema },
    { MESSAGE_EVENT,   &command_refused_schema },
    { MESSAGE_EVENT,   &command_expired_schema },
    { MESSAGE_EVENT,   &host_hello_schema },
    { MESSAGE_EVENT,   &host_refused_schema },
    { MESSAGE_EVENT,   &host_unreachable_schema },
    { MESSAGE_EVENT,   &host_reachable_schema },
    { MESSAGE_EVENT,   &host_clock_schema },
    { MESSAGE_EVENT,   &clock_stepped_schema },
    { MESSAGE_EVENT,   &host_lost_schema },
    { MESSAGE_EVENT,   &container_lost_schema },
    { MESSAGE_EVENT,   &host_recovering_schema },
    { MESSAGE_EVENT,   &host_recovered_schema },
    { MESSAGE_EVENT,   &container_recovered_schema },
    { MESSAGE_EVENT,   &image_recovered_schema },
    { MESSAGE_EVENT,   &volume_recovered_schema },
    { MESSAGE_EVENT,   &command_recovered_schema },
    { MESSAGE_EVENT,   &log_rebuilt_schema },
    { MESSAGE_EVENT,   &access_denied_schema },
    { MESSAGE_EVENT,   &access_granted_schema },
    { MESSAGE_EVENT,   &log_trimmed_schema },
    { MESSAGE_PART,    &record_schema },
    { MESSAGE_PART,    &container_config_schema },
    { MESSAGE_PART,    &mount_config_schema },
    { MESSAGE_PART,    &ulimit_config_schema },
    { MESSAGE_PART,    &host_facts_schema },
    { MESSAGE_PART,    &runtime_fact_schema },
    { MESSAGE_PART,    &stream_chunk_schema },
    { MESSAGE_PART,    &container_row_schema },
    { MESSAGE_PART,    &host_row_schema },
    { MESSAGE_PART,    &command_row_schema },
    { MESSAGE_PART,    &client_row_schema },
    { MESSAGE_PART,    &past_row_schema },
    { MESSAGE_PART,    &past_source_schema },
    { MESSAGE_PART,    &past_snapshot_schema },
    { MESSAGE_PART,    &past_chunk_schema },
    { MESSAGE_PART,    &past_rows_schema },
    { MESSAGE_PART,    &image_config_schema },
    { MESSAGE_PART,    &image_layer_schema },
    { MESSAGE_PART,    &image_schema },
    { MESSAGE_PART,    &image_row_schema },
    { MESSAGE_PART,    &volume_schema },
    { MESSAGE_PART,    &volume_row_schema },
};
/* clang-format on */

const size_t registry_count = sizeof(registry) / sizeof(*registry);

const struct schema *registry_find(enum message_use use, const char *name)
{
    for (size_t i = 0; i < registry_count; i++) {
        if (registry[i].use == use && strcmp(registry[i].schema->name, name) == 0)
            return registry[i].schema;
    }
    return NULL;
}

const struct schema *registry_body(const char *type)
{
    for (size_t i = 0; i < registry_count; i++) {
        bool is_body = registry[i].use == MESSAGE_COMMAND || registry[i].use == MESSAGE_EVENT;

        if (is_body && strcmp(registry[i].schema->name, type) == 0)
            return registry[i].schema;
    }
    return NULL;
}

const struct schema *registry_part(const struct schema *schema, const struct field *field,
                                   const void *message)
{
    const struct record *record = message;

    if (schema != &record_schema || field->type != FIELD_TYPE_RAW)
        return field->of;
    return record->type != NULL ? registry_body(record->type) : NULL;
}
