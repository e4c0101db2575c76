/* Numbers of the log by name; see the header. */
#include "broker/io/stored_number.h"

#include <errno.h>

#define NUMBER_SIZE 8

int stored_number_get(struct store_txn *txn, unsigned table, const char *name, uint64_t *ret,
                      struct error *err)
{
    struct bytes value;
    int r = store_get(txn, table, bytes_of_text(name), &value);

    if (r == -ENOENT) {
        *ret = 0;
        return 0;
    }
    if (r < 0)
        return error_set(err, r, "read %s", name);
    if (value.size != NUMBER_SIZE)
        return error_set(err, -EUCLEAN, "%s is damaged on the disk", name);
    *ret = store_key_read_u64(value);
    return 0;
}

int stored_number_put(struct store_txn *txn, unsigned table, const char *name, uint64_t number,
                      struct error *err)
{
    uint8_t value[NUMBER_SIZE];

    store_key_u64(number, value);
    return store_put(txn, table, bytes_of_text(name), (struct bytes){ value, sizeof(value) }, err);
}

int stored_number_last(struct store_txn *txn, unsigned table, uint64_t *ret, struct error *err)
{
    struct bytes key, value;
    int r = store_last(txn, table, &key, &value, err);

    if (r < 0)
        return r;
    *ret = r > 0 ? store_key_read_u64(key) : 0;
    return 0;
}
