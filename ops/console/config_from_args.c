/* What was said to run or create; see the header. */
#include "ops/console/config_from_args.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/id.h"
#include "common/image_name.h"
#include "common/io/files.h"
#include "common/signals.h"
#include "ops/console/image_args.h"
#include "ops/console/limit_args.h"
#include "ops/console/mount_args.h"
#include "ops/console/restart_args.h"
#include "ops/console/userns_args.h"

#define ENV_FILE_BYTES_MAX (1024 * 1024)

/* Set NAME in a list of NAME=value, or replace it: the last word wins, as in podman. */
static void set_variable(struct text_list *env, const char *word, struct arena *arena)
{
    size_t size = strcspn(word, "=") + 1;

    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], word, size) == 0) {
            env->items[i] = arena_text(arena, word);
            return;
        }
    }
    args_list_add(env, word, arena);
}

static int add_variable(struct text_list *env, const char *word, struct arena *arena,
                        struct error *err)
{
    const char *value;

    if (*word == '=' || *word == '\0')
        return error_set(err, -EINVAL, "invalid environment variable: \"%s\"", word);
    if (strchr(word, '=') != NULL) {
        set_variable(env, word, arena);
        return 0;
    }
    value = getenv(word);
    if (value != NULL)
        set_variable(env, arena_printf(arena, "%s=%s", word, value), arena);
    return 0;
}

static int add_env_file(struct text_list *env, const char *path, struct arena *arena,
                        struct error *err)
{
    autofree char *content = NULL;
    size_t size = 0;
    char *rest;
    int r = files_read(AT_FDCWD, path, ENV_FILE_BYTES_MAX, &content, &size, err);

    if (r < 0)
        return error_add_context(err, r, "--env-file %s", path);
    rest = content;
    while (rest != NULL) {
        char *line = strsep(&rest, "\n");

        line += strspn(line, " \t");
        if (*line == '#' || *line == '\0')
            continue;
        r = add_variable(env, line, arena, err);
        if (r < 0)
            return error_add_context(err, r, "--env-file %s", path);
    }
    return 0;
}

static int take_env(const struct run_options *options, struct arena *arena,
                    struct container_config *config, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < options->env_files.count; i++)
        r = add_env_file(&config->env, options->env_files.items[i], arena, err);
    for (size_t i = 0; r == 0 && i < options->env.count; i++)
        r = add_variable(&config->env, options->env.items[i], arena, err);
    return r;
}

/* Set a key of a map, or replace its value. `map` has room for one more. */
static void set_pair(struct text_map *map, char *key, char *value)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->items[i].key, key) == 0) {
            map->items[i].value = value;
            return;
        }
    }
    map->items[map->count++] = (struct text_pair){ .key = key, .value = value };
}

/* Words "key=value"; one without value has the value "". */
static int take_pairs(const struct text_list *words, const char *option, struct arena *arena,
                      struct text_map *ret, struct error *err)
{
    ret->items = arena_zeroed(arena, words->count * sizeof(*ret->items));
    for (size_t i = 0; i < words->count; i++) {
        char *value = arena_text(arena, words->items[i]);
        char *key = strsep(&value, "=");

        if (*key == '\0')
            return error_set(err, -EINVAL, "--%s %s: the key is empty", option, words->items[i]);
        set_pair(ret, key, value != NULL ? value : key + strlen(key));
    }
    return 0;
}

static int add_mount(struct container_config *config, const struct mount_config *mount,
                     struct error *err)
{
    struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        if (strcmp(mounts[i].destination, mount->destination) == 0)
            return error_set(err, -EINVAL, "%s: duplicate mount destination", mount->destination);
    }
    mounts[config->mounts.count++] = *mount;
    return 0;
}

typedef int mount_parser(const char *text, struct arena *arena, struct mount_config *ret,
                         struct error *err);

static int take_mounts(const struct run_options *options, struct arena *arena,
                       struct container_config *config, struct error *err)
{
    const struct {
        const struct text_list *words;
        mount_parser *parse;
    } kinds[] = {
        { &options->volumes, mount_args_volume },
        { &options->tmpfs, mount_args_tmpfs },
        { &options->mounts, mount_args_mount },
    };
    size_t count = options->volumes.count + options->tmpfs.count + options->mounts.count;

