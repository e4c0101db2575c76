/* Ids of a container and of the host; see the header. */
#include "common/id_map.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* Digits alone; `ret_end` is what follows them. */
static bool parse_number(const char *text, uint32_t *ret, const char **ret_end)
{
    unsigned long long value;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || value > UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    *ret_end = end;
    return true;
}

static bool parse(const char *text, struct id_range *ret)
{
    ret->count = 1;
    if (!parse_number(text, &ret->inside, &text) || *text++ != ':' ||
        !parse_number(text, &ret->outside, &text))
        return false;
    if (*text == ':' && !parse_number(text + 1, &ret->count, &text))
        return false;
    return *text == '\0';
}

/* The last number of 32 bits is no id. */
static bool fits(uint32_t first, uint32_t count)
{
    return count <= UINT32_MAX - first;
}

int id_range_parse(const char *text, struct id_range *ret, struct error *err)
{
    struct id_range range;

    if (!parse(text, &range))
        return error_set(err, -EINVAL, "\"%s\" is not CONTAINER-ID:HOST-ID[:COUNT]", text);
    if (range.count == 0)
        return error_set(err, -EINVAL, "\"%s\": the count has to be 1 or more", text);
    if (!fits(range.inside, range.count) || !fits(range.outside, range.count))
        return error_set(err, -EINVAL, "\"%s\" reaches beyond the last id, 4294967294", text);
    *ret = range;
    return 0;
}

static bool do_overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
    return a <= b ? b - a < a_count : a - b < b_count;
}

int id_map_parse(char *const *texts, size_t count, struct id_map *ret, struct error *err)
{
    if (count == 0)
        return error_set(err, -EINVAL, "it has no range");
    if (count > ID_MAP_RANGES_MAX)
        return error_set(err, -E2BIG, "it has %zu ranges: the kernel takes %d", count,
                         ID_MAP_RANGES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct id_range *range = &ret->ranges[i];
        int r = id_range_parse(texts[i], range, err);

        if (r < 0)
            return r;
        for (size_t j = 0; j < i; j++) {
            const struct id_range *other = &ret->ranges[j];

            if (do_overlap(range->inside, range->count, other->inside, other->count) ||
                do_overlap(range->outside, range->count, other->outside, other->count))
                return error_set(err, -EINVAL, "\"%s\" and \"%s\" overlap", texts[j], texts[i]);
        }
    }
    ret->count = count;
    return 0;
}

bool id_map_outside(const struct id_map *map, uint32_t inside, uint32_t *ret)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct id_range *range = &map->ranges[i];

        if (inside >= range->inside && inside - range->inside < range->count) {
            *ret = range->outside + (inside - range->inside);
            return true;
        }
    }
    return false;
}

bool id_map_inside(const struct id_map *map, uint32_t outside, uint32_t *ret)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct id_range *range = &map->ranges[i];

        if (outside >= range->outside && outside - range->outside < range->count) {
            *ret = range->inside + (outside - range->outside);
            return true;
        }
    }
    return false;
}
