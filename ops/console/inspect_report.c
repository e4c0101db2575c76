/* A container as inspect shows it: podman's members, as far as there is something to say. */
#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "common/fleet/container_state.h"
#include "ops/console/container_report.h"
#include "ops/console/tree.h"
#include "ops/console/units.h"
#include "ops/console/volume_report.h"

static void set_time(struct json_t *tree, const char *key, uint64_t time_ns)
{
    char text[UNITS_TIME_SIZE];

    units_write_time(time_ns, text);
    tree_set_text(tree, key, text);
}

static struct json_t *state_of(const struct container_row *row)
{
    struct json_t *tree = tree_object();

    tree_set_text(tree, "OciVersion", "1.0.2");
    tree_set_text(tree, "Status", container_state_name((enum container_state)row->state));
    tree_set_bool(tree, "Running", row->state == CONTAINER_RUNNING);
    tree_set_bool(tree, "Paused", row->state == CONTAINER_PAUSED);
    tree_set_bool(tree, "Restarting", false);
    tree_set_bool(tree, "OOMKilled", row->oom_killed);
    tree_set_bool(tree, "Dead", false);
    tree_set_number(tree, "Pid", row->pid);
    tree_set_number(tree, "ConmonPid", row->conmon_pid);
    tree_set_number(tree, "ExitCode", row->exit_unknown ? -1 : row->exit_code);
    tree_set_text(tree, "Error", row->failure);
    set_time(tree, "StartedAt", row->started);
    set_time(tree, "FinishedAt", row->finished);
    tree_set_bool(tree, "StoppedByUser", row->stopped_by_user);
    tree_set_number(tree, "Run", row->run);
    return tree;
}

static struct json_t *mount_of(const struct mount_config *mount, const struct host_row *host,
                               struct arena *arena)
{
    static const char *const propagations[] = { "shared", "rshared", "slave",
                                                "rslave", "private", "rprivate" };
    struct json_t *tree = tree_object();
    const char *propagation = "";
    bool is_volume = strcmp(mount->type, "volume") == 0;

    for (size_t i = 0; i < sizeof(propagations) / sizeof(*propagations); i++) {
        if (text_list_has(&mount->options, propagations[i]))
            propagation = propagations[i];
    }
    tree_set_text(tree, "Type", mount->type);
    if (is_volume) /* where it lies is its host's matter */
        tree_set_text(tree, "Name", mount->source);
    tree_set_text(tree, "Source",
                  is_volume && mount->source != NULL
                      ? volume_report_mountpoint(host, mount->source, arena)
                      : mount->source);
    tree_set_text(tree, "Destination", mount->destination);
    tree_set_text(tree, "Driver", is_volume ? "local" : "");
    tree_set_text(tree, "Mode", "");
    tree_set_texts(tree, "Options", &mount->options);
    tree_set_bool(tree, "RW", !text_list_has(&mount->options, "ro"));
    tree_set_text(tree, "Propagation", propagation);
    return tree;
}

static struct json_t *mounts_of(const struct container_config *config, const struct host_row *host,
                                struct arena *arena)
{
    const struct mount_config *mounts = config->mounts.items;
    struct json_t *list = tree_list();

    for (size_t i = 0; i < config->mounts.count; i++)
        tree_append(list, mount_of(&mounts[i], host, arena));
    return list;
}

/* podman: the first 12 digits of the id, unless the host's name is used or one was given. */
static char *hostname_of(const struct container_row *row, const struct container_config *config,
                         struct arena *arena)
{
    if (config->hostname != NULL)
        return config->hostname;
    return arena_printf(arena, "%.12s", row->id);
}

