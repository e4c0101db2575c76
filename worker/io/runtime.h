/*
 * The OCI runtimes of this host, crun and runc, and calls of their command lines: never more at
 * once than the machine can bear, the others wait in line.
 *
 * Loop thread. A call belongs to the runtimes until `done`.
 */
#ifndef GANTRY_WORKER_IO_RUNTIME_H
#define GANTRY_WORKER_IO_RUNTIME_H

#include <stddef.h>

#include "common/auto.h"
#include "common/error.h"
#include "schemas/failure.h"
#include "worker/io/gate.h"

struct event_base;
struct runtimes;

#define RUNTIME_WORDS_MAX 6

struct runtime_request {
    const char *path;                     /* of the runtime */
    const char *words[RUNTIME_WORDS_MAX]; /* "start", "<id>-<run>"; up to a NULL */
    unsigned timeout_ms;                  /* then it is killed */
};

/* Texts are borrowed for the call. */
struct runtime_answer {
    int code; /* 0; -EIO: it said no; -ETIMEDOUT; -EAGAIN: too many wait; of spawn */
    enum failure failure;
    const char *text;   /* why not */
    const char *output; /* what it printed */
};

typedef void runtime_done_fn(void *owner, const struct runtime_answer *answer);

/* `root` is the directory in which the runtimes keep their state. */
struct runtimes *runtimes_new(struct event_base *loop, const char *root);

/* Stopping: calls that are under way are killed and never answered, nothing passes the gate. */
void runtimes_close(struct runtimes *runtimes);
void runtimes_destroy(struct runtimes *runtimes);
DEFINE_AUTODESTROY(runtimes)

/* Names in the order of preference. */
#define RUNTIME_COUNT 2
extern const char *const runtime_names[RUNTIME_COUNT];

/* The absolute path of a program of the host (PATH, then the system's directories), on the heap;
 * NULL when there is none. Blocking, but briefly. */
char *runtime_find_program(const char *name);

/* The name of the runtime that has state of this run, by the files it keeps; NULL when none. */
const char *runtimes_owner_of(const struct runtimes *runtimes, const char *run_name);

/* A directory for state of this run is there, perhaps of a create that was cut off and that no
 * runtime would know. */
bool runtimes_has_state(const struct runtimes *runtimes, const char *run_name);

/* The runtime keeps state of this run and waits for `start`. */
bool runtimes_waits_for_start(const struct runtimes *runtimes, const char *run_name);

/* `done` is called exactly once, perhaps from within. */
void runtimes_call(struct runtimes *runtimes, const struct runtime_request *request,
                   runtime_done_fn *done, void *owner);

/* For conmon, whose first deed is a runtime's create: it takes a place as a call does. */
struct gate *runtimes_gate(struct runtimes *runtimes);

#endif
