/* Any bytes before the guard: what it passes can be walked to its end, and nothing cut from it. */
#include <assert.h>
#include <stdint.h>

#include "schemas/codec.h"
#include "schemas/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = { .data = data, .size = size };
    struct wire wire = wire_over(bytes);
    struct error err;

    if (wire_guard(bytes, &err) < 0) {
        assert(err.text[0] != '\0');
        return 0;
    }
    assert(wire_skip(&wire).size == size);
    assert(wire_left(&wire) == 0);
    bytes.size--;
    assert(wire_guard(bytes, NULL) < 0);
    return 0;
}
