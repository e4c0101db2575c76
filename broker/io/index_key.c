/* A key of the log's index; see the header. */
#include "broker/io/index_key.h"

#include <errno.h>
#include <string.h>

#include "common/io/store.h"

int index_key_make(const char *stream, uint64_t pos, struct index_key *ret, struct error *err)
{
    size_t size = strlen(stream) + 1;

    if (size + POSITION_SIZE > sizeof(ret->bytes))
        return error_set(err, -ENAMETOOLONG, "stream %.32s...: its name is too long", stream);
    memcpy(ret->bytes, stream, size);
    store_key_u64(pos, ret->bytes + size);
    ret->size = size + POSITION_SIZE;
    return 0;
}
