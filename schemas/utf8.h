/*
 * Texts of the wire: UTF-8 as RFC 3629 has it (shortest forms, no surrogates, up to U+10FFFF).
 */
#ifndef GANTRY_SCHEMAS_UTF8_H
#define GANTRY_SCHEMAS_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* How many bytes from the start are whole valid characters; `text.size` when all is well. */
size_t utf8_valid_size(struct bytes text);

/* Append `text` to `ret` with U+FFFD for each byte that belongs to no character. */
void utf8_repair(struct bytes text, struct buffer *ret);

#endif
