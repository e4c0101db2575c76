/*
 * Where a test may let somebody die: the worker comes by at points with names, before and after
 * each step ("before:start-runtime"), at each stage of one ("stage:start-runtime.1", counted from
 * 0, and "undo:..." of what takes it back), and when a transaction of its journal is on the disk
 * ("committed:3").
 *
 * Only in the program gantry-worker-kill-points (tests/support/kill_point.c says what happens
 * there); elsewhere it is nothing.
 */
#ifndef GANTRY_WORKER_IO_KILL_POINT_H
#define GANTRY_WORKER_IO_KILL_POINT_H

#include <stddef.h>

#ifdef GANTRY_KILL_POINTS

/* `container` is whose step it is; NULL: nobody's. Returns when the worker is to go on. */
void kill_point(const char *when, const char *what, const char *container);
void kill_point_stage(const char *when, const char *what, size_t stage, const char *container);

#else

static inline void kill_point(const char *when, const char *what, const char *container)
{
    (void)when;
    (void)what;
    (void)container;
}

static inline void kill_point_stage(const char *when, const char *what, size_t stage,
                                    const char *container)
{
    (void)when;
    (void)what;
    (void)stage;
    (void)container;
}

#endif

#endif
