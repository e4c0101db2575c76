/* Verbs of two words: "image ls". Each has a row as main's verbs have. */
#ifndef GANTRY_OPS_CONSOLE_GROUP_H
#define GANTRY_OPS_CONSOLE_GROUP_H

#include <stddef.h>

#include "ops/console/console.h"

/* Carry out the verb that argv[1] names; --help lists them. The verbs' names are two words: "image
 * ls". */
int group_run(struct console *console, const struct verb *verbs, size_t count, char **argv,
              struct error *err);

/* Ask the operator on stdin before something is lost; a terminal is needed for that. */
int group_confirm(const char *warning, bool *ret_is_wanted, struct error *err);

#endif
