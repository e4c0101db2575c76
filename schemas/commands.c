/* The bodies of commands; see the header. This page is the protocol. */
#include "schemas/commands.h"

/* clang-format off */
static const struct field container_create_fields[] = {
    FIELD_MESSAGE(struct container_create, config, "config", true, &container_config_schema),
};

static const struct field container_stop_fields[] = {
    FIELD(struct container_stop, timeout_s, "timeout_s", false),
};

static const struct field container_restart_fields[] = {
    FIELD(struct container_restart, timeout_s, "timeout_s", false),
};

static const struct field container_kill_fields[] = {
    FIELD(struct container_kill, signal, "signal", true),
};

static const struct field container_remove_fields[] = {
    FIELD(struct container_remove, force,     "force",     false),
    FIELD(struct container_remove, timeout_s, "timeout_s", false),
    FIELD(struct container_remove, volumes,   "volumes",   false),
};

static const struct field container_copy_fields[] = {
    FIELD(struct container_copy, upload,     "upload",  true),
    FIELD(struct container_copy, path,       "path",    true),
    FIELD(struct container_copy, is_renamed, "renamed", false),
};

static const struct field container_rename_fields[] = {
    FIELD(struct container_rename, name, "name", true),
};

static const struct field container_update_fields[] = {
    FIELD(struct container_update, memory_bytes,      "memory",          false),
    FIELD(struct container_update, memory_swap_bytes, "memory_swap",     false),
    FIELD(struct container_update, cpu_shares,        "cpu_shares",      false),
    FIELD(struct container_update, cpu_quota_us,      "cpu_quota_us",    false),
    FIELD(struct container_update, cpu_period_us,     "cpu_period_us",   false),
    FIELD(struct container_update, pids_limit,        "pids_limit",      false),
    FIELD(struct container_update, restart_policy,    "restart_policy",  false),
    FIELD(struct container_update, restart_retries,   "restart_retries", false),
};

static const struct field command_cancel_fields[] = {
    FIELD(struct command_cancel, id, "id", true),
};

const struct schema container_create_schema =
    SCHEMA("container.create", struct container_create, container_create_fields);
const struct schema container_init_schema = SCHEMA_EMPTY("container.init");
const struct schema container_start_schema = SCHEMA_EMPTY("container.start");
const struct schema container_stop_schema =
    SCHEMA("container.stop", struct container_stop, container_stop_fields);
const struct schema container_restart_schema =
    SCHEMA("container.restart", struct container_restart, container_restart_fields);
const struct schema container_kill_schema =
    SCHEMA("container.kill", struct container_kill, container_kill_fields);
const struct schema container_pause_schema = SCHEMA_EMPTY("container.pause");
const struct schema container_unpause_schema = SCHEMA_EMPTY("container.unpause");
const struct schema container_cleanup_schema = SCHEMA_EMPTY("container.cleanup");
const struct schema container_remove_schema =
    SCHEMA("container.remove", struct container_remove, container_remove_fields);
const struct schema container_rename_schema =
    SCHEMA("container.rename", struct container_rename, container_rename_fields);
const struct schema container_update_schema =
    SCHEMA("container.update", struct container_update, container_update_fields);
const struct schema container_copy_schema =
    SCHEMA("container.copy", struct container_copy, container_copy_fields);
const struct schema container_mount_schema = SCHEMA_EMPTY("container.mount");
const struct schema container_unmount_schema = SCHEMA_EMPTY("container.unmount");
const struct schema command_cancel_schema =
    SCHEMA("command.cancel", struct command_cancel, command_cancel_fields);
const struct schema container_updated_schema =
    SCHEMA("container.updated", struct container_update, container_update_fields);
/* clang-format on */
