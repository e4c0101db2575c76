/*
 * What stands between {{ and }}: the expressions of a Go template, as far as podman's users use
 * them.
 *
 *     .  .State.Pid  "text"  `text`  12  true  nil  (EXPRESSION)  EXPRESSION | FUNCTION
 *     json index len lower upper title join split print println eq ne not and or
 *
 * A member that begins with a capital is a field and must exist; any other is a key of a map, and
 * one that is not there has no value.
 */
#ifndef GANTRY_OPS_CONSOLE_EXPRESSION_H
#define GANTRY_OPS_CONSOLE_EXPRESSION_H

#include "common/error.h"

struct json_t;

/* The value of `text` with `dot` (borrowed) as the dot; the caller owns what it gets. A value that
 * is not there is the null of JSON. -EINVAL says what is wrong with the expression. */
int expression_evaluate(const char *text, struct json_t *dot, struct json_t **ret,
                        struct error *err);

#endif
