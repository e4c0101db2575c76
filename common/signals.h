/* Signals by name and number, as operators say them. */
#ifndef GANTRY_COMMON_SIGNALS_H
#define GANTRY_COMMON_SIGNALS_H

#include <stdint.h>

#include "common/error.h"

/* "KILL", "SIGKILL", "sigkill", "9", "RTMIN+3": 1 to 64. -EINVAL otherwise. */
int signals_parse(const char *text, uint32_t *ret, struct error *err);

#define SIGNALS_NAME_SIZE 24
/* "SIGKILL"; "SIGRTMIN+3"; the number when it has no name. */
void signals_write_name(uint32_t number, char ret[static SIGNALS_NAME_SIZE]);

#endif
