/*
 * Any bytes as any message. The first byte picks the schema. What is accepted must encode, decode
 * and encode again to the same bytes, and can be shown.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "schemas/codec.h"
#include "schemas/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stable(const struct schema *schema, const void *message)
{
    autoarena arena = { 0 };
    struct buffer first = { 0 };
    struct buffer second = { 0 };
    void *again = arena_zeroed(&arena, schema->size);

    schema_encode(schema, message, &first);
    assert(schema_decode(schema, buffer_bytes(&first), again, &arena, NULL) == 0);
    schema_encode(schema, again, &second);
    assert(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    buffer_done(&first);
    buffer_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena arena = { 0 };
    const struct schema *schema;
    struct error err;
    void *message;

    if (size == 0)
        return 0;
    schema = registry[data[0] % registry_count].schema;
    message = arena_zeroed(&arena, schema->size);
    if (schema_decode(schema, (struct bytes){ data + 1, size - 1 }, message, &arena, &err) == 0) {
        check_stable(schema, message);
        free(schema_json(schema, message));
    }
    assert(arena.used <= schema->size + 16 + 40 * size);
    return 0;
}
