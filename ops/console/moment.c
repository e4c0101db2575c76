/* A moment past; see the header. */
#include "ops/console/moment.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ops/console/units.h"

#define POSITION_PREFIX "pos:"

static bool read_number(const char *text, uint64_t *ret)
{
    char *end = NULL;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

int moment_parse(const char *text, uint64_t now_ns, struct moment *ret, struct error *err)
{
    size_t prefix_size = strlen(POSITION_PREFIX);
    bool has_prefix = strncmp(text, POSITION_PREFIX, prefix_size) == 0;
    uint64_t number = 0;
    uint64_t time_ns = 0;
    int r;

    if (read_number(has_prefix ? text + prefix_size : text, &number) &&
        (has_prefix || number < MOMENT_POSITION_MAX)) {
        *ret = (struct moment){ .is_position = true, .pos = number };
        return 0;
    }
    if (has_prefix)
        return error_set(err, -EINVAL, "\"%s\" is no position of the log: give pos:123", text);
    if (strcmp(text, "now") == 0) {
        *ret = (struct moment){ .time_ns = now_ns };
        return 0;
    }
    r = units_parse_time(text, now_ns, &time_ns, err);
    if (r < 0)
        return error_set(err, r, "\"%s\" is no moment: give " MOMENT_HELP, text);
    *ret = (struct moment){ .time_ns = time_ns };
    return 0;
}

bool moment_is_before(const struct moment *moment, const struct record *record)
{
    return moment->is_position ? record->pos > moment->pos : record->time > moment->time_ns;
}
