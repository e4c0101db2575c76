/* A record as it lies on the disk; see the header. */
#include "broker/io/stored_record.h"

#include <errno.h>

#include "common/crc32c.h"
#include "schemas/codec.h"

#define CRC_SIZE 4

void stored_record_encode(const struct record *record, struct buffer *ret)
{
    static const uint8_t no_crc_yet[CRC_SIZE];
    uint32_t crc;

    ret->size = 0;
    buffer_append(ret, no_crc_yet, CRC_SIZE);
    schema_encode(&record_schema, record, ret);
    crc = crc32c(0, ret->data + CRC_SIZE, ret->size - CRC_SIZE);
    for (unsigned i = 0; i < CRC_SIZE; i++)
        ret->data[i] = (uint8_t)(crc >> (24 - 8 * i));
}

int stored_record_check(uint64_t pos, struct bytes stored, struct bytes *ret, struct error *err)
{
    struct bytes record;
    uint32_t crc = 0;

    if (stored.size <= CRC_SIZE)
        return error_set(err, -EUCLEAN, "record %llu is damaged on the disk: it is too short",
                         (unsigned long long)pos);
    for (unsigned i = 0; i < CRC_SIZE; i++)
        crc = crc << 8 | stored.data[i];
    record = (struct bytes){ stored.data + CRC_SIZE, stored.size - CRC_SIZE };
    if (crc != crc32c(0, record.data, record.size))
        return error_set(err, -EUCLEAN,
                         "record %llu is damaged on the disk: its checksum does not match",
                         (unsigned long long)pos);
    *ret = record;
    return 0;
}
