/* A trial of an OCI runtime; see the header. */
#include "worker/io/trial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/io/files.h"
#include "common/io/log.h"
#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/mounts.h"
#include "worker/io/runtime_text.h"
#include "worker/io/spec.h"

#define PREFIX     "gantry-probe-" /* of the container, its directory and its control group */
#define RUN_MS     60000           /* for one small container on a busy machine */
#define KILL_MS    10000
#define OUTPUT_MAX 16384

/* What a program of the host needs to run, as far as a host has it. */
static const char *const host_parts[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix",
};

#define HOST_PART_COUNT (sizeof(host_parts) / sizeof(*host_parts))

struct trial {
    const char *name;
    char *path; /* directory of this trial: root/, bundle/, rootfs/ */
    char *rootfs;
    struct arena arena;
    struct mount_config mounts[HOST_PART_COUNT];
    size_t mount_count;
};

static void trial_done(struct trial *trial)
{
    free(trial->path);
    free(trial->rootfs);
    arena_done(&trial->arena);
}

static void clear_leftover(const char *directory, const struct cgroups *cgroups, const char *name)
{
    autofree char *path = mem_text("%s/%s", directory, name);
    struct error err = { 0 };
    int r = cgroups_clear(cgroups, name, KILL_MS, &err);

    if (r >= 0)
        r = mounts_detach_beneath(path, &err);
    if (r >= 0)
        r = files_remove_tree(AT_FDCWD, path, &err);
    if (r < 0)
        log_failure("probe.leftover", &err);
}

void trial_clear_leftovers(const char *directory, const struct cgroups *cgroups)
{
    DIR *entries = opendir(directory);
    struct dirent *entry;

    if (entries == NULL)
        return;
    while ((entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
            clear_leftover(directory, cgroups, entry->d_name);
    }
    (void)closedir(entries);
}

static void add_mount(struct trial *trial, const char *part)
{
    static const char *const words[] = { "rbind", "ro" };
    char **options = arena_zeroed(&trial->arena, sizeof(words));

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        options[i] = arena_text(&trial->arena, words[i]);
    trial->mounts[trial->mount_count++] = (struct mount_config){
        .type = arena_text(&trial->arena, "bind"),
        .source = arena_text(&trial->arena, part),
        .destination = arena_text(&trial->arena, part),
        .options = { .items = options, .count = sizeof(words) / sizeof(*words) },
    };
}

/* The same link as on the host, or a directory for the mount. */
static int add_host_part(struct trial *trial, const char *part, struct error *err)
{
    autofree char *path = mem_text("%s%s", trial->rootfs, part);
    char target[256] = { 0 };
    struct stat status;

    if (lstat(part, &status) < 0)
        return 0;
    if (S_ISLNK(status.st_mode) && readlink(part, target, sizeof(target) - 1) > 0)
        return symlink(target, path) < 0 ? error_set_errno(err, "link %s", path) : 0;
    if (!S_ISDIR(status.st_mode))
        return 0;
    if (mkdir(path, 0755) < 0)
        return error_set_errno(err, "make %s", path);
    add_mount(trial, part);
    return 0;
}

static int write_bundle(struct trial *trial, const struct cgroups *cgroups, struct error *err)
{
    char *command[] = { arena_text(&trial->arena, "/bin/true") };
    struct user_identity root = { .home = "/" };
    struct container_config config = {
        .rootfs = trial->rootfs,
        .command = { .items = command, .count = 1 },
        .mounts = { .items = trial->mounts, .count = trial->mount_count },
    };
    struct spec_request request = {
        .id = trial->name,
        .root = trial->rootfs,
        .config = &config,
        .user = &root,
        .has_cgroup_namespace = cgroups_is_v2(cgroups),
        .lacks_pids_controller = !cgroups_can_limit_pids(cgroups),
    };
    autofree char *path = mem_text("%s/bundle/config.json", trial->path);
    autofree char *text = NULL;
    int r = spec_write(&request, &text, err);

    return r < 0 ? r : files_replace(AT_FDCWD, path, bytes_of_text(text), 0600, 0, err);
}

static int make_trial(struct trial *trial, const struct cgroups *cgroups, struct error *err)
{
    autofree char *bundle = mem_text("%s/bundle", trial->path);
    int r = files_make_directories(bundle, 0700, err);

    if (r >= 0)
        r = files_make_directories(trial->rootfs, 0755, err);
    for (size_t i = 0; i < HOST_PART_COUNT && r >= 0; i++)
        r = add_host_part(trial, host_parts[i], err);
    return r < 0 ? r : write_bundle(trial, cgroups, err);
}

static int run_container(const struct trial *trial, const char *runtime, struct error *err)
{
    autofree char *root = mem_text("%s/root", trial->path);
    autofree char *bundle = mem_text("%s/bundle", trial->path);
    const char *argv[] = {
        runtime, "--root", root,       "--log", "/dev/null", "--log-format",
        "json",  "run",    "--bundle", bundle,  trial->name, NULL,
    };
    struct spawn_request request = {
        .argv = argv,
        .directory = "/",
        .output_max = OUTPUT_MAX,
        .timeout_ms = RUN_MS,
        .new_session = true,
    };
    autofree char *output = NULL;
    autofree char *why = NULL;
    int status = 0;
    int r = spawn_wait(&request, &status, &output, err);

    if (r < 0)
        return r;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    why = runtime_text_last_line(output);
    return error_set(err, -EIO, "%s", why == NULL ? "it fails without a word" : why);
}

int trial_run(const char *directory, const struct cgroups *cgroups, const char *runtime,
              struct error *err)
{
    autofree char *name = mem_text(PREFIX "%s-%d", basename(runtime), (int)getpid());
    __attribute__((cleanup(trial_done))) struct trial trial = { .name = name };
    int r;

    trial.path = mem_text("%s/%s", directory, name);
    trial.rootfs = mem_text("%s/rootfs", trial.path);
    r = make_trial(&trial, cgroups, err);
    if (r >= 0)
        r = run_container(&trial, runtime, err);
    clear_leftover(directory, cgroups, name);
    return r;
}
