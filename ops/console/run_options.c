/* What can be said to run and create; see the header. */
#include "ops/console/run_options.h"

#include "ops/console/expires_args.h"
#define RUN(...) ARG(struct run_options, __VA_ARGS__)

#define NO_TERMINAL "attaching a terminal is not supported yet"
#define NO_PORTS    "publishing ports is not supported yet"
#define NO_PODS     "pods are not supported yet"

/* clang-format off */
#define COMMON_ROWS                                                                               \
    RUN(host, ARG_TEXT, 0, "host", "HOST", "The host to run on; not needed when there is one"),   \
    EXPIRES_ROW(struct run_options),                                                              \
    RUN(has_rootfs, ARG_FLAG, 0, "rootfs", NULL,                                                  \
        "The first argument is the path of a root filesystem on the host"),                       \
    RUN(name, ARG_TEXT, 0, "name", "NAME", "Name of the container; made up when not given"),      \
    RUN(auto_remove, ARG_FLAG, 0, "rm", NULL, "Remove the container when it has ended"),          \
    RUN(cidfile, ARG_TEXT, 0, "cidfile", "PATH", "Write the container's id to this new file"),    \
    RUN(env, ARG_LIST, 'e', "env", "NAME[=VALUE]", "Set a variable; without value: as here"),     \
    RUN(env_files, ARG_LIST, 0, "env-file", "PATH", "Set the variables of a file"),               \
    RUN(workdir, ARG_TEXT, 'w', "workdir", "PATH", "Directory to start in"),                      \
    RUN(user, ARG_TEXT, 'u', "user", "USER[:GROUP]", "User, by name or number"),                  \
    RUN(hostname, ARG_TEXT, 'h', "hostname", "NAME", "Host name within the container"),           \
    RUN(network, ARG_TEXT, 0, "network", "none|host|private", "Network namespace"),               \
    RUN(network, ARG_TEXT, 0, "net", "none|host|private", "The same as --network"),               \
    RUN(pid, ARG_TEXT, 0, "pid", "private|host", "PID namespace"),                                \
    RUN(ipc, ARG_TEXT, 0, "ipc", "private|host", "IPC namespace"),                                \
    RUN(userns, ARG_TEXT, 0, "userns", "private|host", "User namespace; private needs a map"),    \
    RUN(uid_map, ARG_LIST, 0, "uidmap", "IN:OUT[:COUNT]", "Users of the container on the host"),  \
    RUN(gid_map, ARG_LIST, 0, "gidmap", "IN:OUT[:COUNT]", "Groups; one map stands for both"),     \
    RUN(volumes, ARG_LIST, 'v', "volume", "[SRC:]DST[:OPTS]", "Mount a path of the host, or a volume"), \
    RUN(tmpfs, ARG_LIST, 0, "tmpfs", "DST[:OPTS]", "Mount a tmpfs"),                              \
    RUN(mounts, ARG_LIST, 0, "mount", "type=TYPE,...", "Mount: type=bind, volume or tmpfs"),      \
    RUN(read_only, ARG_FLAG, 0, "read-only", NULL, "Mount the root filesystem read-only"),        \
    RUN(cap_add, ARG_LIST, 0, "cap-add", "CAP", "Add a capability, or ALL"),                      \
    RUN(cap_drop, ARG_LIST, 0, "cap-drop", "CAP", "Drop a capability, or ALL"),                   \
    RUN(privileged, ARG_FLAG, 0, "privileged", NULL, "All capabilities, nothing masked"),         \
    RUN(security, ARG_LIST, 0, "security-opt", "OPTION",                                          \
        "no-new-privileges, seccomp=unconfined"),                                                 \
    RUN(memory, ARG_TEXT, 'm', "memory", "SIZE", "Memory limit: 64m, 1g"),                        \
    RUN(memory_swap, ARG_TEXT, 0, "memory-swap", "SIZE", "Memory plus swap; -1: no limit"),       \
    RUN(cpus, ARG_TEXT, 0, "cpus", "NUMBER", "CPU time, in CPUs: 1.5"),                           \
    RUN(cpu_shares, ARG_NUMBER, 'c', "cpu-shares", "NUMBER", "Relative weight of CPU time"),      \
    RUN(cpu_quota_us, ARG_NUMBER, 0, "cpu-quota", "US", "CPU time in a period"),                  \
    RUN(cpu_period_us, ARG_NUMBER, 0, "cpu-period", "US", "The period; default 100000"),          \
    RUN(pids_limit, ARG_NUMBER, 0, "pids-limit", "NUMBER", "Most processes; -1: no limit"),       \
    RUN(ulimits, ARG_LIST, 0, "ulimit", "NAME=SOFT[:HARD]", "Resource limit: nofile=1024"),       \
    RUN(shm_size, ARG_TEXT, 0, "shm-size", "SIZE", "Size of /dev/shm; default 64m"),              \
    RUN(stop_signal, ARG_TEXT, 0, "stop-signal", "SIGNAL", "Signal that stop sends first"),       \
    RUN(stop_timeout_s, ARG_NUMBER, 0, "stop-timeout", "SECONDS", "Before stop sends KILL"),      \
    RUN(labels, ARG_LIST, 'l', "label", "KEY[=VALUE]", "Label of the container"),                 \
    RUN(annotations, ARG_LIST, 0, "annotation", "KEY=VALUE", "Annotation for the runtime"),       \
    RUN(restart, ARG_TEXT, 0, "restart", "POLICY",                                                \
        "no, on-failure[:MAX], always or unless-stopped"),                                        \
    RUN(runtime, ARG_TEXT, 0, "runtime", "crun|runc", "OCI runtime; default: what works"),        \
    RUN(no_hosts, ARG_FLAG, 0, "no-hosts", NULL, "Leave /etc/hosts as it is"),                    \
    RUN(add_hosts, ARG_LIST, 0, "add-host", "NAME:IP", "A line for /etc/hosts"),                  \
    RUN(requires, ARG_LIST, 0, "requires", "CONTAINER[,...]", "Containers that are started before"), \
    ARG_NOT_HERE('i', "interactive", NULL, NO_TERMINAL),                                          \
    ARG_NOT_HERE('t', "tty", NULL, NO_TERMINAL),                                                  \
    RUN(pull, ARG_TEXT, 0, "pull", "always|missing|never", "When the image is fetched"),    \
    RUN(entrypoint, ARG_TEXT, 0, "entrypoint", "WORD|JSON", "Instead of the image's; \"\": none"), \
    RUN(image_volumes, ARG_TEXT, 0, "image-volume", "anonymous|tmpfs|ignore",                     \
        "What becomes of the volumes that the image wants"),                                      \
    RUN(authfile, ARG_TEXT, 0, "authfile", "PATH", "Registry credentials, a file of the host"),   \
    RUN(tls_verify, ARG_TEXT, 0, "tls-verify", "true|false", "Check the registry's certificate"), \
    ARG_NOT_HERE('p', "publish", "PORT", NO_PORTS),                                               \
    ARG_NOT_HERE('P', "publish-all", NULL, NO_PORTS),                                             \
    ARG_NOT_HERE(0, "pod", "POD", NO_PODS)

static const struct arg_row create_rows[] = {
    COMMON_ROWS,
};

static const struct arg_row run_rows[] = {
    RUN(is_detached, ARG_FLAG, 'd', "detach", NULL, "Print the id, and do not wait"),
    RUN(forwards_signals, ARG_FLAG, 0, "sig-proxy", NULL, "Forward signals (default: true)"),
    ARG_NOT_HERE('a', "attach", "STREAM", NO_TERMINAL),
    COMMON_ROWS,
};
/* clang-format on */

const struct args_table run_options_table = {
    .rows = run_rows,
    .count = sizeof(run_rows) / sizeof(*run_rows),
    .operands = offsetof(struct run_options, operands),
    .ends_at_first = true,
};

const struct args_table create_options_table = {
    .rows = create_rows,
    .count = sizeof(create_rows) / sizeof(*create_rows),
    .operands = offsetof(struct run_options, operands),
    .ends_at_first = true,
};
