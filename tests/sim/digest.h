/* What an accepted command is known by: the same for its author and for who reads the log. */
#ifndef GANTRY_TESTS_SIM_DIGEST_H
#define GANTRY_TESTS_SIM_DIGEST_H

#include <stdint.h>

static inline uint64_t command_digest(uint64_t client, uint64_t sequence, uint64_t pos)
{
    uint64_t digest = client * 0x9E3779B97F4A7C15ULL;

    digest = (digest ^ digest >> 31 ^ sequence) * 0xBF58476D1CE4E5B9ULL;
    digest = (digest ^ digest >> 29 ^ pos) * 0x94D049BB133111EBULL;
    return digest ^ digest >> 32;
}

#endif
