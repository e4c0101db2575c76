/*
 * Whether a container can be what a configuration says. Pure: it looks at the words, not at any
 * host, so the broker refuses early and the worker refuses by the same rules.
 */
#ifndef GANTRY_COMMON_FLEET_CONFIG_CHECK_H
#define GANTRY_COMMON_FLEET_CONFIG_CHECK_H

#include "common/fleet/refusal.h"
#include "schemas/container_config.h"

#define CONFIG_HOSTNAME_MAX 64 /* characters: the kernel's limit */
#define CONFIG_REQUIRES_MAX 64
#define SIGNAL_MAX          64

/* Whether a container can be called so. FAILURE_NONE, or why not, also in `why`. */
enum failure config_check_name(const char *name, struct refusal *why);

/* FAILURE_NONE, or the first fault found, also in `why` (written on a fault only). */
enum failure config_check(const struct container_config *config, struct refusal *why);

#endif
