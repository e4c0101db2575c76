/* The two clocks; see the header. */
#include "common/io/clock.h"

#include <assert.h>
#include <time.h>

#define NS_PER_S  1000000000U
#define NS_PER_MS 1000000U
#define MS_PER_S  1000U

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int r = clock_gettime(id, &now);

    assert(r == 0); /* both clocks are as old as any kernel that runs conmon */
    (void)r;
    return now;
}

uint64_t clock_wall_ns(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);

    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_steady_ms(void)
{
    struct timespec now = read_clock(CLOCK_BOOTTIME);

    return (uint64_t)now.tv_sec * MS_PER_S + (uint64_t)now.tv_nsec / NS_PER_MS;
}
