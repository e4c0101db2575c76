/* config.json; see the header. */
#include "worker/io/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/auto.h"
#include "common/mem.h"
#include "worker/io/capabilities.h"
#include "worker/io/cgroups.h"
#include "worker/io/network_files.h"
#include "worker/io/spec_json.h"
#include "worker/io/spec_mounts.h"
#include "worker/io/spec_process.h"
#include "worker/io/spec_seccomp.h"

#define OCI_VERSION           "1.0.2"
#define CPU_PERIOD_DEFAULT_US 100000
#define STOP_SIGNAL_DEFAULT   15
#define NS_PER_SECOND         1000000000U

/* Files of /proc and /sys that show or change the host. */
static const char *const masked_paths[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/scsi",
    "/proc/sched_debug",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
};

static const char *const read_only_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* A member of the configuration that names a namespace, and whether it says "host". */
static int parse_namespace(const char *value, const char *what, const char *also, bool *ret_is_host,
                           struct error *err)
{
    bool is_host = value != NULL && strcmp(value, "host") == 0;

    if (value != NULL && !is_host && strcmp(value, "private") != 0 && strcmp(value, also) != 0)
        return error_set(err, -EINVAL, "%s: \"%s\" is neither host nor private", what, value);
    *ret_is_host = is_host;
    return 0;
}

static void add_namespace(json_t *list, const char *type)
{
    json_t *item = json_object();

    spec_put_text(item, "type", type);
    (void)json_array_append_new(list, item);
}

static int put_namespaces(const struct spec_request *request, json_t *linux_part, struct error *err)
{
    const struct container_config *config = request->config;
    autojson *list = json_array();
    bool has_host_pid;
    bool has_host_ipc;
    bool has_host_network;
    int r = parse_namespace(config->pid, "pid", "private", &has_host_pid, err);

    if (r >= 0)
        r = parse_namespace(config->ipc, "ipc", "private", &has_host_ipc, err);
    if (r >= 0)
        r = parse_namespace(config->network, "network", "none", &has_host_network, err);
    if (r < 0)
        return r;

    add_namespace(list, "mount");
    add_namespace(list, "uts");
    if (!has_host_pid)
        add_namespace(list, "pid");
    if (!has_host_ipc)
        add_namespace(list, "ipc");
    if (!has_host_network)
        add_namespace(list, "network");
    if (request->users != NULL)
        add_namespace(list, "user");
    if (request->has_cgroup_namespace)
        add_namespace(list, "cgroup");
    spec_put(linux_part, "namespaces", json_incref(list));
    return 0;
}

static json_t *make_map(const struct id_map *map)
{
    json_t *list = json_array();

    for (size_t i = 0; i < map->count; i++) {
        json_t *range = json_object();

        spec_put_number(range, "containerID", map->ranges[i].inside);
        spec_put_number(range, "hostID", map->ranges[i].outside);
        spec_put_number(range, "size", map->ranges[i].count);
        (void)json_array_append_new(list, range);
    }
    return list;
}

static json_t *make_memory(const struct container_config *config)
{
    json_t *memory = json_object();

    if (config->memory_bytes != 0)
        spec_put_number(memory, "limit", config->memory_bytes);
    if (config->memory_swap_bytes != 0) /* no limit becomes -1 */
        spec_put_number(memory, "swap", config->memory_swap_bytes);
    return memory;
}

static json_t *make_cpu(const struct container_config *config)
{
    json_t *cpu = json_object();
    uint64_t period = config->cpu_period_us;

    if (config->cpu_quota_us != 0 && period == 0)
        period = CPU_PERIOD_DEFAULT_US;
    if (config->cpu_shares != 0)
        spec_put_number(cpu, "shares", config->cpu_shares);
    if (config->cpu_quota_us != 0)
        spec_put_number(cpu, "quota", config->cpu_quota_us);
    if (period != 0)
        spec_put_number(cpu, "period", period);
    return cpu;
}

/* The runtime itself allows the devices of the OCI specification on top. */
static json_t *make_devices(const struct container_config *config)
{
    json_t *list = json_array();
    json_t *all = json_object();

    spec_put(all, "allow", json_boolean(config->privileged));
    spec_put_text(all, "access", "rwm");
    (void)json_array_append_new(list, all);
    return list;
}

/* A limit that nobody asked for is left out where the host cannot keep it. */
static int64_t pids_limit_of(const struct spec_request *request)
{
    if (request->config->pids_limit != 0)
        return request->config->pids_limit;
    return request->lacks_pids_controller ? 0 : CONTAINER_PIDS_LIMIT;
}

static json_t *make_resources(const struct spec_request *request)
{
    const struct container_config *config = request->config;
    json_t *resources = json_object();
    int64_t pids = pids_limit_of(request);

    spec_put(resources, "devices", make_devices(config));
    spec_put(resources, "memory", make_memory(config));
    spec_put(resources, "cpu", make_cpu(config));
    if (pids > 0) {
        json_t *limit = json_object();

        spec_put(limit, "limit", json_integer(pids));
        spec_put(resources, "pids", limit);
    }
    return resources;
}

