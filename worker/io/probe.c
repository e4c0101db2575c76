/* What this host is and can; see the header. */
#include "worker/io/probe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/io/files.h"
#include "common/io/jobpool.h"
#include "common/io/log.h"
#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/cgroups.h"
#include "worker/io/known_facts.h"
#include "worker/io/layout.h"
#include "worker/io/runtime.h"
#include "worker/io/trial.h"

#define VERSION_MS 30000
#define OUTPUT_MAX 4096

struct probe_waiter {
    probe_done_fn *done;
    void *owner;
    STAILQ_ENTRY(probe_waiter) link;
};

STAILQ_HEAD(waiter_list, probe_waiter);

/* Facts and the memory they live in. */
struct facts {
    struct arena arena;
    struct host_facts host;
};

/* One probing, on a pool thread. It has all that it needs, so that it can outlive the probe. */
struct probing {
    struct job job;
    struct probe *probe; /* NULL once that is gone */
    char *boot_id;
    char *directory;
    char *known_path; /* of the facts that are kept */
    struct facts facts;
};

struct probe {
    struct jobpool *pool;
    char *boot_id;
    char *directory; /* of trials */
    char *known_path;
    char *state_directory;   /* of the facts, whoever probed */
    struct probing *probing; /* under way */
    struct waiter_list waiters;
    struct facts facts;
    bool has_facts;
};

static char *read_boot_id(void)
{
    char *text = NULL;
    size_t size;

    if (files_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &size, NULL) < 0)
        return mem_dup_text("");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

struct probe *probe_new(struct jobpool *pool, const struct layout *layout)
{
    struct probe *probe = mem_new(struct probe);

    probe->pool = pool;
    probe->boot_id = read_boot_id();
    probe->directory = layout_probe(layout);
    probe->known_path = layout_facts(layout);
    probe->state_directory = mem_dup_text(layout->state);
    probe->has_facts =
        known_facts_read(layout, probe->boot_id, &probe->facts.arena, &probe->facts.host);
    /* The one that is kept may be of a worker elsewhere. */
    probe->facts.host.state_directory = probe->state_directory;
    STAILQ_INIT(&probe->waiters);
    return probe;
}

void probe_destroy(struct probe *probe)
{
    struct probe_waiter *waiter;

    if (probe == NULL)
        return;
    while ((waiter = STAILQ_FIRST(&probe->waiters)) != NULL) {
        STAILQ_REMOVE_HEAD(&probe->waiters, link);
        free(waiter);
    }
    if (probe->probing != NULL)
        probe->probing->probe = NULL;
    arena_done(&probe->facts.arena);
    free(probe->boot_id);
    free(probe->directory);
    free(probe->state_directory);
    free(probe->known_path);
    free(probe);
}

/* The last word of the first line of `PROGRAM --version`; NULL when it does not run. */
static char *read_version(struct arena *arena, const char *program)
{
    const char *argv[] = { program, "--version", NULL };
    struct spawn_request request = {
        .argv = argv,
        .directory = "/",
        .output_max = OUTPUT_MAX,
        .timeout_ms = VERSION_MS,
    };
    autofree char *output = NULL;
    const char *word;
    int status = 0;

    if (spawn_wait(&request, &status, &output, NULL) < 0 || status != 0)
        return NULL;
    output[strcspn(output, "\n")] = '\0';
    word = strrchr(output, ' ');
    return arena_text(arena, word == NULL ? output : word + 1);
}

static void try_runtime(struct probing *probing, const struct cgroups *cgroups, const char *name,
                        struct runtime_fact *ret)
{
    struct arena *arena = &probing->facts.arena;
    autofree char *path = runtime_find_program(name);
    struct error err = { 0 };

    ret->name = arena_text(arena, name);
    ret->path = arena_text(arena, path);
    if (path == NULL) {
        ret->reason = arena_text(arena, "not installed");
        return;
    }
    ret->version = read_version(arena, path);
    if (strcmp(cgroups_layout(cgroups), "none") == 0) {
        ret->reason = arena_text(arena, "this host has no control groups: mount the unified "
                                        "hierarchy, mount -t cgroup2 cgroup2 /sys/fs/cgroup");
        return;
    }
    ret->works = trial_run(probing->directory, cgroups, path, &err) >= 0;
    if (!ret->works)
        ret->reason = arena_text(arena, err.text);
}

