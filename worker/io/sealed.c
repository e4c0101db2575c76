/* Values with their checksum; see the header. */
#include "worker/io/sealed.h"

#include <errno.h>
#include <string.h>

#include "common/crc32c.h"

#define CRC_SIZE 4

void sealed_wrap(struct bytes value, struct buffer *ret)
{
    uint32_t crc = crc32c(0, value.data, value.size);
    uint8_t head[CRC_SIZE] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                               (uint8_t)crc };

    ret->size = 0;
    buffer_append(ret, head, sizeof(head));
    buffer_append(ret, value.data, value.size);
}

int sealed_unwrap(struct bytes sealed, struct bytes *ret, struct error *err)
{
    struct bytes value;
    uint32_t crc;

    if (sealed.size < CRC_SIZE)
        return error_set(err, -EUCLEAN, "the store is damaged: a value of %zu bytes", sealed.size);
    value = (struct bytes){ .data = sealed.data + CRC_SIZE, .size = sealed.size - CRC_SIZE };
    crc = (uint32_t)sealed.data[0] << 24 | (uint32_t)sealed.data[1] << 16 |
          (uint32_t)sealed.data[2] << 8 | sealed.data[3];
    if (crc != crc32c(0, value.data, value.size))
        return error_set(err, -EUCLEAN, "the store is damaged: a checksum does not fit");
    *ret = value;
    return 0;
}

int sealed_put(struct store_txn *txn, unsigned table, struct bytes key, struct bytes value,
               struct error *err)
{
    struct buffer sealed = { 0 };
    int r;

    sealed_wrap(value, &sealed);
    r = store_put(txn, table, key, buffer_bytes(&sealed), err);
    buffer_done(&sealed);
    return r;
}

int sealed_get(struct store_txn *txn, unsigned table, struct bytes key, struct bytes *ret,
               struct error *err)
{
    struct bytes sealed;
    int r = store_get(txn, table, key, &sealed);

    if (r < 0)
        return r;
    return sealed_unwrap(sealed, ret, err);
}

int sealed_put_number(struct store_txn *txn, unsigned table, const char *name, uint64_t number,
                      struct error *err)
{
    uint8_t value[8];

    store_key_u64(number, value);
    return sealed_put(txn, table, bytes_of_text(name),
                      (struct bytes){ .data = value, .size = sizeof(value) }, err);
}

/* 0 when it was never put. */
int sealed_get_number(struct store_txn *txn, unsigned table, const char *name, uint64_t *ret,
                      struct error *err)
{
    struct bytes value;
    int r = sealed_get(txn, table, bytes_of_text(name), &value, err);

    if (r == -ENOENT) {
        *ret = 0;
        return 0;
    }
    if (r < 0)
        return r;
    if (value.size != 8)
        return error_set(err, -EUCLEAN, "the store is damaged: %s has %zu bytes", name, value.size);
    *ret = store_key_read_u64(value);
    return 0;
}

int sealed_put_id(struct store_txn *txn, unsigned table, const char *name, struct command_id id,
                  struct error *err)
{
    return sealed_put(txn, table, bytes_of_text(name),
                      (struct bytes){ .data = id.bytes, .size = sizeof(id.bytes) }, err);
}

/* Zero when it was never put. */
int sealed_get_id(struct store_txn *txn, unsigned table, const char *name, struct command_id *ret,
                  struct error *err)
{
    struct bytes value;
    int r = sealed_get(txn, table, bytes_of_text(name), &value, err);

    *ret = (struct command_id){ 0 };
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    if (value.size != sizeof(ret->bytes))
        return error_set(err, -EUCLEAN, "the store is damaged: %s has %zu bytes", name, value.size);
    memcpy(ret->bytes, value.data, value.size);
    return 0;
}
