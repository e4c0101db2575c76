/* What is said to the volume verbs, and what it makes. Pure. */
#ifndef GANTRY_OPS_CONSOLE_VOLUME_ARGS_H
#define GANTRY_OPS_CONSOLE_VOLUME_ARGS_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/error.h"
#include "ops/console/args.h"
#include "schemas/volumes.h"

struct volume_options {
    const char *host;
    const char *expires;
    struct text_list operands;
    const char *driver;
    struct text_list labels;
    struct text_list options;
    struct text_list filters;
    const char *format;
    bool ignores;
    bool all;
    bool force;
    bool is_quiet;
    bool no_titles;
};

/* The volume that `volume create` asks for; without a name it gets `made_name`. Texts are in the
 * arena. */
int volume_args_take(const struct volume_options *options, const char *made_name,
                     struct arena *arena, struct volume *ret, struct error *err);

#endif
