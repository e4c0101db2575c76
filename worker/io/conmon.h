/*
 * Launching conmon, which makes a run of a container through the OCI runtime and then watches over
 * it (BEHAVIOUR 17).
 *
 * Loop thread. A launch belongs to its caller until `done`; conmon lives on by itself.
 */
#ifndef GANTRY_WORKER_IO_CONMON_H
#define GANTRY_WORKER_IO_CONMON_H

#include <stdbool.h>

#include "common/error.h"
#include "schemas/failure.h"
#include "worker/io/process.h"

struct cgroups;
struct conmon_launch;
struct event_base;
struct gate;

/* Where and under whose rules conmons are launched; borrowed for as long as launches live. */
struct conmon_place {
    struct event_base *loop;
    struct gate *gate;             /* its first deed is a runtime's create */
    const struct cgroups *cgroups; /* it gets a group of its own */
};

/* Borrowed for the call; paths are absolute. */
struct conmon_request {
    const char *program;      /* conmon itself */
    const char *runtime;      /* the OCI runtime */
    const char *runtime_root; /* where that keeps its state */
    const char *run_name;     /* "<id>-<run>": conmon's and the runtime's name for it */
    const char *name;         /* the container's, for people */
    const char *bundle;
    const char *volatile_directory; /* gets pidfile, conmon.pid and oci-log */
    const char *exits;
    const char *persist;
    bool has_terminal;
};

struct conmon_result {
    int code; /* 0; negative errno */
    enum failure failure;
    const char *text;      /* why not; borrowed for the call */
    uint32_t conmon_pid;   /* as conmon's parent wrote it */
    uint32_t init_pid;     /* as the runtime wrote it */
    struct process conmon; /* process_steal() it; none when it has ended already */
    struct process init;
};

typedef void conmon_done_fn(void *owner, struct conmon_result *result);

/* `done` is called exactly once, perhaps from within. When it fails, the runtime may have left
 * state behind: delete it. */
void conmon_launch(const struct conmon_place *place, const struct conmon_request *request,
                   conmon_done_fn *done, void *owner, struct conmon_launch **ret);

/* Leave off, without `done`. What has begun is found by the next worker. NULL is legal. */
void conmon_launch_destroy(struct conmon_launch *launch);

#endif
