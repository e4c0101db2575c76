/* Whether a container can be what a configuration says; see the header. */
#include "common/fleet/config_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/fleet/config_image.h"
#include "common/id.h"
#include "common/id_map.h"

#define CPU_PERIOD_MIN_US 1000 /* the kernel's limits */
#define CPU_PERIOD_MAX_US 1000000
#define CPU_QUOTA_MIN_US  1000

static enum failure fault(const struct container_config *config, struct refusal *why,
                          const char *what)
{
    return refuse(why, FAILURE_INVALID_ARGUMENT, "container %s: %s", config->name, what);
}

/* NULL stands for the default, which is always good. */
static bool is_one_of(const char *word, const char *const *words)
{
    if (word == NULL)
        return true;
    for (; *words != NULL; words++) {
        if (strcmp(*words, word) == 0)
            return true;
    }
    return false;
}

enum failure config_check_name(const char *name, struct refusal *why)
{
    if (name == NULL || *name == '\0')
        return refuse(why, FAILURE_INVALID_ARGUMENT, "the container has no name: give it one");
    if (!name_is_valid(name))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container name '%s' is not valid: use letters, digits, '_', '.' and '-', "
                      "the first a letter or digit, at most %d",
                      name, NAME_SIZE_MAX);
    return FAILURE_NONE;
}

static enum failure check_name(const struct container_config *config, struct refusal *why)
{
    return config_check_name(config->name, why);
}

static enum failure check_rootfs(const struct container_config *config, struct refusal *why)
{
    const char *rootfs = config->rootfs;

    if (config->image != NULL && rootfs != NULL)
        return fault(config, why, "it has a root filesystem and an image: give one of them");
    if (config->image != NULL && !image_reference_is_valid(config->image))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: '%s' is no name or id of an image, like busybox or "
                      "quay.io/team/web:1",
                      config->name, config->image);
    if (config->image != NULL)
        return FAILURE_NONE;
    if (rootfs == NULL || rootfs[0] != '/')
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: root filesystem '%s' is no absolute path: name a directory of "
                      "the host from / on",
                      config->name, rootfs != NULL ? rootfs : "");
    return FAILURE_NONE;
}

static enum failure check_env(const struct container_config *config, struct refusal *why)
{
    for (size_t i = 0; i < config->env.count; i++) {
        const char *entry = config->env.items[i];

        if (entry[0] == '=' || strchr(entry, '=') == NULL)
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "container %s: environment entry '%s' is not NAME=value", config->name,
                          entry);
    }
    return FAILURE_NONE;
}

/* Of an image that nobody has looked at yet, it may have words of its own. */
static enum failure check_command(const struct container_config *config, struct refusal *why)
{
    const struct text_list *first =
        config->entrypoint.count > 0 ? &config->entrypoint : &config->command;

    if (first->count == 0 && config->image != NULL && config->image_id == NULL)
        return FAILURE_NONE;
    if (first->count == 0 && config->image != NULL)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: image %s has no command: say what to run", config->name,
                      config->image);
    if (first->count == 0 || first->items[0][0] == '\0')
        return fault(config, why, "the command is empty: say what to run");
    return FAILURE_NONE;
}

static enum failure check_process(const struct container_config *config, struct refusal *why)
{
    if (config->workdir != NULL && config->workdir[0] != '/')
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: working directory '%s' is no absolute path", config->name,
                      config->workdir);
    if (config->user != NULL && (config->user[0] == '\0' || config->user[0] == ':'))
        return refuse(why, FAILURE_INVALID_ARGUMENT, "container %s: user '%s' is not user[:group]",
                      config->name, config->user);
    if (config->hostname != NULL &&
        (config->hostname[0] == '\0' || strlen(config->hostname) > CONFIG_HOSTNAME_MAX))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: the hostname has to have 1 to %d characters", config->name,
                      CONFIG_HOSTNAME_MAX);
    return check_env(config, why);
}

/* A member that holds one of a few words. */
struct word_rule {
    const char *what;
    size_t offset; /* of a char * in struct container_config */
    const char *words[5];
    const char *hint;
};

/* clang-format off */
static const struct word_rule word_rules[] = {
    { "network", offsetof(struct container_config, network),
      { "none", "host", "private" }, "none, host or private" },
    { "pid namespace", offsetof(struct container_config, pid),
      { "private", "host" }, "private or host" },
    { "ipc namespace", offsetof(struct container_config, ipc),
      { "private", "host" }, "private or host" },
    { "pull policy", offsetof(struct container_config, pull),
      { "missing", "never", "always" }, "missing, never or always" },
    { "policy for the image's volumes", offsetof(struct container_config, image_volumes),
      { "anonymous", "tmpfs", "ignore" }, "anonymous, tmpfs or ignore" },
    { "seccomp profile", offsetof(struct container_config, seccomp),
      { "unconfined" }, "unconfined, or leave it out for the default" },
    { "runtime", offsetof(struct container_config, runtime),
      { "crun", "runc" }, "crun or runc, or leave it out for what works" },
    { "restart policy", offsetof(struct container_config, restart_policy),
      { "no", "on-failure", "always", "unless-stopped" },
      "no, on-failure, always or unless-stopped" },
};
/* clang-format on */

