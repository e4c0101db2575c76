/* The Castagnoli checksum: by the processor where it can, else by tables; see the header. */
#include "common/crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78U /* reflected */
#define SLICES     8           /* bytes at a time */

/* tables[n][byte]: the checksum of the byte and n zeros behind it. */
static uint32_t tables[SLICES][256];
static uint32_t (*fastest)(uint32_t crc, const uint8_t *bytes, size_t size);
static pthread_once_t is_prepared = PTHREAD_ONCE_INIT;

static uint32_t by_tables(uint32_t crc, const uint8_t *bytes, size_t size)
{
    for (; size >= SLICES; size -= SLICES, bytes += SLICES) {
        uint32_t low, high;

        memcpy(&low, bytes, sizeof(low));
        memcpy(&high, bytes + sizeof(low), sizeof(high));
        low = le32toh(low) ^ crc;
        high = le32toh(high);
        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
              tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
              tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
    }
    for (; size > 0; size--, bytes++)
        crc = tables[0][(crc ^ *bytes) & 0xff] ^ crc >> 8;
    return crc;
}

#ifdef __x86_64__
/* The instruction of SSE 4.2 knows this polynomial and no other. */
__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc, const uint8_t *bytes,
                                                               size_t size)
{
    uint64_t wide = crc;

    for (; size >= sizeof(wide); size -= sizeof(wide), bytes += sizeof(wide)) {
        uint64_t word;

        memcpy(&word, bytes, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size > 0; size--, bytes++)
        crc = __builtin_ia32_crc32qi(crc, *bytes);
    return crc;
}
#endif

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        tables[0][byte] = crc;
    }
    for (unsigned slice = 1; slice < SLICES; slice++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint32_t crc = tables[slice - 1][byte];

            tables[slice][byte] = tables[0][crc & 0xff] ^ crc >> 8;
        }
    }
}

static void prepare(void)
{
    make_tables();
    fastest = by_tables;
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        fastest = by_processor;
#endif
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    (void)pthread_once(&is_prepared, prepare);
    return ~fastest(~crc, bytes, size);
}

uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size)
{
    (void)pthread_once(&is_prepared, prepare);
    return ~by_tables(~crc, bytes, size);
}
