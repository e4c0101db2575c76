/*
 * Which users or groups of a container are which of the host: what the kernel takes as uid_map and
 * gid_map of a user namespace.
 */
#ifndef GANTRY_COMMON_ID_MAP_H
#define GANTRY_COMMON_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define ID_MAP_RANGES_MAX 340 /* the kernel's */

struct id_range {
    uint32_t inside;  /* the first, in the container */
    uint32_t outside; /* and on the host */
    uint32_t count;
};

/* No id is in two of its ranges, on neither side. */
struct id_map {
    struct id_range ranges[ID_MAP_RANGES_MAX];
    size_t count;
};

/* "0:100000:65536", CONTAINER:HOST[:COUNT]; without a count it is one id. -EINVAL. */
int id_range_parse(const char *text, struct id_range *ret, struct error *err);

/* One or more ranges. -EINVAL also for ranges that overlap, -E2BIG for too many. */
int id_map_parse(char *const *texts, size_t count, struct id_map *ret, struct error *err);

/* What an id of the container is on the host, and the reverse; false: nothing. */
bool id_map_outside(const struct id_map *map, uint32_t inside, uint32_t *ret);
bool id_map_inside(const struct id_map *map, uint32_t outside, uint32_t *ret);

#endif
