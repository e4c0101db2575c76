/* What a container is to be; see the header. This page is the protocol. */
#include "schemas/container_config.h"

/* clang-format off */
static const struct field mount_config_fields[] = {
    FIELD(struct mount_config, type,        "type",        true),
    FIELD(struct mount_config, source,      "source",      false),
    FIELD(struct mount_config, destination, "destination", true),
    FIELD(struct mount_config, options,     "options",     false),
};

static const struct field ulimit_config_fields[] = {
    FIELD(struct ulimit_config, name, "name", true),
    FIELD(struct ulimit_config, soft, "soft", false),
    FIELD(struct ulimit_config, hard, "hard", false),
};
/* clang-format on */

const struct schema mount_config_schema = SCHEMA("mount", struct mount_config, mount_config_fields);
const struct schema ulimit_config_schema =
    SCHEMA("ulimit", struct ulimit_config, ulimit_config_fields);

/* clang-format off */
static const struct field container_config_fields[] = {
    FIELD(struct container_config, name,              "name",              true),
    FIELD(struct container_config, rootfs,            "rootfs",            false),
    FIELD(struct container_config, read_only,         "read_only",         false),
    FIELD(struct container_config, command,           "command",           false),
    FIELD(struct container_config, env,               "env",               false),
    FIELD(struct container_config, workdir,           "workdir",           false),
    FIELD(struct container_config, user,              "user",              false),
    FIELD(struct container_config, hostname,          "hostname",          false),
    FIELD(struct container_config, network,           "network",           false),
    FIELD(struct container_config, pid,               "pid",               false),
    FIELD(struct container_config, ipc,               "ipc",               false),
    FIELD_LIST(struct container_config, mounts,       "mounts",            &mount_config_schema),
    FIELD(struct container_config, cap_add,           "cap_add",           false),
    FIELD(struct container_config, cap_drop,          "cap_drop",          false),
    FIELD(struct container_config, privileged,        "privileged",        false),
    FIELD(struct container_config, no_new_privileges, "no_new_privileges", false),
    FIELD(struct container_config, seccomp,           "seccomp",           false),
    FIELD(struct container_config, memory_bytes,      "memory",            false),
    FIELD(struct container_config, memory_swap_bytes, "memory_swap",       false),
    FIELD(struct container_config, cpu_shares,        "cpu_shares",        false),
    FIELD(struct container_config, cpu_quota_us,      "cpu_quota_us",      false),
    FIELD(struct container_config, cpu_period_us,     "cpu_period_us",     false),
    FIELD(struct container_config, pids_limit,        "pids_limit",        false),
    FIELD_LIST(struct container_config, ulimits,      "ulimits",           &ulimit_config_schema),
    FIELD(struct container_config, shm_bytes,         "shm_size",          false),
    FIELD(struct container_config, stop_signal,       "stop_signal",       false),
    FIELD(struct container_config, stop_timeout_s,    "stop_timeout_s",    false),
    FIELD(struct container_config, labels,            "labels",            false),
    FIELD(struct container_config, annotations,       "annotations",       false),
    FIELD(struct container_config, runtime,           "runtime",           false),
    FIELD(struct container_config, auto_remove,       "auto_remove",       false),
    FIELD(struct container_config, terminal,          "terminal",          false),
    FIELD(struct container_config, create_command,    "create_command",    false),
    FIELD(struct container_config, restart_policy,    "restart_policy",    false),
    FIELD(struct container_config, restart_retries,   "restart_retries",   false),
    FIELD(struct container_config, no_hosts,          "no_hosts",          false),
    FIELD(struct container_config, hosts_add,         "hosts_add",         false),
    FIELD(struct container_config, requires,          "requires",          false),
    FIELD(struct container_config, image,             "image",             false),
    FIELD(struct container_config, image_id,          "image_id",          false),
    FIELD(struct container_config, pull,              "pull",              false),
    FIELD(struct container_config, entrypoint,        "entrypoint",        false),
    FIELD(struct container_config, has_entrypoint,    "has_entrypoint",    false),
    FIELD(struct container_config, image_volumes,     "image_volumes",     false),
    FIELD(struct container_config, uid_map,           "uid_map",           false),
    FIELD(struct container_config, gid_map,           "gid_map",           false),
    FIELD(struct container_config, authfile,          "authfile",          false),
    FIELD(struct container_config, no_tls_verify,     "no_tls_verify",     false),
};
/* clang-format on */

const struct schema container_config_schema =
    SCHEMA("container_config", struct container_config, container_config_fields);