static enum failure check_words(const struct container_config *config, struct refusal *why)
{
    for (size_t i = 0; i < sizeof(word_rules) / sizeof(*word_rules); i++) {
        const struct word_rule *rule = &word_rules[i];
        const char *word;

        memcpy(&word, (const char *)config + rule->offset, sizeof(word));
        if (!is_one_of(word, rule->words))
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "container %s: %s '%s' is not known: use %s", config->name, rule->what,
                          word, rule->hint);
    }
    return FAILURE_NONE;
}

static enum failure check_restart(const struct container_config *config, struct refusal *why)
{
    const char *policy = config->restart_policy != NULL ? config->restart_policy : "no";

    if (config->restart_retries > 0 && strcmp(policy, "on-failure") != 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: retries are for the restart policy on-failure, not for '%s'",
                      config->name, policy);
    if (config->auto_remove && strcmp(policy, "no") != 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: it cannot be removed when it ends and be restarted by '%s'",
                      config->name, policy);
    return FAILURE_NONE;
}

/* An absolute path without "..", so that it stays where it says. */
static bool is_inside(const char *path)
{
    if (path == NULL || path[0] != '/')
        return false;
    for (const char *step = path; step != NULL; step = strchr(step + 1, '/')) {
        if (strncmp(step, "/..", 3) == 0 && (step[3] == '/' || step[3] == '\0'))
            return false;
    }
    return true;
}

static enum failure check_mount(const struct container_config *config,
                                const struct mount_config *mount, struct refusal *why)
{
    const char *at = mount->destination != NULL ? mount->destination : "";
    bool is_bind = mount->type != NULL && strcmp(mount->type, "bind") == 0;
    bool is_tmpfs = mount->type != NULL && strcmp(mount->type, "tmpfs") == 0;
    bool is_volume = mount->type != NULL && strcmp(mount->type, "volume") == 0;

    if (!is_inside(mount->destination) || at[strspn(at, "/")] == '\0')
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: mount destination '%s' is not an absolute path below /",
                      config->name, at);
    if (!is_bind && !is_tmpfs && !is_volume)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: mount %s of type '%s' is not known: use bind, volume or tmpfs",
                      config->name, at, mount->type != NULL ? mount->type : "");
    if (is_bind && (mount->source == NULL || mount->source[0] != '/'))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: bind mount %s has no absolute source path", config->name, at);
    if (is_volume && mount->source != NULL && !name_is_valid(mount->source))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: '%s' at %s is no name of a volume: use letters, digits, '_', "
                      "'.' and '-', the first a letter or digit",
                      config->name, mount->source, at);
    if (is_tmpfs && mount->source != NULL)
        return refuse(why, FAILURE_INVALID_ARGUMENT, "container %s: tmpfs mount %s takes no source",
                      config->name, at);
    return FAILURE_NONE;
}

static enum failure check_mounts(const struct container_config *config, struct refusal *why)
{
    const struct mount_config *mounts = config->mounts.items;
    enum failure failure = FAILURE_NONE;

    for (size_t i = 0; i < config->mounts.count && failure == FAILURE_NONE; i++)
        failure = check_mount(config, &mounts[i], why);
    return failure;
}

static enum failure check_ulimit(const struct container_config *config,
                                 const struct ulimit_config *ulimit, struct refusal *why)
{
    static const char *const names[] = {
        "as",     "core",  "cpu", "data",   "fsize",  "locks",      "memlock", "msgqueue", "nice",
        "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",   NULL,
    };

    if (ulimit->name == NULL || !is_one_of(ulimit->name, names))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: ulimit '%s' is not known: use a name of setrlimit(2) in lower "
                      "case without RLIMIT_, as in nofile",
                      config->name, ulimit->name != NULL ? ulimit->name : "");
    if (ulimit->soft > ulimit->hard)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: the soft limit of ulimit %s is above its hard limit",
                      config->name, ulimit->name);
    return FAILURE_NONE;
}

static enum failure check_resources(const struct container_config *config, struct refusal *why)
{
    const struct ulimit_config *ulimits = config->ulimits.items;
    enum failure failure = FAILURE_NONE;

