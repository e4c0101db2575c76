/* The Castagnoli checksum, eight bits at a time; see the header. */
#include "common/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82f63b78U /* reflected */

static uint32_t table[256];
static pthread_once_t table_made = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        table[byte] = crc;
    }
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;

    (void)pthread_once(&table_made, make_table);
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ byte[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}
