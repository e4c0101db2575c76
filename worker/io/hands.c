/* The hands: their tools, the steps, adoption of what lives; see the header. */
#include "worker/io/hands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/log.h"
#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/exits.h"
#include "worker/io/images.h"
#include "worker/io/plans.h"
#include "worker/io/probe.h"
#include "worker/io/process.h"
#include "worker/io/runtime.h"
#include "worker/io/sweep.h"
#include "worker/io/uploads.h"
#include "worker/io/watch.h"

/* What a killed worker asked a runtime for ends by itself within this time. */
#define LATE_CALL_MS   20000
#define STORE_THREADS  2
#define STORE_JOBS_MAX 1024

struct hands {
    struct tools tools;
    struct steps *steps;
    struct hands_events events;
    void *owner;
};

static void on_exit_file(void *owner, const char *id, uint32_t run,
                         const struct container_died *died)
{
    struct hands *hands = owner;

    run_watches_set_told(hands->tools.watches, id, run);
    hands->events.on_exit(hands->owner, id, run, died);
}

static bool has_exit_file(void *owner, const char *id, uint32_t run)
{
    struct hands *hands = owner;

    return exits_look(hands->tools.exits, id, run);
}

static void thaw_run(void *owner, const char *id)
{
    struct hands *hands = owner;
    struct error err = { 0 };

    if (cgroups_thaw(hands->tools.cgroups, id, &err) < 0)
        log_failure("container.not_thawed", &err);
}

static void on_run_lost(void *owner, const char *id, uint32_t run)
{
    struct hands *hands = owner;
    struct container_died died = {
        .is_unknown = true,
        .oom_killed = cgroups_was_oom_killed(hands->tools.cgroups, id),
        .finished = clock_wall_ns(),
    };

    hands->events.on_lost(hands->owner, id, run, &died);
}

static const struct watch_events watch_events = {
    .has_exit = has_exit_file,
    .thaw = thaw_run,
    .on_lost = on_run_lost,
};

static int make_tools(struct hands *hands, struct error *err)
{
    struct tools *tools = &hands->tools;
    autofree char *runtime_root = layout_runtime_root(&tools->layout);
    autofree char *containers = mem_text("%s/containers", tools->layout.state);
    struct exits_place exits_place = { .loop = tools->loop, .layout = &tools->layout };
    int r = files_make_directories(containers, 0700, err);

    if (r >= 0)
        r = files_make_directories(runtime_root, 0700, err);
    if (r >= 0)
        r = process_await_calls(runtime_root, LATE_CALL_MS, err);
    if (r >= 0)
        r = cgroups_open(&tools->cgroups, err);
    exits_place.cgroups = tools->cgroups;
    if (r >= 0)
        r = exits_new(&exits_place, on_exit_file, hands, &tools->exits, err);
    if (r < 0)
        return r;
    tools->runtimes = runtimes_new(tools->loop, runtime_root);
    tools->watches = run_watches_new(tools->loop, &watch_events, hands);
    tools->probe = probe_new(tools->pool, &tools->layout);
    return 0;
}

static int open_store(struct tools *tools, struct error *err)
{
    autofree char *storage = layout_storage(&tools->layout);
    int r = files_make_directories(storage, 0700, err);

    tools->closing_fd = eventfd(0, EFD_CLOEXEC);
    if (r >= 0 && tools->closing_fd < 0)
        r = error_set_errno(err, "eventfd");
    if (r >= 0)
        r = images_open(storage, &tools->images, err);
    if (r >= 0)
        r = jobpool_new(tools->loop, STORE_THREADS, STORE_JOBS_MAX, &tools->store, err);
    return r;
}

/* Jobs look at the layout and the control groups: they go last, when no job is under way. */
static void free_hands(void *owner)
{
    struct hands *hands = owner;

    cgroups_destroy(hands->tools.cgroups);
    images_close(hands->tools.images);
    if (hands->tools.closing_fd >= 0)
        (void)close(hands->tools.closing_fd);
    layout_done(&hands->tools.layout);
    free(hands);
}

