/* The "process" of a spec; see the header. */
#include "worker/io/spec_process.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/arena.h"
#include "common/auto.h"
#include "worker/io/capabilities.h"
#include "worker/io/network_files.h"
#include "worker/io/spec_json.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static json_t *make_user(const struct user_identity *identity)
{
    json_t *user = json_object();
    json_t *more = json_array();

    for (size_t i = 0; i < identity->more_gid_count; i++)
        (void)json_array_append_new(more, json_integer(identity->more_gids[i]));
    spec_put_number(user, "uid", identity->uid);
    spec_put_number(user, "gid", identity->gid);
    spec_put(user, "additionalGids", more);
    return user;
}

/* Is the variable of `setting` ("NAME=value") among those that the user set? */
static bool is_set_by_user(const struct text_list *env, const char *setting)
{
    size_t size = (size_t)(strchr(setting, '=') - setting) + 1;

    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], setting, size) == 0)
            return true;
    }
    return false;
}

/* What a process may rely on comes first, then what the user says. */
static json_t *make_env(const struct spec_request *request)
{
    const struct container_config *config = request->config;
    char buffer[HOSTNAME_DEFAULT_SIZE];
    const char *hostname = network_hostname(config, request->id, buffer);
    json_t *env = json_array();
    autoarena arena = { 0 };
    const char *defaults[] = {
        DEFAULT_PATH,
        "container=gantry",
        arena_printf(&arena, "HOSTNAME=%s", hostname),
        arena_printf(&arena, "HOME=%s", request->user->home),
        config->terminal ? "TERM=xterm" : NULL,
    };

    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
        if (defaults[i] != NULL && !is_set_by_user(&config->env, defaults[i]))
            (void)json_array_append_new(env, spec_text(defaults[i]));
    }
    for (size_t i = 0; i < config->env.count; i++)
        (void)json_array_append_new(env, spec_text(config->env.items[i]));
    return env;
}

static json_t *make_capability_list(uint64_t bits)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
        if (bits & (UINT64_C(1) << i))
            (void)json_array_append_new(list, spec_text(capability_name(i)));
    }
    return list;
}

/*
 * Root has what the container may have. Another user has only what was asked for by name, and
 * keeps it over exec by the ambient set, which needs the inheritable one; otherwise that stays
 * empty (CVE-2022-27649).
 */
static int put_capabilities(const struct spec_request *request, json_t *process, struct error *err)
{
    json_t *sets;
    uint64_t bounding = 0;
    uint64_t ambient = 0;
    bool is_root = request->user->uid == 0;
    int r = capabilities_choose(request->config, &bounding, &ambient, err);

    if (r < 0)
        return r;
    sets = json_object();
    spec_put(sets, "bounding", make_capability_list(bounding));
    spec_put(sets, "effective", make_capability_list(is_root ? bounding : ambient));
    spec_put(sets, "permitted", make_capability_list(is_root ? bounding : ambient));
    spec_put(sets, "inheritable", make_capability_list(is_root ? 0 : ambient));
    spec_put(sets, "ambient", make_capability_list(is_root ? 0 : ambient));
    spec_put(process, "capabilities", sets);
    return 0;
}

#define LIMIT_NAME_SIZE 32

/* "nofile" and "RLIMIT_NOFILE" are "RLIMIT_NOFILE". */
static int name_limit(const char *name, char ret[LIMIT_NAME_SIZE], struct error *err)
{
    static const char known[] = " AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC "
                                "RSS RTPRIO RTTIME SIGPENDING STACK ";
    const char *stem = strncasecmp(name, "RLIMIT_", 7) == 0 ? name + 7 : name;
    char word[LIMIT_NAME_SIZE - 6];
    int size = snprintf(word, sizeof(word), " %s ", stem);

    for (char *letter = word; *letter != '\0'; letter++)
        *letter = (char)toupper((unsigned char)*letter);
    if (size <= 2 || size >= (int)sizeof(word) || strchr(stem, ' ') != NULL ||
        strstr(known, word) == NULL)
        return error_set(err, -EINVAL, "no limit is called \"%s\"", name);
    (void)snprintf(ret, LIMIT_NAME_SIZE, "RLIMIT_%.*s", size - 2, word + 1);
    return 0;
}

/* JSON's integers end where a signed 64-bit one does; beyond is "unlimited" in effect. */
static json_t *make_limit(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static int put_limits(const struct spec_request *request, json_t *process, struct error *err)
{
    const struct ulimit_config *limits = request->config->ulimits.items;
    autojson *list = json_array();

    for (size_t i = 0; i < request->config->ulimits.count; i++) {
        json_t *limit;
        char name[LIMIT_NAME_SIZE];
        int r = name_limit(limits[i].name, name, err);

        if (r < 0)
            return r;
        if (limits[i].soft > limits[i].hard)
            return error_set(err, -EINVAL, "limit %s: soft is above hard", limits[i].name);
        limit = json_object();
        spec_put_text(limit, "type", name);
        spec_put(limit, "soft", make_limit(limits[i].soft));
        spec_put(limit, "hard", make_limit(limits[i].hard));
        (void)json_array_append_new(list, limit);
    }
    spec_put(process, "rlimits", json_incref(list));
    return 0;
}

static json_t *make_args(const struct container_config *config)
{
    json_t *args =
        spec_texts((const char *const *)config->entrypoint.items, config->entrypoint.count);

    for (size_t i = 0; i < config->command.count; i++)
        (void)json_array_append_new(args, json_string(config->command.items[i]));
    return args;
}

int spec_process(const struct spec_request *request, struct json_t **ret, struct error *err)
{
    const struct container_config *config = request->config;
    autojson *process = json_object();
    int r;

    if (config->entrypoint.count + config->command.count == 0)
        return error_set(err, -EINVAL, "no command to run");
    if (config->workdir != NULL && config->workdir[0] != '/')
        return error_set(err, -EINVAL, "working directory %s: not an absolute path",
                         config->workdir);

    spec_put(process, "terminal", json_boolean(config->terminal));
    spec_put(process, "user", make_user(request->user));
    spec_put(process, "args", make_args(config));
    spec_put(process, "env", make_env(request));
    spec_put_text(process, "cwd", config->workdir == NULL ? "/" : config->workdir);
    spec_put(process, "noNewPrivileges", json_boolean(config->no_new_privileges));
    r = put_capabilities(request, process, err);
    if (r >= 0)
        r = put_limits(request, process, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(process);
    return 0;
}
