/* Control groups; see the header. */
#include "worker/io/cgroups.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/mounts.h"
#include "worker/io/process.h"

#define HIERARCHIES_MAX  32
#define PARENT           "gantry" /* every group of ours is beneath it */
#define CONMON_GROUP     "conmon" /* no container is called so: an id has 64 digits */
#define DEPTH_MAX        16       /* of groups that a container made in its own */
#define CLEAR_ROUNDS_MAX 20       /* a process that is killed may have forked just before */
#define PROCS_MAX        (4 * 1024 * 1024)

struct hierarchy {
    char *path;        /* where it is mounted */
    char *controllers; /* ",memory,": mount options with commas at both ends */
    bool is_unified;
};

struct cgroups {
    struct hierarchy hierarchies[HIERARCHIES_MAX];
    size_t count;
};

static void add_hierarchy(void *owner, const struct mount_entry *entry)
{
    struct cgroups *cgroups = owner;
    bool is_unified = strcmp(entry->type, "cgroup2") == 0;

    if ((!is_unified && strcmp(entry->type, "cgroup") != 0) || cgroups->count == HIERARCHIES_MAX)
        return;
    cgroups->hierarchies[cgroups->count++] = (struct hierarchy){
        .path = mem_dup_text(entry->target),
        .controllers = mem_text(",%s,", entry->options),
        .is_unified = is_unified,
    };
}

int cgroups_open(struct cgroups **ret, struct error *err)
{
    autodestroy(cgroups) struct cgroups *cgroups = mem_new(struct cgroups);
    int r = mounts_each(add_hierarchy, cgroups, err);

    if (r < 0)
        return r;
    *ret = steal_ptr(cgroups);
    return 0;
}

void cgroups_destroy(struct cgroups *cgroups)
{
    if (cgroups == NULL)
        return;
    for (size_t i = 0; i < cgroups->count; i++) {
        free(cgroups->hierarchies[i].path);
        free(cgroups->hierarchies[i].controllers);
    }
    free(cgroups);
}

static size_t count_of(const struct cgroups *cgroups, bool is_unified)
{
    size_t count = 0;

    for (size_t i = 0; i < cgroups->count; i++)
        count += cgroups->hierarchies[i].is_unified == is_unified;
    return count;
}

const char *cgroups_layout(const struct cgroups *cgroups)
{
    size_t unified = count_of(cgroups, true);
    size_t legacy = count_of(cgroups, false);

    if (legacy == 0)
        return unified == 0 ? "none" : "v2";
    return unified == 0 ? "v1" : "hybrid";
}

bool cgroups_is_v2(const struct cgroups *cgroups)
{
    return count_of(cgroups, false) == 0 && count_of(cgroups, true) > 0;
}

/* The hierarchy of a v1 controller, or NULL. */
static const struct hierarchy *find_v1(const struct cgroups *cgroups, const char *controller)
{
    autofree char *pattern = mem_text(",%s,", controller);

    for (size_t i = 0; i < cgroups->count; i++) {
        const struct hierarchy *hierarchy = &cgroups->hierarchies[i];

        if (!hierarchy->is_unified && strstr(hierarchy->controllers, pattern) != NULL)
            return hierarchy;
    }
    return NULL;
}

static const struct hierarchy *find_v2(const struct cgroups *cgroups)
{
    for (size_t i = 0; i < cgroups->count; i++) {
        if (cgroups->hierarchies[i].is_unified)
            return &cgroups->hierarchies[i];
    }
    return NULL;
}

/* Where a controller's files of our groups are: v1's hierarchy of its own, else the unified. */
static const struct hierarchy *find_controller(const struct cgroups *cgroups, const char *name)
{
    const struct hierarchy *v1 = find_v1(cgroups, name);

    if (v1 != NULL)
        return v1;
    return cgroups_is_v2(cgroups) ? find_v2(cgroups) : NULL;
}

bool cgroups_can_freeze(const struct cgroups *cgroups)
{
    return find_controller(cgroups, "freezer") != NULL;
}

/* Whether a word is in the unified hierarchy's list of its controllers. */
static bool has_v2_controller(const struct hierarchy *unified, const char *name)
{
    autofree char *path = mem_text("%s/cgroup.controllers", unified->path);
    autofree char *text = NULL;
    size_t size = 0;
    char *rest = NULL;

    if (files_read(AT_FDCWD, path, 4096, &text, &size, NULL) < 0)
        return false;
    for (char *word = strtok_r(text, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        if (strcmp(word, name) == 0)
            return true;
    }
    return false;
}

bool cgroups_can_limit_pids(const struct cgroups *cgroups)
{
    const struct hierarchy *hierarchy = find_controller(cgroups, "pids");

    return hierarchy != NULL && (!hierarchy->is_unified || has_v2_controller(hierarchy, "pids"));
}

char *cgroups_path(const char *id)
{
    return mem_text("/" PARENT "/%s", id);
}

static char *group_file(const struct hierarchy *hierarchy, const char *group, const char *file)
{
    return mem_text("%s/" PARENT "/%s/%s", hierarchy->path, group, file);
}

static int write_file(const char *path, const char *text, struct error *err)
{
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return error_set_errno(err, "write %s", path);
    return 0;
}

static void place_in(const struct hierarchy *hierarchy, pid_t pid)
{
    autofree char *group = mem_text("%s/" PARENT "/" CONMON_GROUP, hierarchy->path);
    autofree char *procs = mem_text("%s/cgroup.procs", group);
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", (int)pid);
    if (files_make_directories(group, 0755, NULL) >= 0)
        (void)write_file(procs, text, NULL);
}

void cgroups_place_conmon(const struct cgroups *cgroups, pid_t pid)
{
    /* In the others conmon stays where the worker is: they only limit, and a new group in cpuset
     * takes nobody in before it is set up. */
    static const char *const controllers[] = { "name=systemd", "memory", "pids" };
    const struct hierarchy *unified = find_v2(cgroups);

    for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++) {
        const struct hierarchy *hierarchy = find_v1(cgroups, controllers[i]);

        if (hierarchy != NULL)
            place_in(hierarchy, pid);
    }
    if (unified != NULL)
        place_in(unified, pid);
}

