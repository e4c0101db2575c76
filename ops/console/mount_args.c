/* --volume, --tmpfs and --mount; see the header. */
#include "ops/console/mount_args.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/id.h"
#include "ops/console/args.h"

static char bind_type[] = "bind";
static char tmpfs_type[] = "tmpfs";
static char volume_type[] = "volume";

static bool is_any(const char *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

static bool has_any(const struct text_list *list, const char *const *words)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_any(list->items[i], words))
            return true;
    }
    return false;
}

static const char *const propagations[] = { "private",    "rprivate",    "shared",
                                            "rshared",    "slave",       "rslave",
                                            "unbindable", "runbindable", NULL };
static const char *const binds[] = { "bind", "rbind", NULL };
/* Of SELinux, which podman too leaves out on hosts without it. */
static const char *const relabels[] = { "z", "Z", NULL };
/* Whether what the image has at the place is put into an empty volume. */
static const char *const copies[] = { "copy", "nocopy", NULL };
static const char *const not_here[] = { "O", "U", NULL };
/* For a container with a user namespace: with the numbers that are on the disk. */
static const char *const idmap = "idmap";
static const char *const plain_options[] = { "ro",      "rw",       "nosuid",     "suid",
                                             "nodev",   "dev",      "noexec",     "exec",
                                             "noatime", "relatime", "nodiratime", "sync",
                                             NULL };

static int check_destination(const char *path, struct error *err)
{
    if (path == NULL || *path == '\0')
        return error_set(err, -EINVAL, "a mount needs a destination");
    if (*path != '/')
        return error_set(err, -EINVAL, "invalid container path \"%s\", must be an absolute path",
                         path);
    if (strcmp(path, "/") == 0)
        return error_set(err, -EINVAL, "invalid container path \"/\": it is the root filesystem");
    return 0;
}

static int check_source(const char *path, struct error *err)
{
    if (path == NULL || *path == '\0')
        return error_set(err, -EINVAL, "a bind mount needs a source");
    if (*path != '/')
        return error_set(err, -EINVAL, "\"%s\": a bind mount's source is an absolute path", path);
    return 0;
}

static int check_volume(const char *name, struct error *err)
{
    if (name != NULL && !name_is_valid(name))
        return error_set(err, -EINVAL,
                         "\"%s\": names of volumes must match [a-zA-Z0-9][a-zA-Z0-9_.-]*", name);
    return 0;
}

static int add_option(struct mount_config *mount, const char *word, struct arena *arena,
                      struct error *err)
{
    bool is_tmpfs = mount->type == tmpfs_type;

    if (is_any(word, not_here))
        return error_set(err, -EOPNOTSUPP, "mount option \"%s\" is not supported yet", word);
    if (*word == '\0' || is_any(word, relabels))
        return 0;
    if (!is_any(word, plain_options) && !is_any(word, propagations) &&
        (is_tmpfs || !is_any(word, binds)) &&
        (mount->type != volume_type || !is_any(word, copies)) &&
        (is_tmpfs || strcmp(word, idmap) != 0) &&
        (!is_tmpfs || strchr(word, '=') == NULL)) /* tmpfs: size=, mode=, uid= ... */
        return error_set(err, -EINVAL, "invalid mount option \"%s\"", word);
    args_list_add(&mount->options, word, arena);
    return 0;
}

static int add_options(struct mount_config *mount, const char *words, struct arena *arena,
                       struct error *err)
{
    char *rest = arena_text(arena, words);

    while (rest != NULL) {
        int r = add_option(mount, strsep(&rest, ","), arena, err);

        if (r < 0)
            return r;
    }
    return 0;
}

/* What podman adds to a bind mount when nothing else was said. */
static void add_bind_defaults(struct mount_config *mount, struct arena *arena)
{
    if (!has_any(&mount->options, binds))
        args_list_add(&mount->options, "rbind", arena);
    if (!has_any(&mount->options, propagations))
        args_list_add(&mount->options, "rprivate", arena);
}

/* And to a tmpfs, which holds nobody's programs by itself. */
static void add_tmpfs_defaults(struct mount_config *mount, struct arena *arena)
{
    static const char *const suid[] = { "suid", "nosuid", NULL };
    static const char *const dev[] = { "dev", "nodev", NULL };

    if (!has_any(&mount->options, suid))
        args_list_add(&mount->options, "nosuid", arena);
    if (!has_any(&mount->options, dev))
        args_list_add(&mount->options, "nodev", arena);
}

static int finish(struct mount_config *mount, struct arena *arena, struct error *err)
{
    int r = check_destination(mount->destination, err);

    if (r < 0)
        return r;
    if (mount->type == tmpfs_type) {
        add_tmpfs_defaults(mount, arena);
        return 0;
    }
    if (mount->type == volume_type)
        return check_volume(mount->source, err);
    add_bind_defaults(mount, arena);
    return check_source(mount->source, err);
}

