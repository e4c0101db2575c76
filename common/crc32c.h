/*
 * The Castagnoli checksum of stored records (RFC 3720, appendix B.4). No packaged library offers
 * just this. By the processor's own instruction where it has one.
 */
#ifndef GANTRY_COMMON_CRC32C_H
#define GANTRY_COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue from `crc`, which is 0 at the beginning. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* The same as processors without the instruction do it: for the tests. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size);

#endif
