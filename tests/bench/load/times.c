/* Times of requests; see the header. */
#include "tests/bench/load/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/mem.h"

uint64_t times_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct times times_make(size_t count_max)
{
    return (struct times){ .us = mem_zeroed((count_max + 1) * sizeof(uint32_t)) };
}

void times_done(struct times *times)
{
    free(times->us);
    *times = (struct times){ 0 };
}

void times_add(struct times *times, uint64_t took_ns)
{
    times->us[times->count++] = (uint32_t)(took_ns / 1000);
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

struct times_found times_find(struct times *times)
{
    qsort(times->us, times->count, sizeof(*times->us), compare);
    return (struct times_found){ .p50_us = times->us[times->count / 2],
                                 .p99_us = times->us[times->count * 99 / 100] };
}

void times_print(struct times *times, const char *mode, double records, uint64_t ns)
{
    struct times_found found = times_find(times);
    double seconds = (double)ns / 1e9;

    printf("{\"mode\": \"%s\", \"records\": %.0f, \"seconds\": %.3f, \"rate\": %.0f, "
           "\"p50_us\": %u, \"p99_us\": %u}\n",
           mode, records, seconds, records / seconds, found.p50_us, found.p99_us);
}