static struct json_t *config_tree(const struct container_row *row,
                                  const struct container_config *config, struct arena *arena)
{
    struct json_t *tree = tree_object();
    uint32_t stop_timeout_s =
        config->stop_timeout_s.is_set ? config->stop_timeout_s.value : CONTAINER_STOP_TIMEOUT_S;

    tree_set_text(tree, "Hostname", hostname_of(row, config, arena));
    tree_set_text(tree, "Domainname", "");
    tree_set_text(tree, "User", config->user);
    tree_set_bool(tree, "AttachStdin", false);
    tree_set_bool(tree, "AttachStdout", false);
    tree_set_bool(tree, "AttachStderr", false);
    tree_set_bool(tree, "Tty", config->terminal);
    tree_set_bool(tree, "OpenStdin", false);
    tree_set_bool(tree, "StdinOnce", false);
    tree_set_texts(tree, "Env", &config->env);
    tree_set_texts(tree, "Cmd", &config->command);
    tree_set_text(tree, "Image", config->image);
    tree_set_null(tree, "Volumes");
    tree_set_text(tree, "WorkingDir", config->workdir != NULL ? config->workdir : "/");
    tree_set_texts(tree, "Entrypoint", &config->entrypoint);
    tree_set_null(tree, "OnBuild");
    tree_set_map(tree, "Labels", &config->labels);
    tree_set_map(tree, "Annotations", &config->annotations);
    tree_set_number(tree, "StopSignal", config->stop_signal != 0 ? config->stop_signal : SIGTERM);
    tree_set_texts(tree, "CreateCommand", &config->create_command);
    tree_set_number(tree, "StopTimeout", stop_timeout_s);
    return tree;
}

static struct json_t *restart_policy_of(const struct container_config *config)
{
    struct json_t *tree = tree_object();

    tree_set_text(tree, "Name", config->restart_policy != NULL ? config->restart_policy : "no");
    tree_set_number(tree, "MaximumRetryCount", config->restart_retries);
    return tree;
}

static struct json_t *ulimits_of(const struct container_config *config, struct arena *arena)
{
    const struct ulimit_config *ulimits = config->ulimits.items;
    struct json_t *list = tree_list();

    for (size_t i = 0; i < config->ulimits.count; i++) {
        struct json_t *tree = tree_object();
        char *name = arena_printf(arena, "RLIMIT_%s", ulimits[i].name);

        for (char *at = name; *at != '\0'; at++)
            *at = (char)toupper((unsigned char)*at);
        tree_set_text(tree, "Name", name);
        tree_set_number(tree, "Soft", (int64_t)ulimits[i].soft);
        tree_set_number(tree, "Hard", (int64_t)ulimits[i].hard);
        tree_append(list, tree);
    }
    return list;
}

static struct json_t *security_of(const struct container_config *config)
{
    struct json_t *list = tree_list();

    if (config->no_new_privileges)
        tree_append_text(list, "no-new-privileges");
    if (config->seccomp != NULL && strcmp(config->seccomp, "unconfined") == 0)
        tree_append_text(list, "seccomp=unconfined");
    return list;
}

static const char *text_or(const char *text, const char *fallback)
{
    return text != NULL ? text : fallback;
}

static void set_limits(struct json_t *tree, const struct container_config *config,
                       struct arena *arena)
{
    int64_t pids = config->pids_limit == 0 ? CONTAINER_PIDS_LIMIT : config->pids_limit;
    uint64_t shm = config->shm_bytes != 0 ? config->shm_bytes : CONTAINER_SHM_BYTES;
    uint64_t period = config->cpu_period_us != 0 ? config->cpu_period_us : 100000;

    tree_set_number(tree, "CpuShares", (int64_t)config->cpu_shares);
    tree_set_number(tree, "Memory", (int64_t)config->memory_bytes);
    tree_set_number(tree, "NanoCpus", (int64_t)(config->cpu_quota_us * 1000000000 / period));
    tree_set_number(tree, "CpuPeriod", (int64_t)config->cpu_period_us);
    tree_set_number(tree, "CpuQuota", (int64_t)config->cpu_quota_us);
    tree_set_number(tree, "MemorySwap", (int64_t)config->memory_swap_bytes);
    tree_set_number(tree, "PidsLimit", pids < 0 ? 0 : pids);
    tree_set_number(tree, "ShmSize", (int64_t)shm);
    tree_set(tree, "Ulimits", ulimits_of(config, arena));
}

