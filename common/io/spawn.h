/*
 * Children: the one place that starts a process (posix_spawn, never fork; habit 50).
 *
 * A child gets the descriptors that its request names and no others, an empty signal mask and
 * default signal handlers. It is watched by a pidfd on the loop; `done` runs on the loop thread,
 * exactly once. Owner: the caller, until `done`.
 */
#ifndef GANTRY_COMMON_IO_SPAWN_H
#define GANTRY_COMMON_IO_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/auto.h"
#include "common/error.h"

struct event_base;

#define SPAWN_FD_MAX 1023 /* the highest number that a child can ask for */

struct spawn_fd {
    int ours;   /* borrowed; any number, close-on-exec or not */
    int theirs; /* its number in the child */
};

struct spawn_request {
    const char *const *argv;    /* argv[0]: an absolute path, or a name looked up in PATH */
    const char *const *env;     /* NULL: ours */
    const char *directory;      /* to start in; NULL: ours */
    const struct spawn_fd *fds; /* 0, 1, 2 are /dev/null unless they are named here */
    size_t fd_count;
    bool new_session;    /* setsid; a time-out then kills the whole process group */
    size_t output_max;   /* bytes of stdout and stderr together to keep; 0: none */
    unsigned timeout_ms; /* then SIGKILL, and -ETIMEDOUT; 0: none */
};

struct spawn_result {
    int status;         /* as of waitpid */
    const char *output; /* stdout and stderr, borrowed, NUL-ended */
    int failure;        /* -ETIMEDOUT; -ECHILD: somebody else reaped it, `status` says nothing; 0 */
};

typedef void spawn_done_fn(void *owner, const struct spawn_result *result);

struct child;

/*
 * Start it. `done` is called when it has ended (and its output is read to the end, or 1 s later
 * when a grandchild holds the pipe); output beyond `output_max` is read and thrown away. The child
 * is freed behind `done`. `ret_child` may be NULL. -ENOENT, -EACCES ...: the program cannot be run.
 */
int spawn_start(struct event_base *loop, const struct spawn_request *request, spawn_done_fn *done,
                void *owner, struct child **ret_child, struct error *err);

/* Valid as the child's alone: it is not reaped before `done`. */
pid_t child_pid(const struct child *child);

/* Stopping: SIGKILL (as on a time-out), wait, free; `done` is not called. NULL is legal. Not from
 * within its `done`. */
void child_destroy(struct child *child);
DEFINE_AUTODESTROY(child)

/* Start it and let it go on by itself; the caller waits for the pid. For conmon's parent. No output
 * and no time-out. */
int spawn_detached(const struct spawn_request *request, pid_t *ret_pid, struct error *err);

/* Blocking, for pool threads and tests: start, wait, give the status and the output (heap, may be
 * NULL when output_max is 0; either may be left out by NULL). -ETIMEDOUT when it was killed for
 * that. */
int spawn_wait(const struct spawn_request *request, int *ret_status, char **ret_output,
               struct error *err);

#endif
