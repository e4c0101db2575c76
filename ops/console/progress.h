/*
 * How far a long reading has come: a line on stderr that is written over, on a terminal only, and
 * only when it takes long enough for somebody to wonder.
 */
#ifndef GANTRY_OPS_CONSOLE_PROGRESS_H
#define GANTRY_OPS_CONSOLE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t started_ms;
    unsigned percent; /* shown last */
    bool is_terminal;
    bool is_shown; /* there is something to wipe away */
};

void progress_begin(struct progress *progress);

/* `done` of `total` things are behind us. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total);

/* Wipe the line away. May be called twice. */
void progress_end(struct progress *progress);

#endif
