/* Any bytes as a line of a container's log: refused, or understood within their bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/io/log_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes raw = { .data = data, .size = size };
    struct container_log_line line;

    if (log_line_parse(raw, &line) < 0)
        return 0;
    assert(line.channel == LOG_CHANNEL_STDOUT || line.channel == LOG_CHANNEL_STDERR);
    assert(line.text.data >= data && line.text.data + line.text.size == data + size);
    return 0;
}
