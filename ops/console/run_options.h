/*
 * What can be said to `gantry run` and `gantry create`: podman's options, as far as there is no
 * terminal.
 */
#ifndef GANTRY_OPS_CONSOLE_RUN_OPTIONS_H
#define GANTRY_OPS_CONSOLE_RUN_OPTIONS_H

#include <stdbool.h>

#include "ops/console/args.h"

struct run_options {
    const char *host;
    const char *expires;
    struct text_list operands; /* the image or the root filesystem's path, then the command */
    bool has_rootfs;
    bool is_detached; /* run only */
    bool auto_remove;
    bool forwards_signals; /* run only */
    bool read_only;
    bool privileged;
    bool no_hosts;
    const char *pull;          /* policy */
    const char *entrypoint;    /* a word, or words as JSON; "": none */
    const char *image_volumes; /* what becomes of those that the image wants */
    const char *authfile;
    const char *tls_verify; /* "true" or "false" */
    const char *name;
    const char *cidfile;
    struct text_list env;
    struct text_list env_files;
    const char *workdir;
    const char *user;
    const char *hostname;
    const char *network;
    const char *pid;
    const char *ipc;
    const char *userns;
    struct text_list uid_map;
    struct text_list gid_map;
    struct text_list volumes;
    struct text_list tmpfs;
    struct text_list mounts;
    struct text_list cap_add;
    struct text_list cap_drop;
    struct text_list security;
    const char *memory;
    const char *memory_swap;
    const char *cpus;
    struct maybe_i64 cpu_shares;
    struct maybe_i64 cpu_quota_us;
    struct maybe_i64 cpu_period_us;
    struct maybe_i64 pids_limit;
    struct text_list ulimits;
    const char *shm_size;
    const char *stop_signal;
    struct maybe_i64 stop_timeout_s;
    struct text_list labels;
    struct text_list annotations;
    const char *restart;
    const char *runtime;
    struct text_list add_hosts;
    struct text_list requires;
};

extern const struct args_table run_options_table;    /* of run */
extern const struct args_table create_options_table; /* of create */

#endif
