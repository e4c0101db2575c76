/* Sizes and durations as people write them, in options and arguments. */
#ifndef GANTRY_COMMON_QUANTITY_H
#define GANTRY_COMMON_QUANTITY_H

#include <stdint.h>

#include "common/error.h"

/* "64m", "1.5g", "4096", "2kib": bytes, with units of 1024. -EINVAL otherwise. */
int quantity_parse_bytes(const char *text, uint64_t *ret, struct error *err);

/* "30d", "1h30m", "250ms", "10": nanoseconds; a bare number is seconds. -EINVAL otherwise. */
int quantity_parse_duration(const char *text, uint64_t *ret, struct error *err);

#endif
