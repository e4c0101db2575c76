/*
 * Where a test lets the worker die: $GANTRY_KILL_AT names one point ("before:start-runtime",
 * "after:start-runtime", "committed:3"), and there the process kills itself with SIGKILL.
 *
 * Only in programs that are compiled with GANTRY_KILL_POINTS; elsewhere it is nothing.
 */
#ifndef GANTRY_WORKER_KILL_POINT_H
#define GANTRY_WORKER_KILL_POINT_H

#ifdef GANTRY_KILL_POINTS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void kill_point(const char *when, const char *what)
{
    const char *wanted = getenv("GANTRY_KILL_AT");
    char here[64];

    (void)snprintf(here, sizeof(here), "%s:%s", when, what);
    if (wanted != NULL && strcmp(wanted, here) == 0)
        (void)raise(SIGKILL);
}

#else

static inline void kill_point(const char *when, const char *what)
{
    (void)when;
    (void)what;
}

#endif

#endif
