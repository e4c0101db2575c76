/* The two clocks, read at the edge and handed down as arguments. */
#ifndef GANTRY_COMMON_IO_CLOCK_H
#define GANTRY_COMMON_IO_CLOCK_H

#include <stdint.h>

/* Nanoseconds since 1970: data, never a timer's base. */
uint64_t clock_wall_ns(void);

/* Milliseconds since boot (CLOCK_BOOTTIME): for deadlines and intervals. */
uint64_t clock_steady_ms(void);

#endif
