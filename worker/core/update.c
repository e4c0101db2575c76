/* An update as the worker carries it out; see the header. */
#include "worker/core/update.h"

#include "common/fleet/config_check.h"
#include "common/fleet/config_update.h"

enum failure update_prepare(const struct unit *unit, struct command *command, struct refusal *why)
{
    command->config = config_updated(unit->row.config, command->update, &command->arena);
    return config_check(command->config, why);
}
