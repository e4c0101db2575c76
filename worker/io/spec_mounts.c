/* The "mounts" of a spec; see the header. */
#include "worker/io/spec_mounts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/id.h"
#include "common/mem.h"
#include "worker/io/mapped_binds.h"
#include "worker/io/spec_json.h"
#include "worker/io/storage.h"

#define DEFAULTS_MAX 12
#define OPTIONS_MAX  64

/* A mount as the runtime gets it; everything borrowed or in the arena. */
struct spec_mount {
    const char *destination;
    const char *type;
    const char *source;
    const char *options[OPTIONS_MAX];
    size_t option_count;
    size_t depth; /* components of the destination */
    size_t order; /* as it came */
};

struct mount_set {
    struct arena arena;
    struct spec_mount *mounts;
    size_t count;
    size_t capacity;
};

/* How many names a path has: "/" has none, "//a/./b" has two. */
static size_t count_components(const char *path)
{
    size_t count = 0;

    for (const char *at = path; *at != '\0';) {
        size_t size = strcspn(at, "/");

        count += size > 0 && !(size == 1 && at[0] == '.');
        at += size + (at[size] == '/');
    }
    return count;
}

static struct spec_mount *add_mount(struct mount_set *set, const char *destination,
                                    const char *type, const char *source)
{
    struct spec_mount *mount;

    if (set->count == set->capacity) {
        set->capacity = set->capacity * 2 + DEFAULTS_MAX;
        set->mounts = mem_resized(set->mounts, set->capacity * sizeof(*set->mounts));
    }
    mount = &set->mounts[set->count];
    *mount = (struct spec_mount){
        .destination = destination,
        .type = type,
        .source = source,
        .depth = count_components(destination),
        .order = set->count++,
    };
    return mount;
}

/* Options up to a NULL. */
static void add_options(struct spec_mount *mount, const char *const *options)
{
    for (; *options != NULL && mount->option_count < OPTIONS_MAX; options++)
        mount->options[mount->option_count++] = *options;
}

#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Does the user's configuration mount something of its own there? */
static bool is_taken(const struct container_config *config, const char *destination)
{
    const struct mount_config *mounts = config->mounts.items;

    for (size_t i = 0; i < config->mounts.count; i++) {
        size_t size = strlen(mounts[i].destination);

        while (size > 1 && mounts[i].destination[size - 1] == '/')
            size--;
        if (strlen(destination) == size && memcmp(mounts[i].destination, destination, size) == 0)
            return true;
    }
    return false;
}

static bool is_host(const char *namespace)
{
    return namespace != NULL && strcmp(namespace, "host") == 0;
}

static bool has_host_ipc(const struct container_config *config)
{
    return is_host(config->ipc);
}

static void add_shared_memory(struct mount_set *set, const struct spec_request *request)
{
    const struct container_config *config = request->config;
    uint64_t size = config->shm_bytes == 0 ? CONTAINER_SHM_BYTES : config->shm_bytes;

    if (!is_taken(config, "/dev/shm") && has_host_ipc(config))
        add_options(add_mount(set, "/dev/shm", "bind", "/dev/shm"),
                    OPTIONS("rbind", "rprivate", "nosuid", "noexec", "nodev"));
    else if (!is_taken(config, "/dev/shm"))
        add_options(add_mount(set, "/dev/shm", "tmpfs", "shm"),
                    OPTIONS("nosuid", "noexec", "nodev", "mode=1777",
                            arena_printf(&set->arena, "size=%" PRIu64, size)));

    if (is_taken(config, "/dev/mqueue"))
        return;
    if (!has_host_ipc(config) && request->has_mqueue)
        add_options(add_mount(set, "/dev/mqueue", "mqueue", "mqueue"),
                    OPTIONS("nosuid", "noexec", "nodev"));
    else if (has_host_ipc(config) && access("/dev/mqueue", F_OK) == 0)
        add_options(add_mount(set, "/dev/mqueue", "bind", "/dev/mqueue"),
                    OPTIONS("rbind", "rprivate", "nosuid", "noexec", "nodev"));
}

/* The host's own, where the kernel makes none for a user namespace: of processes or a network that
 * are not that namespace's. */
static void add_host_view(struct mount_set *set, const char *path, const char *access)
{
    add_options(add_mount(set, path, "bind", path),
                OPTIONS("rbind", "rprivate", "nosuid", "noexec", "nodev", access));
}

