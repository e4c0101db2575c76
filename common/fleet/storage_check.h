/*
 * Whether a command about a host's images or volumes makes sense. Pure: it looks at the words, not
 * at any host, so the broker refuses early and the worker refuses by the same rules.
 */
#ifndef GANTRY_COMMON_FLEET_STORAGE_CHECK_H
#define GANTRY_COMMON_FLEET_STORAGE_CHECK_H

#include <stdbool.h>

#include "common/fleet/refusal.h"

/* What a command asks of a host's store. */
enum storage_operation {
    STORAGE_OPERATION_NONE = 0,
    STORAGE_OPERATION_PULL,
    STORAGE_OPERATION_LOAD,
    STORAGE_OPERATION_IMPORT,
    STORAGE_OPERATION_TAG,
    STORAGE_OPERATION_UNTAG,
    STORAGE_OPERATION_REMOVE_IMAGE,
    STORAGE_OPERATION_PRUNE_IMAGES,
    STORAGE_OPERATION_CREATE_VOLUME,
    STORAGE_OPERATION_REMOVE_VOLUME,
    STORAGE_OPERATION_PRUNE_VOLUMES,
};

/* By the type of its record: "image.pull". NONE for all other types. */
enum storage_operation storage_operation_of(const char *type);

/* Whether the command is about images or volumes, not about a container. */
bool storage_command_is(const char *type);

/* Whether an image can be called so; NULL is fine. FAILURE_NONE, or why not, also in `why`. */
enum failure storage_check_new_name(const char *text, struct refusal *why);

/* `body` is what the schema of the type has decoded. FAILURE_NONE, or why the command can never be
 * carried out, also in `why`. */
enum failure storage_command_check(const char *type, const void *body, struct refusal *why);

#endif
