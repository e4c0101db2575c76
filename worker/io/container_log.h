/*
 * Reading the log of a container: conmon's k8s-file format (BEHAVIOUR 17.5), from the end or from
 * a time, and following it by inotify.
 *
 * Loop thread. The reader stops when its user has no room (container_log_pause) and goes on with
 * container_log_resume.
 */
#ifndef GANTRY_WORKER_IO_CONTAINER_LOG_H
#define GANTRY_WORKER_IO_CONTAINER_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

struct event_base;
struct container_log;

struct container_log_options {
    int64_t tail;   /* last full lines; -1: all */
    uint64_t since; /* ns since 1970; 0: all */
    uint64_t until; /* 0: no end */
    bool follow;    /* go on until container_log_end_soon() */
};

struct container_log_line {
    uint32_t channel; /* 1 stdout, 2 stderr */
    uint64_t time;    /* ns since 1970 */
    bool is_partial;  /* no newline at its end */
    struct bytes text;
};

struct container_log_events {
    void (*on_line)(void *owner, const struct container_log_line *line);
    /* Nothing more will come: the end of a file that is not followed, or ended. `failure` is NULL
     * when all is well. The user closes it. */
    void (*on_end)(void *owner, const char *failure);
    /* All that is there was given; more may come. */
    void (*on_drained)(void *owner);
};

int container_log_open(struct event_base *loop, const char *path,
                       const struct container_log_options *options,
                       const struct container_log_events *events, void *owner,
                       struct container_log **ret, struct error *err);
void container_log_pause(struct container_log *log);
void container_log_resume(struct container_log *log);
/* The container has ended: give what is still there, then on_end. */
void container_log_end_soon(struct container_log *log);
void container_log_close(struct container_log *log);

#endif
