/* Files of a container; see the header. */
#include "worker/io/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "worker/io/exits.h"
#include "worker/io/mounts.h"
#include "worker/io/rootfs.h"
#include "worker/io/rootfs_mount.h"
#include "worker/io/run_access.h"
#include "worker/io/run_files.h"
#include "worker/io/spec.h"
#include "worker/io/storage.h"
#include "worker/io/users.h"

#define ACCOUNT_FILE_MAX (4 * 1024 * 1024) /* bytes of passwd or group */

static int make_directories(const struct bundle_request *request, struct error *err)
{
    autofree char *bundle = layout_bundle(request->layout, request->id);
    autofree char *volatile_directory = layout_volatile(request->layout, request->id);
    int r = files_make_directories(bundle, 0700, err);

    return r < 0 ? r : files_make_directories(volatile_directory, 0700, err);
}

static struct storage_request storage_request_of(const struct bundle_request *request,
                                                 struct user_namespace *users)
{
    return (struct storage_request){
        .layout = request->layout,
        .images = request->images,
        .id = request->id,
        .config = request->config,
        .users = users,
        .volumes = request->volumes,
        .volume_count = request->volume_count,
    };
}

int bundle_make(const struct bundle_request *request, struct outcome *outcome)
{
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    struct storage_request storage;
    struct error err = { 0 };
    int r;

    if (user_namespace_new(request->config, &users, &err) < 0)
        return outcome_fail(outcome, FAILURE_INVALID_ARGUMENT, &err);
    storage = storage_request_of(request, users);
    r = storage_make(&storage, outcome);
    if (r >= 0 && make_directories(request, &err) < 0)
        return outcome_fail_system(outcome, &err);
    return r;
}

