/*
 * Times as people write them; sizes, durations and times as they like to read them.
 */
#ifndef GANTRY_OPS_CONSOLE_UNITS_H
#define GANTRY_OPS_CONSOLE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/*
 * A moment in ns since 1970: "2026-11-29T16:00:00.5Z" (or +01:00, or without a zone: local), the
 * date alone, seconds since 1970 ("1796000000.25"), or a duration before `now` ("10m").
 */
int units_parse_time(const char *text, uint64_t now, uint64_t *ret, struct error *err);

/* "Less than a second", "5 minutes", "About an hour", "3 weeks": as docker and podman say it. */
#define UNITS_DURATION_SIZE 48
void units_write_duration(uint64_t duration_ns, char ret[static UNITS_DURATION_SIZE]);

/* "2026-11-29T16:00:00.123456789Z"; "0001-01-01T00:00:00Z" for 0, as podman says "never". */
#define UNITS_TIME_SIZE 96
void units_write_time(uint64_t time_ns, char ret[static UNITS_TIME_SIZE]);

/* "2026-11-29 16:00:00.123456789 +0000 UTC": what podman prints of a Go time. */
void units_write_go_time(uint64_t time_ns, char ret[static UNITS_TIME_SIZE]);

/* "1.5 GiB" */
#define UNITS_BYTES_SIZE 32
void units_write_bytes(uint64_t bytes, char ret[static UNITS_BYTES_SIZE]);

/* "4.53 MB", "0 B": of files, in thousands, as podman says it. */
void units_write_size(uint64_t bytes, char ret[static UNITS_BYTES_SIZE]);

#endif
