/*
 * A daemon's options: flags, and a file with the same names.
 *
 * `--name value`, `--name=value`, and for a flag without value `--name`. The file (--config PATH,
 * or the default when it exists) has `name = value` lines and `#` comments, which begin a line or
 * follow a space; a flag without value is `name` or `name = yes|no`. What the command line says of
 * an option wins over all that the file says of it. --help and --version are answered here.
 */
#ifndef GANTRY_COMMON_IO_OPTIONS_H
#define GANTRY_COMMON_IO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct option_row {
    const char *name;  /* "listen" */
    const char *value; /* what --help calls its value, "URL"; NULL: a flag */
    const char *help;  /* one line; may hold \n */
    bool is_repeatable;
    const char *fallback; /* the value when nobody says one; NULL: none */
};

struct option_set;

/* Parse. 0: go on; 1: --help or --version was answered on stdout, exit with 0 (`ret` is not set).
 * -EINVAL names the option, or the line of the file. `rows` is borrowed as long as the set lives.
 */
int options_parse(const char *program, const char *purpose, const struct option_row *rows,
                  size_t count, const char *default_file, int argc, char **argv,
                  struct option_set **ret, struct error *err);

/* The (last) value; the fallback; NULL. A name that no row has is a caller's bug, here and below.
 */
const char *options_get(const struct option_set *set, const char *name);
/* The i-th value of a repeatable one (the fallback is the 0th when nobody says one); NULL beyond
 * the last. */
const char *options_get_at(const struct option_set *set, const char *name, size_t i);
/* Somebody said it: the fallback does not count. */
bool options_is_set(const struct option_set *set, const char *name);
/* NULL is legal. */
void options_destroy(struct option_set *set);
static inline void option_set_auto_destroy_(struct option_set **owned)
{
    options_destroy(*owned);
}

#endif
