/* A row of a table as it lies on the disk; see the header. */
#include "broker/io/stored_row.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/crc32c.h"

#define CRC_SIZE      4
#define KEY_SIZE_MAX  511 /* the store's */
#define KEY_SHOWN_MAX 80

static uint32_t checksum(struct bytes key, struct bytes value)
{
    uint32_t crc = crc32c(0, key.data, key.size);

    return value.size > 0 ? crc32c(crc, value.data, value.size) : crc;
}

void stored_row_seal(struct bytes key, struct bytes value, struct buffer *ret)
{
    uint32_t crc = checksum(key, value);
    uint8_t tail[CRC_SIZE];

    for (unsigned i = 0; i < CRC_SIZE; i++)
        tail[i] = (uint8_t)(crc >> (24 - 8 * i));
    ret->size = 0;
    if (value.size > 0)
        buffer_append(ret, value.data, value.size);
    buffer_append(ret, tail, sizeof(tail));
}

/* As text where it is one. */
static void show_key(struct bytes key, char ret[static 2 * KEY_SHOWN_MAX + 1])
{
    size_t size = key.size < KEY_SHOWN_MAX ? key.size : KEY_SHOWN_MAX;
    bool is_text = true;

    for (size_t i = 0; i < size; i++)
        is_text = is_text && isprint(key.data[i]);
    for (size_t i = 0; i < size; i++)
        (void)sprintf(ret + (is_text ? i : 2 * i), is_text ? "%c" : "%02x", key.data[i]);
}

int stored_row_check(struct bytes key, struct bytes stored, struct bytes *ret, struct error *err)
{
    char shown[2 * KEY_SHOWN_MAX + 1] = { 0 };
    struct bytes value;
    uint32_t crc = 0;

    if (stored.size >= CRC_SIZE) {
        value = (struct bytes){ stored.data, stored.size - CRC_SIZE };
        for (unsigned i = 0; i < CRC_SIZE; i++)
            crc = crc << 8 | stored.data[value.size + i];
        if (crc == checksum(key, value)) {
            *ret = value;
            return 0;
        }
    }
    show_key(key, shown);
    return error_set(err, -EUCLEAN, "row %s is damaged on the disk: its checksum does not match",
                     shown);
}

int stored_row_seal_table(struct store_txn *txn, unsigned table, struct error *err)
{
    autodestroy(store_cursor) struct store_cursor *cursor = NULL;
    uint8_t own_key[KEY_SIZE_MAX];
    struct buffer sealed = { 0 };
    struct bytes key, value;
    int r = store_walk(txn, table, (struct bytes){ 0 }, &cursor, err);

    while (r >= 0 && (r = store_next(cursor, &key, &value, err)) > 0) {
        stored_row_seal(key, value, &sealed);
        memcpy(own_key, key.data, key.size); /* it may move when something is written */
        r = store_put(txn, table, (struct bytes){ own_key, key.size }, buffer_bytes(&sealed), err);
    }
    buffer_done(&sealed);
    return r;
}
