/*
 * The container that a question about the past means: one that is there, or one that was removed,
 * or one that was asked for and never came to be.
 */
#ifndef GANTRY_OPS_CONSOLE_SUBJECT_H
#define GANTRY_OPS_CONSOLE_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/id.h"
#include "ops/console/console.h"

struct subject {
    char id[CONTAINER_ID_SIZE + 1];
    bool is_there;      /* the fleet has it now */
    uint64_t beginning; /* records up to this position are no longer kept; 0: all are */
};

/*
 * The container that `word` means: its name, its id, or the beginning of its id. One that is there
 * wins over one that is not; of those that had a name before, the one that was asked for last is
 * meant. Of one host, or of all when `host` is NULL. -ENOENT when there never was one, -ENOTUNIQ
 * when there are several. The operator is told when the beginning of the log is no longer kept.
 */
int subject_find(struct console *console, const char *host, const char *word, struct subject *ret,
                 struct error *err);

#endif
