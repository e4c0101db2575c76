/* Sizes and durations as people write them; see the header. */
#include "common/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    double factor;
};

/* clang-format off */
static const struct unit size_units[] = {
    { "",   1 },
    { "b",  1 },
    { "k",  0x1p10 }, { "kb", 0x1p10 }, { "kib", 0x1p10 },
    { "m",  0x1p20 }, { "mb", 0x1p20 }, { "mib", 0x1p20 },
    { "g",  0x1p30 }, { "gb", 0x1p30 }, { "gib", 0x1p30 },
    { "t",  0x1p40 }, { "tb", 0x1p40 }, { "tib", 0x1p40 },
};

static const struct unit duration_units[] = {
    { "d", 86400e9 }, { "h", 3600e9 }, { "m", 60e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 },
};
/* clang-format on */

#define COUNT_OF(table) (sizeof(table) / sizeof(*(table)))

/* A decimal number without a sign: no infinity, no hexadecimal, which strtod would take. */
static bool read_decimal(const char *text, double *ret, const char **ret_rest)
{
    size_t size = strspn(text, "0123456789.");
    char *end = NULL;

    if (size == 0 || !isdigit((unsigned char)text[0]))
        return false;
    *ret = strtod(text, &end);
    *ret_rest = end;
    return end == text + size;
}

int quantity_parse_bytes(const char *text, uint64_t *ret, struct error *err)
{
    const char *unit = NULL;
    double number = 0;

    if (!read_decimal(text, &number, &unit))
        return error_set(err, -EINVAL, "\"%s\" is no size", text);
    for (size_t i = 0; i < COUNT_OF(size_units); i++) {
        double bytes = number * size_units[i].factor;

        if (strcasecmp(unit, size_units[i].name) != 0)
            continue;
        if (bytes >= 0x1p63)
            return error_set(err, -ERANGE, "the size \"%s\" is too large", text);
        *ret = (uint64_t)bytes;
        return 0;
    }
    return error_set(err, -EINVAL, "\"%s\" is no size", text);
}

static const struct unit *find_duration_unit(const char *text)
{
    size_t size = strspn(text, "dhmsun");

    for (size_t i = 0; i < COUNT_OF(duration_units); i++) {
        const char *name = duration_units[i].name;

        if (strlen(name) == size && memcmp(name, text, size) == 0)
            return &duration_units[i];
    }
    return NULL;
}

int quantity_parse_duration(const char *text, uint64_t *ret, struct error *err)
{
    const char *rest = text;
    double total = 0;

    do {
        const struct unit *unit;
        double number = 0;

        if (!read_decimal(rest, &number, &rest))
            return error_set(err, -EINVAL, "\"%s\" is no duration", text);
        if (*rest == '\0' && total == 0) { /* a bare number */
            total = number * 1e9;
            break;
        }
        unit = find_duration_unit(rest);
        if (unit == NULL)
            return error_set(err, -EINVAL, "\"%s\" is no duration", text);
        total += number * unit->factor;
        rest += strlen(unit->name);
    } while (*rest != '\0');

    if (total >= 0x1p63)
        return error_set(err, -ERANGE, "the duration \"%s\" is too large", text);
    *ret = (uint64_t)total;
    return 0;
}
