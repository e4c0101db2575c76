/*
 * What a container gets from its image: everything that it does not say itself. podman's rules.
 *
 * Pure.
 */
#ifndef GANTRY_COMMON_FLEET_CONFIG_IMAGE_H
#define GANTRY_COMMON_FLEET_CONFIG_IMAGE_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/fleet/refusal.h"
#include "schemas/container_config.h"
#include "schemas/images.h"

/* Whether the text can be meant to be an image: a name, an id or the beginning of one, a digest. */
bool image_reference_is_valid(const char *text);

/*
 * Fill in the configuration of a container that is made from `image`: entrypoint, command,
 * environment, user, working directory, stop signal, labels, volumes, image_id. What it says
 * already stays, but that its environment and labels are added to the image's. Idempotent; parts
 * are in `arena` or borrowed from the image. FAILURE_NONE, or why there can be no such container,
 * also in `why`.
 */
enum failure config_take_image(struct container_config *config, const struct image *image,
                               struct arena *arena, struct refusal *why);

/* Name the anonymous volumes: 60 digits of the container's id and 4 of the mount's number. */
void config_name_volumes(struct container_config *config, const char *id, struct arena *arena);

/* Whether the volume was named so for the container of this id. */
bool volume_is_made_for(const char *volume, const char *id);

#endif