static int check_resources(const struct container_config *config, struct error *err)
{
    const uint64_t numbers[] = {
        config->memory_bytes,  config->cpu_shares, config->cpu_quota_us,
        config->cpu_period_us, config->shm_bytes,
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (numbers[i] > INT64_MAX)
            return error_set(err, -EINVAL, "limit %" PRIu64 " is too large", numbers[i]);
    }
    if (config->memory_swap_bytes != CONTAINER_SWAP_UNLIMITED &&
        config->memory_swap_bytes > INT64_MAX)
        return error_set(err, -EINVAL, "limit %" PRIu64 " is too large", config->memory_swap_bytes);
    if (config->memory_swap_bytes != 0 && config->memory_swap_bytes < config->memory_bytes)
        return error_set(err, -EINVAL, "memory with swap is less than memory alone");
    return 0;
}

static int put_seccomp(const struct container_config *config, json_t *linux_part, struct error *err)
{
    uint64_t bounding = 0;
    uint64_t ambient = 0;
    int r;

    if (config->seccomp != NULL && strcmp(config->seccomp, "unconfined") != 0)
        return error_set(err, -EINVAL, "seccomp: \"%s\" is not unconfined", config->seccomp);
    if (config->privileged || config->seccomp != NULL)
        return 0;
    r = capabilities_choose(config, &bounding, &ambient, err);
    if (r >= 0)
        spec_put(linux_part, "seccomp", spec_seccomp(bounding));
    return r;
}

static int make_linux(const struct spec_request *request, json_t **ret, struct error *err)
{
    const struct container_config *config = request->config;
    const char *propagation = spec_root_propagation(config);
    autofree char *cgroups_place = cgroups_path(request->id);
    autojson *linux_part = json_object();
    int r = put_namespaces(request, linux_part, err);

    if (r >= 0)
        r = check_resources(config, err);
    if (r >= 0)
        r = put_seccomp(config, linux_part, err);
    if (r < 0)
        return r;

    if (request->users != NULL) {
        spec_put(linux_part, "uidMappings", make_map(&request->users->uids));
        spec_put(linux_part, "gidMappings", make_map(&request->users->gids));
    }
    spec_put_text(linux_part, "cgroupsPath", cgroups_place);
    spec_put(linux_part, "resources", make_resources(request));
    if (propagation != NULL)
        spec_put_text(linux_part, "rootfsPropagation", propagation);
    if (!config->privileged) {
        spec_put(linux_part, "maskedPaths",
                 spec_texts(masked_paths, sizeof(masked_paths) / sizeof(*masked_paths)));
        spec_put(linux_part, "readonlyPaths",
                 spec_texts(read_only_paths, sizeof(read_only_paths) / sizeof(*read_only_paths)));
    }
    *ret = steal_ptr(linux_part);
    return 0;
}

/* RFC 3339 with nanoseconds. */
static char *format_time(uint64_t ns)
{
    time_t seconds = (time_t)(ns / NS_PER_SECOND);
    struct tm parts;
    char text[32];

    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    return mem_text("%s.%09uZ", text, (unsigned)(ns % NS_PER_SECOND));
}

static json_t *make_annotations(const struct spec_request *request)
{
    const struct container_config *config = request->config;
    uint32_t signal = config->stop_signal == 0 ? STOP_SIGNAL_DEFAULT : config->stop_signal;
    autofree char *created = format_time(request->created);
    autofree char *stop_signal = mem_text("%" PRIu32, signal);
    json_t *annotations = json_object();

    spec_put_text(annotations, "org.opencontainers.image.created", created);
    spec_put_text(annotations, "org.opencontainers.image.stopSignal", stop_signal);
    spec_put_text(annotations, "io.container.manager", "gantry");
    for (size_t i = 0; i < config->annotations.count; i++)
        spec_put_text(annotations, config->annotations.items[i].key,
                      config->annotations.items[i].value);
    return annotations;
}

static json_t *make_root(const struct spec_request *request)
{
    json_t *root = json_object();

    spec_put_text(root, "path", request->root);
    spec_put(root, "readonly", json_boolean(request->config->read_only));
    return root;
}

int spec_write(const struct spec_request *request, char **ret, struct error *err)
{
    char buffer[HOSTNAME_DEFAULT_SIZE];
    autojson *spec = json_object();
    json_t *process = NULL;
    json_t *mounts = NULL;
    json_t *linux_part = NULL;
    int r = spec_process(request, &process, err);

    spec_put(spec, "process", process);
    if (r >= 0)
        r = spec_mounts(request, &mounts, err);
    spec_put(spec, "mounts", mounts);
    if (r >= 0)
        r = make_linux(request, &linux_part, err);
    spec_put(spec, "linux", linux_part);
    if (r < 0)
        return r;

    spec_put_text(spec, "ociVersion", OCI_VERSION);
    spec_put(spec, "root", make_root(request));
    spec_put_text(spec, "hostname", network_hostname(request->config, request->id, buffer));
    spec_put(spec, "annotations", make_annotations(request));
    *ret = json_dumps(spec, JSON_COMPACT);
    if (*ret == NULL)
        return error_set(err, -EINVAL, "the configuration holds bytes that are no text");
    return 0;
}