    config->mounts.items = arena_zeroed(arena, count * sizeof(struct mount_config));
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
        for (size_t i = 0; i < kinds[kind].words->count; i++) {
            struct mount_config mount;
            int r = kinds[kind].parse(kinds[kind].words->items[i], arena, &mount, err);

            if (r == 0)
                r = add_mount(config, &mount, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int take_security_option(const char *word, struct container_config *config,
                                struct error *err)
{
    if (strcmp(word, "no-new-privileges") == 0 || strcmp(word, "no-new-privileges:true") == 0 ||
        strcmp(word, "no-new-privileges=true") == 0) {
        config->no_new_privileges = true;
        return 0;
    }
    if (strcmp(word, "no-new-privileges:false") == 0 ||
        strcmp(word, "no-new-privileges=false") == 0) {
        config->no_new_privileges = false;
        return 0;
    }
    if (strcmp(word, "seccomp=unconfined") == 0) {
        static char unconfined[] = "unconfined";

        config->seccomp = unconfined;
        return 0;
    }
    /* Neither SELinux nor AppArmor is used: what switches them off holds already. */
    if (strcmp(word, "label=disable") == 0 || strcmp(word, "apparmor=unconfined") == 0)
        return 0;
    return error_set(err, -EOPNOTSUPP, "--security-opt %s is not supported yet", word);
}

static int take_stop(const struct run_options *options, struct container_config *config,
                     struct error *err)
{
    const struct maybe_i64 *seconds = &options->stop_timeout_s;

    if (seconds->is_set && (seconds->value < 0 || seconds->value > UINT32_MAX))
        return error_set(err, -ERANGE, "--stop-timeout %lld: give seconds from 0 on",
                         (long long)seconds->value);
    config->stop_timeout_s.is_set = seconds->is_set;
    config->stop_timeout_s.value = (uint32_t)seconds->value;
    if (options->stop_signal == NULL)
        return 0;
    return signals_parse(options->stop_signal, &config->stop_signal, err);
}

static int take_restart(const struct run_options *options, struct arena *arena,
                        struct container_config *config, struct error *err)
{
    int r = restart_args_take(options->restart, arena, &config->restart_policy,
                              &config->restart_retries, err);

    if (r < 0 || config->restart_policy == NULL)
        return r;
    if (options->auto_remove && strcmp(config->restart_policy, "no") != 0)
        return error_set(err, -EINVAL, "the --rm option conflicts with --restart");
    return 0;
}

/* podman: several in one word, between commas. */
static void take_requires(const struct run_options *options, struct arena *arena,
                          struct container_config *config)
{
    for (size_t i = 0; i < options->requires.count; i++) {
        char *rest = arena_text(arena, options->requires.items[i]);
        const char *word;

        while ((word = strsep(&rest, ",")) != NULL)
            args_list_add(&config->requires, word, arena);
    }
}

static int take_mode(const char *option, const char *value, const char *allowed,
                     struct arena *arena, char **ret, struct error *err)
{
    char *rest = arena_text(arena, allowed);

    if (value == NULL)
        return 0;
    while (rest != NULL) {
        if (strcmp(strsep(&rest, "|"), value) == 0) {
            *ret = arena_text(arena, value);
            return 0;
        }
    }
    return error_set(err, -EOPNOTSUPP, "--%s %s is not supported yet: one of %s", option, value,
                     allowed);
}

static int take_namespaces(const struct run_options *options, struct arena *arena,
                           struct container_config *config, struct error *err)
{
    int r =
        take_mode("network", options->network, "none|host|private", arena, &config->network, err);

    if (r == 0)
        r = take_mode("pid", options->pid, "private|host", arena, &config->pid, err);
    if (r == 0)
        r = take_mode("ipc", options->ipc, "private|host", arena, &config->ipc, err);
    return r;
}

static int take_pull(const struct run_options *options, struct arena *arena,
                     struct container_config *config, struct error *err)
{
    int r = take_mode("pull", options->pull, "always|missing|never", arena, &config->pull, err);

    if (r == 0)
        r = take_mode("image-volume", options->image_volumes, "anonymous|bind|tmpfs|ignore", arena,
                      &config->image_volumes, err);
    if (r < 0)
        return r;
    if (config->image_volumes != NULL && strcmp(config->image_volumes, "bind") == 0)
        config->image_volumes = arena_text(arena, "anonymous"); /* podman's old word for it */
    config->authfile = arena_text(arena, options->authfile);
    return registry_args_tls(options->tls_verify, &config->no_tls_verify, err);
}

/* The image is the host's to find. Without a command it is the image's. */
static int take_image(const struct run_options *options, struct arena *arena,
                      struct container_config *config, struct error *err)
{
    const char *image = options->operands.count > 0 ? options->operands.items[0] : NULL;

    if (image == NULL || *image == '\0')
        return error_set(err, -EINVAL, "an image is missing: give IMAGE [COMMAND...]");
    if (image_name_registry(image, arena) == NULL)
        return error_set(err, -EINVAL, "%s: that is no name of an image", image);
    config->image = arena_text(arena, image);
    return take_pull(options, arena, config, err);
}

static int take_entrypoint(const struct run_options *options, struct arena *arena,
                           struct container_config *config, struct error *err)
{
    (void)err;
    config->has_entrypoint = options->entrypoint != NULL;
    if (config->has_entrypoint)
        entrypoint_args_take(options->entrypoint, arena, &config->entrypoint);
    return 0;
}

/* The path as the host knows it; a relative one is beneath our directory, as podman has it. */
static int take_rootfs(const struct run_options *options, struct arena *arena,
                       struct container_config *config, struct error *err)
{
    const char *path = options->operands.count > 0 ? options->operands.items[0] : NULL;
    autofree char *here = NULL;

    if (!options->has_rootfs)
        return take_image(options, arena, config, err);
    if (path == NULL || *path == '\0')
        return error_set(err, -EINVAL, "--rootfs: the path of a root filesystem is missing");
    if (options->operands.count < 2 &&
        (options->entrypoint == NULL || *options->entrypoint == '\0'))
        return error_set(err, -EINVAL, "no command was given to run in the container");
    if (*path == '/') {
        config->rootfs = arena_text(arena, path);
        return 0;
    }
    here = getcwd(NULL, 0);
    if (here == NULL)
        return error_set_errno(err, "directory that %s is relative to", path);
    config->rootfs = arena_printf(arena, "%s/%s", here, path);
    return 0;
}

static int take_name(const struct run_options *options, struct arena *arena,
                     struct container_config *config, struct error *err)
{
    if (options->name == NULL)
        return 0;
    if (!name_is_valid(options->name))
        return error_set(err, -EINVAL, "name \"%s\": names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
                         options->name);
    config->name = arena_text(arena, options->name);
    return 0;
}

static void copy_list(const struct text_list *from, size_t first, struct arena *arena,
                      struct text_list *ret)
{
    for (size_t i = first; i < from->count; i++)
        args_list_add(ret, from->items[i], arena);
}

/* What needs no check here: the worker looks names up in the root filesystem. */
static void take_plain(const struct run_options *options, char *const *create_command,
                       struct arena *arena, struct container_config *config)
{
    copy_list(&options->operands, 1, arena, &config->command);
    copy_list(&options->cap_add, 0, arena, &config->cap_add);
    copy_list(&options->cap_drop, 0, arena, &config->cap_drop);
    copy_list(&options->add_hosts, 0, arena, &config->hosts_add);
    take_requires(options, arena, config);
    for (; *create_command != NULL; create_command++)
        args_list_add(&config->create_command, *create_command, arena);
    config->workdir = arena_text(arena, options->workdir);
    config->user = arena_text(arena, options->user);
    config->hostname = arena_text(arena, options->hostname);
    config->runtime = arena_text(arena, options->runtime);
    config->read_only = options->read_only;
    config->privileged = options->privileged;
    config->no_hosts = options->no_hosts;
    config->auto_remove = options->auto_remove;
}

int config_from_args(const struct run_options *options, char *const *create_command,
                     struct arena *arena, struct container_config *ret, struct error *err)
{
    typedef int take_fn(const struct run_options *options, struct arena *arena,
                        struct container_config *config, struct error *err);
    static take_fn *const parts[] = { take_rootfs,     take_entrypoint, take_name,
                                      take_env,        take_mounts,     limit_args_take,
                                      take_namespaces, take_restart,    userns_args_take };
    struct container_config config = { 0 };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(*parts); i++)
        r = parts[i](options, arena, &config, err);
    for (size_t i = 0; r == 0 && i < options->security.count; i++)
        r = take_security_option(options->security.items[i], &config, err);
    if (r == 0)
        r = take_stop(options, &config, err);
    if (r == 0)
        r = take_pairs(&options->labels, "label", arena, &config.labels, err);
    if (r == 0)
        r = take_pairs(&options->annotations, "annotation", arena, &config.annotations, err);
    if (r < 0)
        return r;
    take_plain(options, create_command, arena, &config);
    *ret = config;
    return 0;
}
