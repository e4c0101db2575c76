/*
 * What a container is to be: written once, at create, never changed but by an update.
 *
 * Words and defaults are podman's and the OCI runtime specification's.
 */
#ifndef GANTRY_SCHEMAS_CONTAINER_CONFIG_H
#define GANTRY_SCHEMAS_CONTAINER_CONFIG_H

#include "schemas/schema.h"

struct mount_config {
    char *type;               /* "bind", "tmpfs" or "volume" */
    char *source;             /* bind: absolute path on the host; volume: its name, NULL makes an
                               * anonymous one (the worker fills it in); tmpfs: NULL */
    char *destination;        /* absolute path in the container */
    struct text_list options; /* mount(8) words: "ro", "nosuid", "rprivate", "size=64m" */
};

struct ulimit_config {
    char *name; /* "nofile": OCI RLIMIT_NOFILE */
    uint64_t soft;
    uint64_t hard;
};

struct container_config {
    char *name;                 /* unique on its host; name_is_valid() */
    char *rootfs;               /* absolute path of a directory on the host; NULL: of `image` */
    bool read_only;             /* root filesystem mounted read-only */
    struct text_list command;   /* argv after `entrypoint`; of an image: none means the image's */
    struct text_list env;       /* "NAME=value" */
    char *workdir;              /* NULL: "/" */
    char *user;                 /* "user[:group]", names or numbers; NULL: root */
    char *hostname;             /* NULL: the first 12 digits of the id */
    char *network;              /* "none", "host" or "private"; NULL: "private" */
    char *pid;                  /* "private" or "host"; NULL: "private" */
    char *ipc;                  /* "private" or "host"; NULL: "private" */
    struct message_list mounts; /* struct mount_config */
    struct text_list cap_add;   /* "NET_ADMIN", "CAP_NET_ADMIN" or "ALL" */
    struct text_list cap_drop;
    bool privileged; /* all capabilities, no seccomp, no masked paths */
    bool no_new_privileges;
    char *seccomp;                   /* "unconfined", or NULL: the default profile */
    uint64_t memory_bytes;           /* memory.limit; 0: none */
    uint64_t memory_swap_bytes;      /* memory plus swap; 0: as the kernel has it */
    uint64_t cpu_shares;             /* relative weight; 0: default */
    uint64_t cpu_quota_us;           /* per period; 0: none */
    uint64_t cpu_period_us;          /* 0: 100,000 when there is a quota */
    int64_t pids_limit;              /* 0: 2048 as podman; -1: none */
    struct message_list ulimits;     /* struct ulimit_config */
    uint64_t shm_bytes;              /* of /dev/shm; 0: 64 MiB */
    uint32_t stop_signal;            /* 0: SIGTERM */
    struct maybe_u32 stop_timeout_s; /* before SIGKILL; not set: 10 */
    struct text_map labels;
    struct text_map annotations;
    char *runtime;                   /* "crun" or "runc"; NULL: what works on the host */
    bool auto_remove;                /* --rm: removed by the worker when it has ended */
    bool terminal;                   /* a pseudo-terminal for the process */
    struct text_list create_command; /* what the operator typed, for inspect */
    char *restart_policy;        /* "no", "on-failure", "always", "unless-stopped"; NULL: "no" */
    uint32_t restart_retries;    /* of on-failure; 0: no limit */
    bool no_hosts;               /* leave /etc/hosts as the root filesystem has it */
    struct text_list hosts_add;  /* "name:ip" lines for /etc/hosts */
    struct text_list requires;   /* containers of its host that run before it: by id; in a create
                                    also by name */
    char *image;                 /* name or id, as typed; the worker fills in the rest */
    char *image_id;              /* 64 hexadecimal digits */
    char *pull;                  /* "missing", "never" or "always"; NULL: "missing" */
    struct text_list entrypoint; /* none: the image's, unless `has_entrypoint` */
    bool has_entrypoint;         /* the image's entrypoint and command do not count */
    char *image_volumes;         /* "anonymous", "tmpfs" or "ignore" the volumes that the image
                                  * wants; NULL: "anonymous" */
    struct text_list uid_map;    /* "container:host:size"; none: no user namespace */
    struct text_list gid_map;
    char *authfile;     /* of a pull: a path on the host */
    bool no_tls_verify; /* of a pull */
};

extern const struct schema mount_config_schema;
extern const struct schema ulimit_config_schema;
extern const struct schema container_config_schema;

#define CONTAINER_STOP_TIMEOUT_S 10
#define CONTAINER_SWAP_UNLIMITED UINT64_MAX /* memory_swap_bytes: no limit */
#define CONTAINER_PIDS_LIMIT     2048
#define CONTAINER_SHM_BYTES      (64ULL * 1024 * 1024)

#endif