/* Absolute and without links: conmon runs elsewhere, and the mount table knows no links. */
static int open_directory(const char *path, char **ret, struct error *err)
{
    int r = files_make_directories(path, 0711, err);

    if (r < 0)
        return r;
    *ret = realpath(path, NULL);
    return *ret == NULL ? error_set_errno(err, "directory %s", path) : 0;
}

/* NOLINTNEXTLINE(readability-function-size): one call for the whole life of a worker */
int hands_new(struct event_base *loop, struct jobpool *pool, const char *state_directory,
              const char *run_directory, const struct hands_events *events, void *owner,
              struct hands **ret, struct error *err)
{
    autodestroy(hands) struct hands *hands = mem_new(struct hands);
    autofree char *state = NULL;
    autofree char *run = NULL;
    int r;

    hands->tools.loop = loop;
    hands->tools.closing_fd = -1;
    hands->tools.pool = pool;
    hands->events = *events;
    hands->owner = owner;
    hands->steps = steps_new(&hands->tools, free_hands, hands);
    r = open_directory(state_directory, &state, err);
    if (r >= 0)
        r = open_directory(run_directory, &run, err);
    if (r < 0)
        return r;
    layout_init(&hands->tools.layout, state, run);
    r = make_tools(hands, err);
    if (r >= 0)
        r = open_store(&hands->tools, err);
    if (r < 0)
        return r;
    *ret = steal_ptr(hands);
    return 0;
}

/* What takes long ends soon. */
static void give_up(struct tools *tools)
{
    static const uint64_t one = 1;

    atomic_store(&tools->is_closing, true);
    if (tools->closing_fd >= 0)
        (void)!write(tools->closing_fd, &one, sizeof(one));
}

/* What calls back is closed before what would be called. */
void hands_destroy(struct hands *hands)
{
    struct runtimes *runtimes;
    struct jobpool *store;

    if (hands == NULL)
        return;
    runtimes = hands->tools.runtimes;
    store = hands->tools.store;
    give_up(&hands->tools);
    probe_destroy(hands->tools.probe);
    run_watches_destroy(hands->tools.watches);
    if (runtimes != NULL)
        runtimes_close(runtimes);
    exits_destroy(hands->tools.exits);
    steps_close(hands->steps); /* may free the hands */
    jobpool_destroy(store);
    runtimes_destroy(runtimes);
}

void hands_probe(struct hands *hands, void (*done)(void *owner, const struct host_facts *facts),
                 void *owner)
{
    probe_run(hands->tools.probe, done, owner);
}

const struct host_facts *hands_facts(const struct hands *hands)
{
    return probe_facts(hands->tools.probe);
}

int hands_watch_exits(struct hands *hands, struct error *err)
{
    return exits_watch(hands->tools.exits, err);
}

void hands_make_directories(struct hands *hands, const struct hands_container *container,
                            hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_make_directories, container, done, owner);
}

void hands_create_runtime(struct hands *hands, const struct hands_container *container,
                          hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_create_runtime, container, done, owner);
}

void hands_start_runtime(struct hands *hands, const struct hands_container *container,
                         hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_start_runtime, container, done, owner);
}

void hands_signal(struct hands *hands, const struct hands_container *container, uint32_t signal,
                  bool may_signal_all, hands_done_fn *done, void *owner)
{
    struct step *step = steps_begin(hands->steps, &plan_signal, container, done, owner);

    step->signal = signal;
    step->may_signal_all = may_signal_all;
}

void hands_pause(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                 void *owner)
{
    (void)steps_begin(hands->steps, &plan_pause, container, done, owner);
}

void hands_unpause(struct hands *hands, const struct hands_container *container,
                   hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_unpause, container, done, owner);
}

