/* The commands that a poll has brought. */
#ifndef GANTRY_WORKER_PAGE_COMMANDS_H
#define GANTRY_WORKER_PAGE_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "schemas/bus.h"
#include "schemas/record.h"

struct page_commands {
    struct record *records;
    size_t count;
};

/* Read them into `arena`. False when one is damaged, which is logged: it ends the page, for what
 * comes behind it must not be done before it. */
bool page_commands_read(const struct page *page, struct page_commands *ret, struct arena *arena);

#endif
