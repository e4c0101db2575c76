/* Any bytes as a frame: its parts lie within it, and its body is a value of its own. */
#include <assert.h>
#include <stdint.h>

#include "schemas/codec.h"
#include "schemas/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena arena = { 0 };
    struct frame frame;
    struct error err;
    const struct schema *schema;
    void *message;

    if (frame_decode((struct bytes){ data, size }, &frame, &arena, &err) < 0)
        return 0;
    assert(frame.type[0] != '\0');
    assert(frame.body.size == 0 || (frame.body.data > data && frame.body.size < size));
    assert(frame.body.size == 0 || wire_guard(frame.body, NULL) == 0);
    schema = registry_find(MESSAGE_REQUEST, frame.type);
    if (schema == NULL)
        return 0;
    message = arena_zeroed(&arena, schema->size);
    (void)schema_decode(schema, frame.body, message, &arena, &err);
    return 0;
}
