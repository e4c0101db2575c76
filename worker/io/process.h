/*
 * A process that is certainly the one we mean: a pid may be given to a stranger, a pid with its
 * start time and a descriptor may not (BEHAVIOUR KB-26).
 *
 * Starts by process_open(), ends by process_done(). `{ .fd = -1 }` is none. Any thread.
 */
#ifndef GANTRY_WORKER_IO_PROCESS_H
#define GANTRY_WORKER_IO_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct process {
    uint32_t pid;
    uint64_t started; /* clock ticks since boot: /proc/<pid>/stat, field 22 */
    int fd;           /* pidfd, readable when it has ended; -1: none */
};

#define PROCESS_NONE ((struct process){ .fd = -1 })

/* Open process `pid`; with `started` not 0, only the one that started then. -ESRCH when it has
 * ended or is another one. */
int process_open(uint32_t pid, uint64_t started, struct process *ret, struct error *err);
void process_done(struct process *process);

/* The same for a child of process `parent`: no stranger is one. */
int process_open_child(uint32_t pid, uint32_t parent, struct process *ret, struct error *err);

/* Give up the descriptor: the owner's own becomes none. */
struct process process_steal(struct process *process);

/* Ended, or none. */
bool process_is_gone(const struct process *process);

/* -ESRCH when it has ended. */
int process_signal(const struct process *process, int signal, struct error *err);

/* Blocking: SIGKILL and wait for its end. -ETIMEDOUT. A process that has ended is success. */
int process_kill(const struct process *process, int timeout_ms, struct error *err);

/*
 * Blocking: SIGKILL whoever makes a run, and wait for their end. First every process, conmon's
 * parents and children alike, whose command line has the words "-u" and `name`; then the OCI
 * runtime's create that has "--pid-file" and `pidfile`, for it outlives a conmon that was killed
 * before the runtime's process had asked to die with it.
 */
int process_kill_makers(const char *name, const char *pidfile, int timeout_ms, struct error *err);

/*
 * Blocking: wait for the end of every process whose command line has the words "--root" and
 * `root`: calls of an OCI runtime by a worker that was killed meanwhile. One that is not at its end
 * after `patience_ms` is killed. Whatever they do they have done then.
 */
int process_await_calls(const char *root, int patience_ms, struct error *err);

/* The process with such a command line, when there is exactly one; -ENOENT. */
int process_find_conmon(const char *name, struct process *ret, struct error *err);

/* The process whose pid is in the file, when it is conmon of `name`. -ENOENT, -ESRCH. */
int process_open_conmon(const char *pid_path, const char *name, struct process *ret,
                        struct error *err);

/* The pid that stands alone in a file. -ENOENT, -EBADMSG. */
int process_read_pid(const char *path, uint32_t *ret, struct error *err);

#endif