static struct json_t *id_mappings_of(const struct container_config *config)
{
    struct json_t *tree = tree_object();

    tree_set_texts(tree, "UidMap", &config->uid_map);
    tree_set_texts(tree, "GidMap", &config->gid_map);
    return tree;
}

static struct json_t *host_config_tree(const struct container_row *row,
                                       const struct container_config *config, struct arena *arena)
{
    struct json_t *tree = tree_object();

    tree_set_text(tree, "NetworkMode", text_or(config->network, "private"));
    tree_set(tree, "RestartPolicy", restart_policy_of(config));
    tree_set_bool(tree, "AutoRemove", config->auto_remove);
    tree_set_texts(tree, "CapAdd", &config->cap_add);
    tree_set_texts(tree, "CapDrop", &config->cap_drop);
    tree_set_texts(tree, "ExtraHosts", &config->hosts_add);
    tree_set_text(tree, "IpcMode", text_or(config->ipc, "private"));
    tree_set_text(tree, "PidMode", text_or(config->pid, "private"));
    tree_set_text(tree, "UsernsMode", config->uid_map.count > 0 ? "private" : "");
    if (config->uid_map.count > 0)
        tree_set(tree, "IDMappings", id_mappings_of(config));
    tree_set_bool(tree, "Privileged", config->privileged);
    tree_set_bool(tree, "ReadonlyRootfs", config->read_only);
    tree_set(tree, "SecurityOpt", security_of(config));
    tree_set_text(tree, "Runtime", text_or(row->runtime, config->runtime));
    set_limits(tree, config, arena);
    return tree;
}

/* The process: the entrypoint and the command behind it. */
static void set_process(struct json_t *tree, const struct container_config *config,
                        struct arena *arena)
{
    const struct text_list *parts[] = { &config->entrypoint, &config->command };
    struct text_list words = { .items = arena_zeroed(
                                   arena, (config->entrypoint.count + config->command.count) *
                                              sizeof(*words.items)) };

    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part]->count; i++)
            words.items[words.count++] = parts[part]->items[i];
    }
    tree_set_text(tree, "Path", words.count > 0 ? words.items[0] : "");
    if (words.count > 0) {
        words.items++;
        words.count--;
    }
    tree_set_texts(tree, "Args", &words);
}

struct json_t *container_report_inspected(const struct container_row *row,
                                          const struct host_row *host, struct arena *arena)
{
    static const struct container_config nothing;
    const struct container_config *config = row->config != NULL ? row->config : &nothing;
    struct json_t *tree = tree_object();

    tree_set_text(tree, "Id", row->id);
    set_time(tree, "Created", row->created);
    set_process(tree, config, arena);
    tree_set(tree, "State", state_of(row));
    tree_set_text(tree, "Image", config->image_id);
    tree_set_text(tree, "ImageName", config->image);
    tree_set_text(tree, "Rootfs", config->rootfs);
    tree_set_text(tree, "Pod", "");
    tree_set_text(tree, "OCIRuntime", row->runtime);
    tree_set_text(tree, "Host", row->host);
    tree_set_number(tree, "RestartCount", row->restart_count);
    tree_set_texts(tree, "Dependencies", &config->requires);
    tree_set_text(tree, "Name", config->name);
    tree_set(tree, "Mounts", mounts_of(config, host, arena));
    tree_set(tree, "Config", config_tree(row, config, arena));
    tree_set(tree, "HostConfig", host_config_tree(row, config, arena));
    return tree;
}

void container_report_add_size(struct json_t *inspected, const struct container_size *size)
{
    if (!size->is_known)
        return;
    tree_set_number(inspected, "SizeRw", (int64_t)size->written_bytes);
    tree_set_number(inspected, "SizeRootFs", (int64_t)size->all_bytes);
}