/* Those that work come first, both kinds in the order of preference. */
static void try_runtimes(struct probing *probing, const struct cgroups *cgroups)
{
    struct host_facts *host = &probing->facts.host;
    struct runtime_fact found[RUNTIME_COUNT] = { 0 };
    struct runtime_fact *sorted = arena_zeroed(&probing->facts.arena, sizeof(found));
    size_t count = 0;

    for (size_t i = 0; i < RUNTIME_COUNT; i++)
        try_runtime(probing, cgroups, runtime_names[i], &found[i]);
    for (size_t i = 0; i < RUNTIME_COUNT; i++) {
        if (found[i].works)
            sorted[count++] = found[i];
    }
    for (size_t i = 0; i < RUNTIME_COUNT; i++) {
        if (!found[i].works)
            sorted[count++] = found[i];
    }
    host->runtimes = (struct message_list){ .items = sorted, .count = count };
}

static void describe_machine(struct probing *probing)
{
    struct arena *arena = &probing->facts.arena;
    struct host_facts *host = &probing->facts.host;
    autofree char *conmon = runtime_find_program("conmon");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct utsname names = { 0 };
    struct sysinfo machine = { 0 };

    (void)uname(&names);
    (void)sysinfo(&machine);
    host->version = arena_text(arena, GANTRY_VERSION);
    host->kernel = arena_text(arena, names.release);
    host->arch = arena_text(arena, names.machine);
    host->boot_id = arena_text(arena, probing->boot_id);
    host->cpus = cores < 1 ? 1 : (uint32_t)cores;
    host->memory_bytes = (uint64_t)machine.totalram * machine.mem_unit;
    host->conmon_version = conmon == NULL ? NULL : read_version(arena, conmon);
}

static void probe_work(struct job *job)
{
    struct probing *probing = container_of(job, struct probing, job);
    autodestroy(cgroups) struct cgroups *cgroups = NULL;
    struct error err = { 0 };

    describe_machine(probing);
    if (cgroups_open(&cgroups, &err) < 0) {
        log_failure("probe.cgroups", &err);
        return;
    }
    probing->facts.host.cgroups = arena_text(&probing->facts.arena, cgroups_layout(cgroups));
    trial_clear_leftovers(probing->directory, cgroups);
    try_runtimes(probing, cgroups);
    known_facts_write(probing->known_path, &probing->facts.host);
}

static void tell_waiters(struct probe *probe)
{
    struct waiter_list waiters = STAILQ_HEAD_INITIALIZER(waiters);
    struct probe_waiter *waiter;

    STAILQ_CONCAT(&waiters, &probe->waiters);
    while ((waiter = STAILQ_FIRST(&waiters)) != NULL) {
        STAILQ_REMOVE_HEAD(&waiters, link);
        waiter->done(waiter->owner, &probe->facts.host);
        free(waiter);
    }
}

static void free_probing(struct probing *probing)
{
    arena_done(&probing->facts.arena);
    free(probing->boot_id);
    free(probing->directory);
    free(probing->known_path);
    free(probing);
}

static void probe_done(struct job *job)
{
    struct probing *probing = container_of(job, struct probing, job);
    struct probe *probe = probing->probe;

    if (probe != NULL) {
        struct facts old = probe->facts;

        probe->probing = NULL;
        probe->has_facts = !job->cancelled;
        probe->facts = probing->facts;
        probe->facts.host.state_directory = probe->state_directory;
        probing->facts = old;
        tell_waiters(probe);
    }
    free_probing(probing);
}

void probe_run(struct probe *probe, probe_done_fn *done, void *owner)
{
    struct probe_waiter *waiter = mem_new(struct probe_waiter);
    struct probing *probing;
    struct error err = { 0 };

    waiter->done = done;
    waiter->owner = owner;
    STAILQ_INSERT_TAIL(&probe->waiters, waiter, link);
    if (probe->probing != NULL)
        return;

    probing = mem_new(struct probing);
    probing->job = (struct job){ .work = probe_work, .done = probe_done };
    probing->probe = probe;
    probing->boot_id = mem_dup_text(probe->boot_id);
    probing->directory = mem_dup_text(probe->directory);
    probing->known_path = mem_dup_text(probe->known_path);
    if (jobpool_submit(probe->pool, &probing->job, &err) >= 0) {
        probe->probing = probing;
        return;
    }
    log_failure("probe.refused", &err);
    free_probing(probing);
    tell_waiters(probe);
}

const struct host_facts *probe_facts(const struct probe *probe)
{
    return probe->has_facts ? &probe->facts.host : NULL;
}

const char *probe_boot_id(const struct probe *probe)
{
    return probe->boot_id;
}
