/* How long each of many requests took, as the programs that measure keep and tell it. */
#ifndef GANTRY_TESTS_BENCH_LOAD_TIMES_H
#define GANTRY_TESTS_BENCH_LOAD_TIMES_H

#include <stddef.h>
#include <stdint.h>

struct times {
    uint32_t *us;
    size_t count;
};

/* ns of a clock that is never set. */
uint64_t times_now_ns(void);

/* Room for so many, and none of them yet. */
struct times times_make(size_t count_max);
void times_done(struct times *times);

void times_add(struct times *times, uint64_t took_ns);

/* The median and the 99th percentile, us; 0 when there is none. They are sorted by it. */
struct times_found {
    uint32_t p50_us;
    uint32_t p99_us;
};
struct times_found times_find(struct times *times);

/* One line of JSON: what was done in `ns`, at which rate, and how long one took. */
void times_print(struct times *times, const char *mode, double records, uint64_t ns);

#endif