/* Relative to `directory`; what is not there is fine. */
static void drop_files(const char *directory, const char *const *names)
{
    for (; *names != NULL; names++) {
        autofree char *path = mem_text("%s/%s", directory, *names);

        (void)unlink(path);
    }
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void drop_exit(const struct layout *layout, const char *id, uint32_t run)
{
    autofree char *exits = layout_exits(layout);
    autofree char *persist = layout_persist(layout, id, run);
    char name[RUN_NAME_SIZE];

    run_name_write(id, run, name);
    drop_files(exits, NAMES(name));
    drop_files(persist, NAMES("exit", "oom"));
}

/* Everything that conmon or the runtime writes: what is there now is of another run or try. */
static void drop_stale(const struct bundle_request *request)
{
    autofree char *bundle = layout_bundle(request->layout, request->id);
    autofree char *volatile_directory = layout_volatile(request->layout, request->id);
    autofree char *runtime_state = layout_runtime_state(request->layout, request->id, request->run);

    drop_files(bundle, NAMES("attach", "ctl", "winsz", "oom"));
    drop_files(volatile_directory, NAMES("pidfile", ".pidfile", "conmon.pid", "oci-log"));
    drop_exit(request->layout, request->id, request->run);
    (void)files_remove_tree(AT_FDCWD, runtime_state, NULL);
}

static int find_user(const struct bundle_request *request, int root_fd, struct arena *arena,
                     struct user_identity *ret, struct error *err)
{
    autofree char *passwd = NULL;
    autofree char *group = NULL;

    (void)rootfs_read_file(root_fd, request->config, "/etc/passwd", ACCOUNT_FILE_MAX, &passwd,
                           NULL);
    (void)rootfs_read_file(root_fd, request->config, "/etc/group", ACCOUNT_FILE_MAX, &group, NULL);
    return user_resolve(request->config->user, passwd, group, arena, ret, err);
}

/* The image's links lead a tmpfs to where the container will look for it; the runtime would not
 * mount through them, or would find another path taken (BEHAVIOUR GS-14). */
static int resolve_destinations(const struct bundle_request *request, int root_fd,
                                struct arena *arena, struct container_config *ret,
                                struct error *err)
{
    const struct mount_config *mounts = request->config->mounts.items;
    size_t count = request->config->mounts.count;
    struct mount_config *resolved = arena_zeroed(arena, count * sizeof(*resolved));
    int r = 0;

    *ret = *request->config;
    for (size_t i = 0; i < count && r >= 0; i++) {
        autofree char *destination = NULL;

        resolved[i] = mounts[i];
        if (request->config->rootfs != NULL || strcmp(mounts[i].type, "tmpfs") != 0)
            continue;
        r = rootfs_resolve(root_fd, mounts[i].destination, &destination, err);
        if (r < 0)
            return error_add_context(err, r, "mount %s", mounts[i].destination);
        resolved[i].destination = arena_text(arena, destination);
    }
    ret->mounts.items = resolved;
    return r;
}

/* Where a run is, and who it is on this host. */
struct run_place {
    const char *root;
    struct user_namespace *users; /* NULL: the host's */
};

static int write_config(const struct bundle_request *request, const struct container_config *config,
                        const struct run_place *place, const struct user_identity *user,
                        const struct run_files *files, struct outcome *outcome)
{
    struct spec_request spec = {
        .layout = request->layout,
        .id = request->id,
        .root = place->root,
        .created = request->created,
        .config = config,
        .user = user,
        .users = place->users,
        .hosts = files->hosts,
        .resolv_conf = files->resolv_conf,
        .hostname = files->hostname,
        .passwd = files->own.passwd,
        .group = files->own.group,
        .containerenv = files->own.containerenv,
        .has_cgroup_namespace = request->has_cgroup_namespace,
        .lacks_pids_controller = request->lacks_pids_controller,
        .has_mqueue = access("/proc/sys/fs/mqueue", F_OK) == 0,
    };
    autofree char *bundle = layout_bundle(request->layout, request->id);
    autofree char *path = mem_text("%s/config.json", bundle);
    autofree char *text = NULL;
    struct error err = { 0 };

    if (spec_write(&spec, &text, &err) < 0)
        return outcome_fail(outcome, FAILURE_INVALID_ARGUMENT, &err);
    if (files_replace(AT_FDCWD, path, bytes_of_text(text), 0644, 0, &err) < 0)
        return outcome_fail_system(outcome, &err);
    return 0;
}

/* Whoever has no number on the host cannot be (BEHAVIOUR GS-9). */
static int check_user(const struct user_identity *user, const struct user_namespace *users,
                      struct error *err)
{
    uid_t uid = user->uid;
    gid_t gid = user->gid;
    int r = users == NULL ? 0 : user_namespace_owner(users, &uid, &gid, err);

    for (size_t i = 0; users != NULL && i < user->more_gid_count && r >= 0; i++) {
        uid = user->uid;
        gid = user->more_gids[i];
        r = user_namespace_owner(users, &uid, &gid, err);
    }
    return r;
}

/* The directories that conmon and the runtime expect. */
static int make_run_directories(const struct bundle_request *request, struct error *err)
{
    autofree char *persist = layout_persist(request->layout, request->id, request->run);
    autofree char *runtime_root = layout_runtime_root(request->layout);
    int r = make_directories(request, err);

    if (r >= 0)
        r = files_make_directories(persist, 0700, err);
    if (r >= 0)
        r = files_make_directories(runtime_root, 0700, err);
    return r;
}

/* What the runtime is to find: files and config.json. */
static int write_files(const struct bundle_request *request, const struct run_place *place,
                       struct outcome *outcome)
{
    struct user_identity user;
    autorunfiles struct run_files files = { 0 };
    struct run_files_request wanted = { .layout = request->layout,
                                        .id = request->id,
                                        .config = request->config,
                                        .user = &user,
                                        .users = place->users };
    autoarena arena = { 0 };
    autoclose int root_fd = -1;
    struct container_config config;
    struct error err = { 0 };
    int r;

    if (rootfs_open(place->root, &root_fd, &err) < 0)
        return outcome_fail(outcome, FAILURE_ROOTFS, &err);
    if (find_user(request, root_fd, &arena, &user, &err) < 0 ||
        check_user(&user, place->users, &err) < 0 ||
        resolve_destinations(request, root_fd, &arena, &config, &err) < 0)
        return outcome_fail(outcome, FAILURE_INVALID_ARGUMENT, &err);
    wanted.root_fd = root_fd;
    r = run_files_write(&wanted, &files, &err);
    if (r == -EINVAL)
        return outcome_fail(outcome, FAILURE_INVALID_ARGUMENT, &err);
    if (r < 0)
        return outcome_fail_system(outcome, &err);
    return write_config(request, &config, place, &user, &files, outcome);
}

/* The runtime has to find the way. */
static int give_access(const struct bundle_request *request, const struct run_place *place,
                       struct error *err)
{
    int r;

    if (place->users == NULL)
        return 0;
    r = run_access_give(request->layout, request->id, place->users, err);
    return r < 0 ? r : run_access_check(place->root, place->users, err);
}

int bundle_prepare(const struct bundle_request *request, struct outcome *outcome)
{
    autofree char *root = NULL;
    autodestroy(user_namespace) struct user_namespace *users = NULL;
    struct storage_request storage;
    struct run_place place;
    struct error err = { 0 };
    int r;

    if (user_namespace_new(request->config, &users, &err) < 0)
        return outcome_fail(outcome, FAILURE_INVALID_ARGUMENT, &err);
    if (make_run_directories(request, &err) < 0)
        return outcome_fail_system(outcome, &err);
    drop_stale(request);
    storage = storage_request_of(request, users);
    r = storage_mount(&storage, &root, outcome);
    if (r < 0)
        return r;
    place = (struct run_place){ .root = root, .users = users };
    if (give_access(request, &place, &err) < 0)
        return outcome_fail(outcome, FAILURE_ROOTFS, &err);
    return write_files(request, &place, outcome);
}

/* Nothing is mounted there in good times; but removing must never reach into a mount. */
static int remove_directory(const char *path, struct outcome *outcome)
{
    struct error err = { 0 };
    int r = mounts_detach_beneath(path, &err);

    if (r >= 0)
        r = files_remove_tree(AT_FDCWD, path, &err);
    return r < 0 ? outcome_fail_system(outcome, &err) : 0;
}

static bool is_kept(const char *name)
{
    static const char *const names[] = { ".", "..", "rootfs", "mounts" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* All but the root filesystem, which somebody still looks at. */
static int clear_around_rootfs(const char *directory, struct outcome *outcome)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    int r = 0;

    if (entries == NULL)
        return 0;
    while (r >= 0 && (entry = readdir(entries)) != NULL) {
        autofree char *path = mem_text("%s/%s", directory, entry->d_name);

        if (!is_kept(entry->d_name))
            r = remove_directory(path, outcome);
    }
    (void)closedir(entries);
    return r;
}

/* The run lets go of the root filesystem; the operator's mount, or an export, may hold it on. */
static int clear_volatile(const struct layout *layout, const char *id, struct outcome *outcome)
{
    autofree char *directory = layout_volatile(layout, id);
    autofree char *holders = layout_rootfs_holders(layout, id);
    struct outcome attempt = { 0 };
    struct error err = { 0 };
    int r = -EXDEV;

    if (rootfs_unmount(layout, id, ROOTFS_HOLDER_RUN, &err) < 0)
        return outcome_fail_system(outcome, &err);
    if (access(holders, F_OK) != 0)
        r = remove_directory(directory, &attempt);
    /* -EXDEV: an export has begun, and mounted it, while the directory was being removed. */
    if (r == -EXDEV)
        return clear_around_rootfs(directory, outcome);
    if (r < 0)
        *outcome = attempt;
    return r;
}

int bundle_clear(const struct layout *layout, const char *id, uint32_t run,
                 const struct container_config *config, struct outcome *outcome)
{
    autofree char *runtime_state = layout_runtime_state(layout, id, run);
    int r = remove_directory(runtime_state, outcome);

    if (r >= 0)
        r = storage_unmount(layout, id, config, outcome);
    return r < 0 ? r : clear_volatile(layout, id, outcome);
}

int bundle_remove(const struct layout *layout, const char *id, const struct text_list *doomed,
                  struct outcome *outcome)
{
    autofree char *bundle = layout_bundle(layout, id);
    autofree char *runs = mem_text("%s-", id);
    int r = storage_remove(layout, id, doomed, outcome);

    if (r >= 0)
        r = clear_volatile(layout, id, outcome);
    if (r >= 0)
        r = remove_directory(bundle, outcome);
    exits_drop(layout, runs);
    return r;
}

int bundle_forget_run(const struct layout *layout, const char *id, uint32_t run,
                      struct outcome *outcome)
{
    autofree char *persist = layout_persist(layout, id, run);

    drop_exit(layout, id, run);
    return remove_directory(persist, outcome);
}
