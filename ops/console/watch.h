/* Records of the log, page by page, as `events`, `history`, `wait` and `run` read them. */
#ifndef GANTRY_OPS_CONSOLE_WATCH_H
#define GANTRY_OPS_CONSOLE_WATCH_H

#include "common/arena.h"
#include "ops/console/console.h"
#include "schemas/bus.h"
#include "schemas/record.h"

struct watch_page {
    struct record *records; /* decoded, in the arena */
    size_t count;
    uint64_t missed_upto; /* records behind the cursor, up to this, are no longer kept; 0: none */
    struct page page;
};

/* One page. On success watch->cursor has moved behind it. -ENODATA when records behind the cursor
 * are no longer kept; a cursor of 0 begins at those that are, and `missed_upto` says so. */
int watch_next(struct console *console, struct watch *watch, struct arena *arena,
               struct watch_page *ret, struct error *err);

/* All records after the watch's cursor up to where the log ends at the first look, which is
 * `ret_head`: `visit` for each, until it returns not 0, which is the result then. A record is
 * borrowed for the call. -ENODATA when any of them are no longer kept. A terminal is told how far
 * it has come. */
typedef int watch_visit_fn(void *owner, const struct record *record, struct error *err);
int watch_to_end(struct console *console, struct watch *watch, watch_visit_fn *visit, void *owner,
                 uint64_t *ret_head, struct error *err);

#endif