    if (config->memory_swap_bytes != 0 && config->memory_swap_bytes < config->memory_bytes)
        return fault(config, why, "the limit of memory plus swap is below that of memory");
    if (config->cpu_period_us != 0 &&
        (config->cpu_period_us < CPU_PERIOD_MIN_US || config->cpu_period_us > CPU_PERIOD_MAX_US))
        return fault(config, why, "the cpu period has to be 1000 to 1000000 microseconds");
    if (config->cpu_quota_us != 0 && config->cpu_quota_us < CPU_QUOTA_MIN_US)
        return fault(config, why, "the cpu quota has to be at least 1000 microseconds");
    if (config->pids_limit < -1)
        return fault(config, why, "the pids limit has to be -1 (none) or more");
    for (size_t i = 0; i < config->ulimits.count && failure == FAILURE_NONE; i++)
        failure = check_ulimit(config, &ulimits[i], why);
    return failure;
}

static enum failure check_capabilities(const struct container_config *config,
                                       const struct text_list *list, struct refusal *why)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i];

        if (*name == '\0' || name[strspn(name, letters)] != '\0')
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "container %s: capability '%s' is no name like NET_ADMIN or ALL",
                          config->name, name);
    }
    return FAILURE_NONE;
}

static enum failure check_security(const struct container_config *config, struct refusal *why)
{
    enum failure failure = check_capabilities(config, &config->cap_add, why);

    return failure != FAILURE_NONE ? failure : check_capabilities(config, &config->cap_drop, why);
}

static enum failure check_map(const struct container_config *config, const char *what,
                              const struct text_list *list, struct refusal *why)
{
    struct error err = { 0 };
    struct id_map map;
    uint32_t root;

    if (list->count == 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: its user namespace has no map of %s: give both maps",
                      config->name, what);
    if (id_map_parse(list->items, list->count, &map, &err) < 0)
        return refuse(why, FAILURE_INVALID_ARGUMENT, "container %s: map of %s: %s", config->name,
                      what, err.text);
    if (!id_map_outside(&map, 0, &root))
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: map of %s: 0, the container's root, has no place in it",
                      config->name, what);
    return FAILURE_NONE;
}

static enum failure check_users(const struct container_config *config, struct refusal *why)
{
    const struct mount_config *mounts = config->mounts.items;
    enum failure failure;

    if (config->uid_map.count > 0 || config->gid_map.count > 0) {
        failure = check_map(config, "users", &config->uid_map, why);
        return failure != FAILURE_NONE ? failure
                                       : check_map(config, "groups", &config->gid_map, why);
    }
    for (size_t i = 0; i < config->mounts.count; i++) {
        if (text_list_has(&mounts[i].options, "idmap"))
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "container %s: mount %s: idmap is for containers with a user namespace: "
                          "give id maps, or leave the option out",
                          config->name, mounts[i].destination);
    }
    return FAILURE_NONE;
}

static enum failure check_stop(const struct container_config *config, struct refusal *why)
{
    if (config->stop_signal > SIGNAL_MAX)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: stop signal %u is none: use 1 to %d, or 0 for SIGTERM",
                      config->name, config->stop_signal, SIGNAL_MAX);
    return FAILURE_NONE;
}

static enum failure check_hosts(const struct container_config *config, struct refusal *why)
{
    for (size_t i = 0; i < config->hosts_add.count; i++) {
        const char *line = config->hosts_add.items[i];
        const char *colon = strchr(line, ':');

        if (colon == NULL || colon == line || colon[1] == '\0')
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "container %s: hosts entry '%s' is not name:address", config->name, line);
    }
    return FAILURE_NONE;
}

static enum failure check_requires(const struct container_config *config, struct refusal *why)
{
    if (config->requires.count > CONFIG_REQUIRES_MAX)
        return refuse(why, FAILURE_INVALID_ARGUMENT,
                      "container %s: it requires %zu containers: at most %d can be", config->name,
                      config->requires.count, CONFIG_REQUIRES_MAX);
    for (size_t i = 0; i < config->requires.count; i++) {
        if (!name_is_valid(config->requires.items[i]))
            return refuse(why, FAILURE_INVALID_ARGUMENT,
                          "container %s: it requires '%s', which is no name or id of a container",
                          config->name, config->requires.items[i]);
    }
    return FAILURE_NONE;
}

enum failure config_check(const struct container_config *config, struct refusal *why)
{
    typedef enum failure check_fn(const struct container_config *config, struct refusal *why);
    static check_fn *const checks[] = {
        check_name,    check_rootfs, check_command,   check_process,  check_words,
        check_restart, check_mounts, check_resources, check_security, check_users,
        check_stop,    check_hosts,  check_requires,
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
        enum failure failure = checks[i](config, why);

        if (failure != FAILURE_NONE)
            return failure;
    }
    return FAILURE_NONE;
}
