/*
 * Which container, which host: what operators say, made into rows. Pure, over rows at hand.
 */
#ifndef GANTRY_OPS_CONSOLE_SELECT_H
#define GANTRY_OPS_CONSOLE_SELECT_H

#include "common/error.h"
#include "ops/console/fleet_rows.h"

/*
 * The container that `word` means: its whole id, its name, or the beginning of its id. An id or a
 * name wins over a beginning. -ENOENT when there is none, -ENOTUNIQ when there are several.
 */
int select_container(const struct container_rows *rows, const char *word,
                     const struct container_row **ret, struct error *err);

/* The host for a new container: the one that is named, or the only one there is. */
int select_host(const struct host_rows *hosts, const char *name, const char **ret,
                struct error *err);

#endif
