/* The fold; see the header. Which part of the view a record is about, and nothing else. */
#include "common/fleet/fleet.h"

#include <errno.h>
#include <string.h>

#include "common/fleet/commands.h"
#include "common/fleet/container_state.h"
#include "common/fleet/containers.h"
#include "common/fleet/hosts.h"
#include "common/fleet/storage.h"
#include "schemas/images.h"
#include "schemas/volumes.h"

typedef int apply_fn(const struct view *view, const struct record *record, struct error *err);

struct part {
    const struct schema *schema;
    apply_fn *apply;
};

/* clang-format off */
static const struct part parts[] = {
    { &command_done_schema,     commands_end },
    { &command_failed_schema,   commands_end },
    { &command_refused_schema,  commands_end },
    { &command_expired_schema,  commands_end },
    { &host_hello_schema,       hosts_hello },
    { &host_unreachable_schema, hosts_unreachable },
    { &host_reachable_schema,   hosts_reachable },
    { &image_added_schema,      storage_image_added },
    { &image_tagged_schema,     storage_image_tagged },
    { &image_removed_schema,    storage_image_removed },
    { &volume_created_schema,   storage_volume_created },
    { &volume_removed_schema,   storage_volume_removed },
    { &host_lost_schema,        hosts_lost },
    { &container_lost_schema,   containers_lost },
    { &host_recovering_schema,  hosts_recovering },
    { &host_recovered_schema,   hosts_recovered },
    { &container_recovered_schema, containers_recovered },
    { &image_recovered_schema, storage_image_recovered },
    { &volume_recovered_schema, storage_volume_recovered },
    { &command_recovered_schema, commands_recovered },
};
/* clang-format on */

static int apply_event(const struct view *view, const struct record *record, struct error *err)
{
    bool is_past = false;
    int r;

    if (record->journal_seq != 0) {
        r = hosts_journal(view, record, &is_past, err);
        if (r < 0)
            return r;
    }
    if (is_past)
        return commands_end_past(view, record, err);
    if (container_event_of(record->type) != CONTAINER_EVENT_NONE)
        return containers_event(view, record, err);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (strcmp(parts[i].schema->name, record->type) == 0)
            return parts[i].apply(view, record, err);
    }
    return 0; /* it changes nothing that is kept: access.denied, or a newer peer's */
}

int fleet_apply(const struct view *view, const struct record *record, struct error *err)
{
    if (record->type == NULL)
        return error_set(err, -EPROTO, "record %llu has no type", (unsigned long long)record->pos);
    if (record->kind == RECORD_COMMAND)
        return commands_ask(view, record, err);
    if (record->kind == RECORD_EVENT)
        return apply_event(view, record, err);
    return error_set(err, -EPROTO, "record %llu is neither command nor event",
                     (unsigned long long)record->pos);
}
