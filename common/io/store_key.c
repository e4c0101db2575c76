/* Keys of a store that are numbers; see store.h. */
#include "common/io/store.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

void store_key_u64(uint64_t number, uint8_t ret[static 8])
{
    uint64_t sorted = htobe64(number);

    memcpy(ret, &sorted, sizeof(sorted));
}

uint64_t store_key_read_u64(struct bytes key)
{
    uint64_t sorted;

    assert(key.size >= sizeof(sorted));
    memcpy(&sorted, key.data, sizeof(sorted));
    return be64toh(sorted);
}
