/*
 * The templates that --format takes: Go's text/template, as far as podman's users use it.
 *
 *     text  {{EXPRESSION}}  {{- trimmed -}}
 *     {{if E}} {{else if E}} {{else}} {{end}}   {{range E}} {{else}} {{end}}   {{with E}} {{end}}
 *
 * Expressions are those of expression.h; there are no variables.
 */
#ifndef GANTRY_OPS_CONSOLE_TEMPLATE_H
#define GANTRY_OPS_CONSOLE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/error.h"

struct json_t;
struct template;

/* Read a template, into `arena`; the two characters \t and \n are a tab and a newline, as podman
 * has it. -EINVAL says what is wrong. */
int template_parse(const char *text, struct arena *arena, struct template **ret, struct error *err);

/* Append what the template makes of `dot`. -EINVAL for a field that is not there, among others. */
int template_render(const struct template *template, struct json_t *dot, struct buffer *ret,
                    struct error *err);

/* Of a template that has nothing but texts and {{.Field}}: what stands at `i`, one of both; false
 * behind its end. */
struct template_part {
    const char *text;
    const char *field;
};
bool template_is_plain(const struct template *template);
bool template_part(const struct template *template, size_t i, struct template_part *ret);

#endif
