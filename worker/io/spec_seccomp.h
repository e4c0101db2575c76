/* The "seccomp" of a spec: the system calls that a container may make; every other one fails. */
#ifndef GANTRY_WORKER_IO_SPEC_SECCOMP_H
#define GANTRY_WORKER_IO_SPEC_SECCOMP_H

#include <stdint.h>

struct json_t;

/* The default profile for a container that may have the capabilities `bounding`, owned by the
 * caller. */
struct json_t *spec_seccomp(uint64_t bounding);

#endif