void hands_update_limits(struct hands *hands, const struct hands_container *container,
                         hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_update_limits, container, done, owner);
}

void hands_delete_runtime(struct hands *hands, const struct hands_container *container,
                          hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_delete_runtime, container, done, owner);
}

void hands_remove_directories(struct hands *hands, const struct hands_container *container,
                              hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_remove_directories, container, done, owner);
}

void hands_resolve_create(struct hands *hands, const struct hands_container *container,
                          hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_resolve_create, container, done, owner);
}

void hands_pull_image(struct hands *hands, const struct hands_container *container,
                      hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_pull_image, container, done, owner);
}

void hands_commit(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                  void *owner)
{
    (void)steps_begin(hands->steps, &plan_commit, container, done, owner);
}

void hands_copy(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                void *owner)
{
    (void)steps_begin(hands->steps, &plan_copy, container, done, owner);
}

void hands_mount(struct hands *hands, const struct hands_container *container, hands_done_fn *done,
                 void *owner)
{
    (void)steps_begin(hands->steps, &plan_mount, container, done, owner);
}

void hands_unmount(struct hands *hands, const struct hands_container *container,
                   hands_done_fn *done, void *owner)
{
    (void)steps_begin(hands->steps, &plan_unmount, container, done, owner);
}

/* Such a step is about no container. */
void hands_store(struct hands *hands, const struct hands_storage *request, hands_done_fn *done,
                 void *owner)
{
    static const struct hands_container nobody = {
        .id = "0000000000000000000000000000000000000000000000000000000000000000",
    };

    step_set_storage(steps_begin(hands->steps, storage_plan(request->kind), &nobody, done, owner),
                     request);
}

void hands_forget_upload(struct hands *hands, const char *upload)
{
    uploads_forget(&hands->tools.layout, upload);
}

int hands_sweep(struct hands *hands, const struct hands_known *known, struct error *err)
{
    return sweep(&hands->tools, known, err);
}

int hands_sweep_uploads(struct hands *hands, const char *const *wanted, size_t wanted_count,
                        struct error *err)
{
    return uploads_sweep(&hands->tools.layout, wanted, wanted_count, err);
}

void hands_forget_exit(struct hands *hands, const char *id, uint32_t run)
{
    exits_forget(hands->tools.exits, id, run);
}

bool hands_find_exit(const struct hands *hands, const char *id, uint32_t run,
                     struct container_died *ret)
{
    return exits_read(hands->tools.exits, id, run, ret);
}

/* Without the time it started a pid may be anybody's. */
static int open_recorded(uint32_t pid, uint64_t started, struct process *ret, struct error *err)
{
    int r;

    if (pid == 0 || started == 0)
        return 0;
    r = process_open(pid, started, ret, err);
    return r == -ESRCH ? 0 : r;
}

/* A conmon that is gone is watched all the same: the watch looks for the exit file, kills init,
 * and says that the run is lost. */
int hands_adopt(struct hands *hands, const struct hands_container *container, uint32_t conmon_pid,
                uint64_t conmon_started, bool *ret_is_alive, struct error *err)
{
    struct process conmon = PROCESS_NONE;
    struct process init = PROCESS_NONE;
    int r = open_recorded(conmon_pid, conmon_started, &conmon, err);

    if (r >= 0)
        r = open_recorded(container->pid, container->pid_started, &init, err);
    if (r >= 0) {
        *ret_is_alive = !process_is_gone(&conmon);
        run_watches_add(hands->tools.watches, container->id, container->run, &conmon, &init);
    }
    process_done(&conmon);
    process_done(&init);
    return r;
}

const struct layout *hands_layout(const struct hands *hands)
{
    return &hands->tools.layout;
}

struct images *hands_images(const struct hands *hands)
{
    return hands->tools.images;
}

const char *hands_boot_id(const struct hands *hands)
{
    return probe_boot_id(hands->tools.probe);
}