/* The number behind "key " in a file of "key value" lines; 0 when it is not there. */
static uint64_t read_counter(const char *path, const char *key)
{
    autofree char *text = NULL;
    size_t size = 0;
    size_t key_size = strlen(key);
    const char *line;

    if (files_read(AT_FDCWD, path, 4096, &text, &size, NULL) < 0)
        return 0;
    for (line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, key_size) == 0 && line[key_size] == ' ')
            return strtoull(line + key_size + 1, NULL, 10);
    }
    return 0;
}

bool cgroups_was_oom_killed(const struct cgroups *cgroups, const char *id)
{
    const struct hierarchy *hierarchy = find_controller(cgroups, "memory");
    autofree char *path = NULL;

    if (hierarchy == NULL)
        return false;
    path =
        group_file(hierarchy, id, hierarchy->is_unified ? "memory.events" : "memory.oom_control");
    return read_counter(path, "oom_kill") > 0;
}

static char *freezer_file(const struct cgroups *cgroups, const char *id)
{
    const struct hierarchy *hierarchy = find_controller(cgroups, "freezer");

    if (hierarchy == NULL)
        return NULL;
    return group_file(hierarchy, id, hierarchy->is_unified ? "cgroup.freeze" : "freezer.state");
}

bool cgroups_is_frozen(const struct cgroups *cgroups, const char *id)
{
    autofree char *path = freezer_file(cgroups, id);
    autofree char *text = NULL;
    size_t size = 0;

    if (path == NULL || files_read(AT_FDCWD, path, 64, &text, &size, NULL) < 0)
        return false;
    return text[0] == '1' || strncmp(text, "FR", 2) == 0; /* FROZEN, FREEZING */
}

int cgroups_thaw(const struct cgroups *cgroups, const char *id, struct error *err)
{
    autofree char *path = freezer_file(cgroups, id);

    if (path == NULL || !cgroups_is_frozen(cgroups, id))
        return 0;
    return write_file(path, cgroups_is_v2(cgroups) ? "0" : "THAWED", err);
}

/* SIGKILL every process in the group itself. `ret_found` says whether there were any. */
static int kill_members(const char *group, int timeout_ms, bool *ret_found, struct error *err)
{
    autofree char *path = mem_text("%s/cgroup.procs", group);
    autofree char *text = NULL;
    size_t size = 0;
    char *next;
    int r = files_read(AT_FDCWD, path, PROCS_MAX, &text, &size, NULL);

    *ret_found = false;
    if (r < 0)
        return 0; /* gone meanwhile, or a threaded group, whose members its parent lists */
    for (const char *pid = text; *pid != '\0'; pid = next) {
        struct process process = PROCESS_NONE;
        uint32_t number = (uint32_t)strtoul(pid, &next, 10);

        if (next == pid)
            break;
        next += *next == '\n';
        *ret_found = true;
        if (process_open(number, 0, &process, NULL) >= 0)
            r = process_kill(&process, timeout_ms, err);
        process_done(&process);
        if (r == -ETIMEDOUT)
            return r;
    }
    return 0;
}

static int clear_group(const char *group, unsigned depth, int timeout_ms, struct error *err);

static int clear_children(const char *group, unsigned depth, int timeout_ms, struct error *err)
{
    DIR *directory = opendir(group);
    struct dirent *entry;
    int r = 0;

    if (directory == NULL)
        return errno == ENOENT ? 0 : error_set_errno(err, "read %s", group);
    while (r >= 0 && (entry = readdir(directory)) != NULL) {
        autofree char *child = NULL;

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        child = mem_text("%s/%s", group, entry->d_name);
        r = clear_group(child, depth + 1, timeout_ms, err);
    }
    (void)closedir(directory);
    return r;
}

static int clear_group(const char *group, unsigned depth, int timeout_ms, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, -ELOOP, "%s: groups too deep", group);

    for (int round = 0; round < CLEAR_ROUNDS_MAX; round++) {
        bool found;
        int r = kill_members(group, timeout_ms, &found, err);

        if (r >= 0)
            r = clear_children(group, depth, timeout_ms, err);
        if (r < 0)
            return r;
        if (rmdir(group) >= 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY)
            return error_set_errno(err, "remove %s", group);
    }
    return error_set(err, -EBUSY, "%s does not become empty", group);
}

int cgroups_clear(const struct cgroups *cgroups, const char *id, int timeout_ms, struct error *err)
{
    int r = cgroups_thaw(cgroups, id, NULL);

    for (size_t i = 0; i < cgroups->count; i++) {
        autofree char *group = group_file(&cgroups->hierarchies[i], id, "");

        group[strlen(group) - 1] = '\0';
        r = clear_group(group, 0, timeout_ms, err);
        if (r < 0)
            return r;
    }
    return r;
}
