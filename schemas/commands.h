/*
 * The bodies of commands: what can be asked of a worker. The container is named by the record.
 */
#ifndef GANTRY_SCHEMAS_COMMANDS_H
#define GANTRY_SCHEMAS_COMMANDS_H

#include "schemas/container_config.h"
#include "schemas/schema.h"

/* container.create: the id is the record's `container`, chosen by the author. */
struct container_create {
    struct container_config *config;
};

/* container.init, .start, .pause, .unpause, .cleanup have no fields: struct nothing. */

/* container.stop */
struct container_stop {
    struct maybe_u32 timeout_s; /* before SIGKILL; not set: the configuration's */
};

/* container.restart */
struct container_restart {
    struct maybe_u32 timeout_s;
};

/* container.kill */
struct container_kill {
    uint32_t signal; /* 1 to 64 */
};

/* container.remove */
struct container_remove {
    bool force;                 /* a running one is stopped first */
    struct maybe_u32 timeout_s; /* of that stop */
    bool volumes;               /* the anonymous ones made for it, too */
};

/* container.copy: a tar, sent before as an upload stream, is extracted in it. */
struct container_copy {
    char *upload;
    char *path;      /* absolute, in the container: a directory, or the file's new name */
    bool is_renamed; /* the tar's only entry gets the last part of `path` as its name */
};

/* container.mount, container.unmount have no fields: its root filesystem stays mounted for an
 * operator who looks at it. */

/* container.rename: the name is held for it from its admission to its outcome. */
struct container_rename {
    char *name; /* name_is_valid(); free on its host */
};

/* container.update: what is not said stays. Of numbers 0 and -1 mean no limit. The body of
 * container.updated, too. */
struct container_update {
    struct maybe_i64 memory_bytes;
    struct maybe_i64 memory_swap_bytes; /* memory plus swap */
    struct maybe_i64 cpu_shares;
    struct maybe_i64 cpu_quota_us;
    struct maybe_i64 cpu_period_us; /* 0: the default */
    struct maybe_i64 pids_limit;    /* 0: the default; -1: none */
    char *restart_policy;           /* NULL: stays */
    struct maybe_u32 restart_retries;
};

/* command.cancel: a command of the same host ends without having begun, refused as cancelled. The
 * record's `container` is the one of that command's record. */
struct command_cancel {
    struct command_id id;
};

extern const struct schema container_create_schema;
extern const struct schema container_init_schema;
extern const struct schema container_start_schema;
extern const struct schema container_stop_schema;
extern const struct schema container_restart_schema;
extern const struct schema container_kill_schema;
extern const struct schema container_pause_schema;
extern const struct schema container_unpause_schema;
extern const struct schema container_cleanup_schema;
extern const struct schema container_remove_schema;
extern const struct schema container_rename_schema;
extern const struct schema container_update_schema;
extern const struct schema container_copy_schema;
extern const struct schema container_mount_schema;
extern const struct schema container_unmount_schema;
extern const struct schema command_cancel_schema;
extern const struct schema container_updated_schema; /* an event; struct container_update */

#endif
