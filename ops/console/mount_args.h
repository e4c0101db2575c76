/* --volume, --tmpfs and --mount, as they are written, made into mounts. */
#ifndef GANTRY_OPS_CONSOLE_MOUNT_ARGS_H
#define GANTRY_OPS_CONSOLE_MOUNT_ARGS_H

#include "common/arena.h"
#include "common/error.h"
#include "schemas/container_config.h"

/* "/SRC:DST[:OPTS]": a bind mount, recursive and private unless OPTS says otherwise. "NAME:DST
 * [:OPTS]": a volume; "DST": one that is made for the container. */
int mount_args_volume(const char *text, struct arena *arena, struct mount_config *ret,
                      struct error *err);

/* "DST[:OPTS]" */
int mount_args_tmpfs(const char *text, struct arena *arena, struct mount_config *ret,
                     struct error *err);

/* "type=bind,src=/a,dst=/b,ro", "type=volume,src=data,dst=/b" or "type=tmpfs,dst=/c,tmpfs-size=1m"
 */
int mount_args_mount(const char *text, struct arena *arena, struct mount_config *ret,
                     struct error *err);

#endif