int mount_args_volume(const char *text, struct arena *arena, struct mount_config *ret,
                      struct error *err)
{
    struct mount_config mount = { .type = bind_type };
    char *rest = arena_text(arena, text);
    int r;

    mount.source = strsep(&rest, ":");
    mount.destination = strsep(&rest, ":");
    if (mount.destination == NULL) {
        mount.destination = mount.source;
        mount.source = NULL;
    }
    /* What is no path is the name of a volume, as podman has it. */
    if (mount.source == NULL || (*mount.source != '/' && *mount.source != '.'))
        mount.type = volume_type;
    r = rest != NULL ? add_options(&mount, rest, arena, err) : 0;
    if (r == 0)
        r = finish(&mount, arena, err);
    if (r < 0)
        return error_add_context(err, r, "--volume %s", text);
    *ret = mount;
    return 0;
}

int mount_args_tmpfs(const char *text, struct arena *arena, struct mount_config *ret,
                     struct error *err)
{
    struct mount_config mount = { .type = tmpfs_type };
    char *rest = arena_text(arena, text);
    int r;

    mount.destination = strsep(&rest, ":");
    r = rest != NULL ? add_options(&mount, rest, arena, err) : 0;
    if (r == 0)
        r = finish(&mount, arena, err);
    if (r < 0)
        return error_add_context(err, r, "--tmpfs %s", text);
    *ret = mount;
    return 0;
}

static bool is_true(const char *value)
{
    return value == NULL || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static int take_type(struct mount_config *mount, const char *value, struct error *err)
{
    if (value != NULL && strcmp(value, bind_type) == 0)
        mount->type = bind_type;
    else if (value != NULL && strcmp(value, tmpfs_type) == 0)
        mount->type = tmpfs_type;
    else if (value != NULL && strcmp(value, volume_type) == 0)
        mount->type = volume_type;
    else
        return error_set(err, -EOPNOTSUPP, "mounts of type \"%s\" are not supported yet",
                         value != NULL ? value : "");
    return 0;
}

/* Keys of --mount that are options by another name; a value is put behind the option. */
static const struct {
    const char *key;
    const char *option;
    bool has_value; /* without: the value is true or false */
} option_keys[] = {
    { "ro", "ro", false },
    { "readonly", "ro", false },
    { "bind-nonrecursive", "bind", false },
    { "bind-propagation", "", true },
    { "tmpfs-size", "size=", true },
    { "tmpfs-mode", "mode=", true },
};

static int take_option(struct mount_config *mount, const char *key, const char *value,
                       struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < sizeof(option_keys) / sizeof(*option_keys); i++) {
        const char *option = option_keys[i].option;

        if (strcmp(option_keys[i].key, key) != 0)
            continue;
        if (!option_keys[i].has_value)
            return is_true(value) ? add_option(mount, option, arena, err) : 0;
        if (value != NULL)
            return add_option(mount, arena_printf(arena, "%s%s", option, value), arena, err);
    }
    if (value == NULL && (is_any(key, plain_options) || is_any(key, copies)))
        return add_option(mount, key, arena, err);
    return error_set(err, -EINVAL, "invalid mount option \"%s\"", key);
}

/* One "key=value" or "key" of --mount; `value` may be NULL. */
static int take_key(struct mount_config *mount, const char *key, char *value, struct arena *arena,
                    struct error *err)
{
    static const char *const source[] = { "source", "src", NULL };
    static const char *const destination[] = { "destination", "dst", "target", NULL };

    if (is_any(key, source))
        mount->source = value;
    else if (is_any(key, destination))
        mount->destination = value;
    else if (strcmp(key, "type") != 0) /* that was taken before the others */
        return take_option(mount, key, value, arena, err);
    return 0;
}

/* The options' meaning depends on the type, wherever it stands. */
static int find_type(struct mount_config *mount, const char *text, struct arena *arena,
                     struct error *err)
{
    char *rest = arena_text(arena, text);
    char *word;

    while ((word = strsep(&rest, ",")) != NULL) {
        if (strncmp(word, "type=", 5) == 0)
            return take_type(mount, word + 5, err);
    }
    return error_set(err, -EINVAL, "type=bind, type=volume or type=tmpfs is needed");
}

static int take_keys(struct mount_config *mount, const char *text, struct arena *arena,
                     struct error *err)
{
    char *rest = arena_text(arena, text);
    char *word;

    while ((word = strsep(&rest, ",")) != NULL) {
        char *value = word;
        const char *key = strsep(&value, "=");
        int r = take_key(mount, key, value, arena, err);

        if (r < 0)
            return r;
    }
    return 0;
}

int mount_args_mount(const char *text, struct arena *arena, struct mount_config *ret,
                     struct error *err)
{
    struct mount_config mount = { 0 };
    int r = find_type(&mount, text, arena, err);

    if (r == 0)
        r = take_keys(&mount, text, arena, err);
    if (r == 0)
        r = finish(&mount, arena, err);
    if (r < 0)
        return error_add_context(err, r, "--mount %s", text);
    *ret = mount;
    return 0;
}