static void add_kernel_views(struct mount_set *set, const struct spec_request *request)
{
    const struct container_config *config = request->config;
    const char *access = config->privileged ? "rw" : "ro";

    if (!is_taken(config, "/proc") && request->users != NULL && is_host(config->pid))
        add_host_view(set, "/proc", "rw");
    else if (!is_taken(config, "/proc"))
        add_options(add_mount(set, "/proc", "proc", "proc"), OPTIONS("nosuid", "noexec", "nodev"));
    if (!is_taken(config, "/sys") && request->users != NULL && is_host(config->network))
        add_host_view(set, "/sys", access);
    else if (!is_taken(config, "/sys"))
        add_options(add_mount(set, "/sys", "sysfs", "sysfs"),
                    OPTIONS("nosuid", "noexec", "nodev", access));
}

#define TERMINAL_GROUP 5 /* tty */

static void add_terminals(struct mount_set *set, const struct spec_request *request)
{
    struct spec_mount *mount = add_mount(set, "/dev/pts", "devpts", "devpts");
    uint32_t ignored;

    add_options(mount, OPTIONS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"));
    /* The kernel refuses a group that the namespace does not have. */
    if (request->users == NULL || id_map_outside(&request->users->gids, TERMINAL_GROUP, &ignored))
        add_options(mount, OPTIONS("gid=5"));
}

/* What the OCI specification promises every Linux container. */
static void add_defaults(struct mount_set *set, const struct spec_request *request)
{
    const struct container_config *config = request->config;
    const char *access = config->privileged ? "rw" : "ro";

    add_kernel_views(set, request);
    if (!is_taken(config, "/dev"))
        add_options(add_mount(set, "/dev", "tmpfs", "tmpfs"),
                    OPTIONS("nosuid", "strictatime", "mode=755", "size=65536k"));
    if (!is_taken(config, "/dev/pts"))
        add_terminals(set, request);
    if (!is_taken(config, "/sys/fs/cgroup"))
        add_options(add_mount(set, "/sys/fs/cgroup", "cgroup", "cgroup"),
                    OPTIONS("rprivate", "nosuid", "noexec", "nodev", "relatime", access));
    add_shared_memory(set, request);
}

static void add_file(struct mount_set *set, const struct spec_request *request,
                     const char *destination, const char *source)
{
    struct spec_mount *mount;

    if (source == NULL || is_taken(request->config, destination))
        return;
    mount = add_mount(set, destination, "bind", source);
    add_options(mount, OPTIONS("bind", "rprivate"));
    if (request->config->read_only)
        add_options(mount, OPTIONS("ro", "nosuid", "noexec", "nodev"));
}

static bool has_option(const struct mount_config *config, const char *const *any)
{
    for (size_t i = 0; i < config->options.count; i++) {
        for (const char *const *word = any; *word != NULL; word++) {
            if (strcmp(config->options.items[i], *word) == 0)
                return true;
        }
    }
    return false;
}

#define PROPAGATIONS                                                                     \
    OPTIONS("shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", \
            "runbindable")

static int check_user_mount(const struct mount_config *config, struct error *err)
{
    struct stat status;
    bool is_bind = strcmp(config->type, "bind") == 0;
    bool is_volume = strcmp(config->type, "volume") == 0;

    if (!is_bind && !is_volume && strcmp(config->type, "tmpfs") != 0)
        return error_set(err, -EINVAL, "mount %s: type \"%s\" is not bind, volume or tmpfs",
                         config->destination, config->type);
    if (is_volume && (config->source == NULL || !name_is_valid(config->source)))
        return error_set(err, -EINVAL, "mount %s: the volume has no name", config->destination);
    if (config->destination[0] != '/' || count_components(config->destination) == 0)
        return error_set(err, -EINVAL, "mount \"%s\": not an absolute path below /",
                         config->destination);
    if (config->options.count + 8 > OPTIONS_MAX)
        return error_set(err, -EINVAL, "mount %s: too many options", config->destination);
    if (!is_bind)
        return 0;
    if (config->source == NULL || config->source[0] != '/')
        return error_set(err, -EINVAL, "mount %s: the source is no absolute path",
                         config->destination);
    if (stat(config->source, &status) < 0)
        return error_set_errno(err, "mount %s: source %s", config->destination, config->source);
    return 0;
}

/* In a user namespace the runtime may not take away what the mount is not allowed on the host, and
 * would when it makes it read-only. */
static void add_locked_options(struct spec_mount *mount)
{
    static const struct {
        unsigned long flag;
        const char *word;
    } locks[] = {
        { ST_RDONLY, "ro" }, { ST_NOSUID, "nosuid" }, { ST_NODEV, "nodev" }, { ST_NOEXEC, "noexec" }
    };
    struct statvfs status;

    if (statvfs(mount->source, &status) < 0)
        return;
    for (size_t i = 0; i < sizeof(locks) / sizeof(*locks); i++) {
        if ((status.f_flag & locks[i].flag) != 0)
            add_options(mount, OPTIONS(locks[i].word));
    }
}

static bool is_for_worker(const char *option)
{
    return strcmp(option, "nocopy") == 0 || strcmp(option, "idmap") == 0;
}

/* A volume is a bind mount of its data. */
static const char *source_of(struct mount_set *set, const struct spec_request *request,
                             const struct mount_config *config, size_t index)
{
    autofree char *path = NULL;

    if (request->users != NULL && storage_is_mapped(config))
        path = mapped_bind_path(request->layout, request->id, index);
    else if (strcmp(config->type, "volume") == 0)
        path = layout_volume_data(request->layout, config->source);
    else
        return strcmp(config->type, "bind") == 0 ? config->source : "tmpfs";
    return arena_text(&set->arena, path);
}

static int add_user_mount(struct mount_set *set, const struct spec_request *request, size_t index,
                          struct error *err)
{
    const struct mount_config *mounts = request->config->mounts.items;
    const struct mount_config *config = &mounts[index];
    struct spec_mount *mount;
    bool is_bind = strcmp(config->type, "tmpfs") != 0;
    int r = check_user_mount(config, err);

    if (r < 0)
        return r;
    mount = add_mount(set, config->destination, is_bind ? "bind" : "tmpfs",
                      source_of(set, request, config, index));
    if (is_bind && !has_option(config, OPTIONS("bind", "rbind")))
        add_options(mount, OPTIONS("rbind"));
    if (!has_option(config, PROPAGATIONS))
        add_options(mount, OPTIONS("rprivate"));
    if (!is_bind && !has_option(config, OPTIONS("suid", "nosuid")))
        add_options(mount, OPTIONS("nosuid"));
    if (!is_bind && !has_option(config, OPTIONS("dev", "nodev")))
        add_options(mount, OPTIONS("nodev"));
    if (is_bind && request->users != NULL)
        add_locked_options(mount);
    for (size_t i = 0; i < config->options.count; i++) {
        if (!is_for_worker(config->options.items[i]))
            mount->options[mount->option_count++] = config->options.items[i];
    }
    return 0;
}

static int compare_depth(const void *a, const void *b)
{
    const struct spec_mount *left = a;
    const struct spec_mount *right = b;

    if (left->depth != right->depth)
        return left->depth < right->depth ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

static json_t *make_list(struct mount_set *set)
{
    json_t *list = json_array();

    qsort(set->mounts, set->count, sizeof(*set->mounts), compare_depth);
    for (size_t i = 0; i < set->count; i++) {
        const struct spec_mount *mount = &set->mounts[i];
        json_t *item = json_object();

        spec_put_text(item, "destination", mount->destination);
        spec_put_text(item, "type", mount->type);
        spec_put_text(item, "source", mount->source);
        spec_put(item, "options", spec_texts(mount->options, mount->option_count));
        (void)json_array_append_new(list, item);
    }
    return list;
}

static void mount_set_done(struct mount_set *set)
{
    arena_done(&set->arena);
    free(set->mounts);
}

int spec_mounts(const struct spec_request *request, struct json_t **ret, struct error *err)
{
    __attribute__((cleanup(mount_set_done))) struct mount_set set = { 0 };

    add_defaults(&set, request);
    add_file(&set, request, "/etc/hosts", request->hosts);
    add_file(&set, request, "/etc/resolv.conf", request->resolv_conf);
    add_file(&set, request, "/etc/hostname", request->hostname);
    add_file(&set, request, "/etc/passwd", request->passwd);
    add_file(&set, request, "/etc/group", request->group);
    add_file(&set, request, "/run/.containerenv", request->containerenv);
    for (size_t i = 0; i < request->config->mounts.count; i++) {
        int r = add_user_mount(&set, request, i, err);

        if (r < 0)
            return r;
    }
    *ret = make_list(&set);
    return 0;
}

const char *spec_root_propagation(const struct container_config *config)
{
    const struct mount_config *mounts = config->mounts.items;
    const char *found = NULL;

    for (size_t i = 0; i < config->mounts.count; i++) {
        if (has_option(&mounts[i], OPTIONS("shared", "rshared")))
            return "shared";
        if (has_option(&mounts[i], OPTIONS("slave", "rslave")))
            found = "rslave";
    }
    return found;
}
