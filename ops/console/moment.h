/*
 * A moment past, as operators name it: a position of the log, or a time. Pure.
 *
 * The log knows one order, that of its positions: a moment of a time is the last record before the
 * first one that was appended later. What a host did while nobody could hear it is in the log from
 * when it was heard.
 */
#ifndef GANTRY_OPS_CONSOLE_MOMENT_H
#define GANTRY_OPS_CONSOLE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "schemas/record.h"

/* For the --help of options that take a moment. */
#define MOMENT_VALUE "TIME|POS"
#define MOMENT_HELP  "a time, a duration ago (5m), or a position of the log (pos:123)"

/* Whole numbers below this are positions, larger ones seconds since 1970 (of 2001 and later). */
#define MOMENT_POSITION_MAX 1000000000

struct moment {
    bool is_position;
    uint64_t pos;     /* of the last record that belongs to it */
    uint64_t time_ns; /* since 1970 */
};

/* "pos:123" and "123", "now", or whatever units_parse_time() takes. -EINVAL otherwise. */
int moment_parse(const char *text, uint64_t now_ns, struct moment *ret, struct error *err);

/* Whether the record came after the moment. */
bool moment_is_before(const struct moment *moment, const struct record *record);

#endif
