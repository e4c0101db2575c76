/* --restart: what is done when a container ends. */
#ifndef GANTRY_OPS_CONSOLE_RESTART_ARGS_H
#define GANTRY_OPS_CONSOLE_RESTART_ARGS_H

#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"

/* Take POLICY[:RETRIES] apart; the policy is in `arena`. NULL and "" say nothing, and nothing is
 * set then. -EINVAL names what makes no sense. */
int restart_args_take(const char *text, struct arena *arena, char **ret_policy,
                      uint32_t *ret_retries, struct error *err);

#endif
