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

/*
 * The image that `word` means on the host, by the worker's rules: a name, whole or as typed, a name
 * with a digest, or an id or the beginning of one. -ENOENT when there is none, -ENOTUNIQ when there
 * are several, also on different hosts: then the sentence asks for --host.
 */
int select_image(const struct image_rows *rows, const char *word, const struct image_row **ret,
                 struct error *err);

/* The volume of this name, as above. */
int select_volume(const struct volume_rows *rows, const char *name, const struct volume_row **ret,
                  struct error *err);

/* The host for a new container: the one that is named, or the only one there is. */
int select_host(const struct host_rows *hosts, const char *name, const char **ret,
                struct error *err);

#endif
