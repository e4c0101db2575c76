/* How a child is started: posix_spawn's file actions and attributes; see the header. */
#include "common/io/spawn_plan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

/* What posix_spawn is given; the descriptors live as long as it takes. */
struct plan {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int *copies; /* of `ours`, above every number of `theirs` */
    size_t copy_count;
    int highest; /* of `theirs` */
};

static bool is_asked_for(const struct spawn_request *request, int theirs)
{
    for (size_t i = 0; i < request->fd_count; i++) {
        if (request->fds[i].theirs == theirs)
            return true;
    }
    return false;
}

static int highest_asked_for(const struct spawn_request *request)
{
    int highest = STDERR_FILENO;

    for (size_t i = 0; i < request->fd_count; i++) {
        assert(request->fds[i].theirs >= 0 && request->fds[i].theirs <= SPAWN_FD_MAX);
        if (request->fds[i].theirs > highest)
            highest = request->fds[i].theirs;
    }
    return highest;
}

/* Through a copy above all of theirs: no dup2 in the child can overwrite what another one needs,
 * and none is from a number to itself, which would leave it close-on-exec. */
static int plan_fd(struct plan *plan, int ours, int theirs)
{
    int copy = fcntl(ours, F_DUPFD_CLOEXEC, plan->highest + 1);

    if (copy < 0)
        return -errno;
    plan->copies[plan->copy_count++] = copy;
    return -posix_spawn_file_actions_adddup2(&plan->actions, copy, theirs);
}

/* A number below the highest that nobody asked for: our output pipe, /dev/null, or closed. */
static int plan_rest(struct plan *plan, int number, int output_fd)
{
    if (number > STDERR_FILENO)
        return -posix_spawn_file_actions_addclose(&plan->actions, number);
    if (number != STDIN_FILENO && output_fd >= 0)
        return plan_fd(plan, output_fd, number);
    return -posix_spawn_file_actions_addopen(&plan->actions, number, "/dev/null",
                                             number == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
}

static int plan_fds(struct plan *plan, const struct spawn_request *request, int output_fd)
{
    int r = 0;

    for (size_t i = 0; i < request->fd_count && r == 0; i++)
        r = plan_fd(plan, request->fds[i].ours, request->fds[i].theirs);
    for (int number = 0; number <= plan->highest && r == 0; number++) {
        if (!is_asked_for(request, number))
            r = plan_rest(plan, number, output_fd);
    }
    return r < 0 ? r : -posix_spawn_file_actions_addclosefrom_np(&plan->actions, plan->highest + 1);
}

static void plan_signals(struct plan *plan, bool is_new_session)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none;
    sigset_t all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&plan->attributes, &none);
    (void)posix_spawnattr_setsigdefault(&plan->attributes, &all);
    if (is_new_session)
        flags |= POSIX_SPAWN_SETSID;
    (void)posix_spawnattr_setflags(&plan->attributes, flags);
}

static void plan_init(struct plan *plan, const struct spawn_request *request)
{
    *plan = (struct plan){ .highest = highest_asked_for(request) };
    /* Two more than asked for: the output pipe as 1 and as 2. */
    plan->copies = mem_zeroed((request->fd_count + 2) * sizeof(*plan->copies));
    (void)posix_spawn_file_actions_init(&plan->actions);
    (void)posix_spawnattr_init(&plan->attributes);
}

static void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->copy_count; i++)
        (void)close(plan->copies[i]);
    free(plan->copies);
    (void)posix_spawnattr_destroy(&plan->attributes);
    (void)posix_spawn_file_actions_destroy(&plan->actions);
}

/* posix_spawn's strings are not const by history; it does not write to them. */
static char *const *as_strings(const char *const *texts)
{
    union {
        const char *const *ours;
        char *const *theirs;
    } strings = { .ours = texts };

    return strings.theirs;
}

int spawn_plan_start(const struct spawn_request *request, int output_fd, pid_t *ret_pid,
                     struct error *err)
{
    struct plan plan;
    int r;

    plan_init(&plan, request);
    plan_signals(&plan, request->new_session);
    r = plan_fds(&plan, request, output_fd);
    if (r == 0 && request->directory != NULL)
        r = -posix_spawn_file_actions_addchdir_np(&plan.actions, request->directory);
    if (r == 0)
        r = -posix_spawnp(ret_pid, request->argv[0], &plan.actions, &plan.attributes,
                          as_strings(request->argv),
                          request->env != NULL ? as_strings(request->env) : environ);
    plan_done(&plan);
    return r == 0 ? 0 : error_set(err, r, "start %s: %s", request->argv[0], strerrordesc_np(-r));
}
