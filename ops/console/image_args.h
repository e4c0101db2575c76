/* Words about images that several verbs take. Pure. */
#ifndef GANTRY_OPS_CONSOLE_IMAGE_ARGS_H
#define GANTRY_OPS_CONSOLE_IMAGE_ARGS_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/error.h"
#include "schemas/schema.h"

/* --entrypoint: one word, or several as a JSON list; "" is none. */
void entrypoint_args_take(const char *text, struct arena *arena, struct text_list *ret);

/* --tls-verify: "true" or "false"; NULL: true. */
int registry_args_tls(const char *text, bool *ret_is_unverified, struct error *err);

#endif
