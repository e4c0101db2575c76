/* Bytes with their length; see the header. */
#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define CAPACITY_MIN 256

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    size_t needed = buffer->size + size;

    if (size == 0)
        return;
    if (needed > buffer->capacity) {
        size_t doubled = buffer->capacity * 2;

        buffer->capacity = needed > doubled ? needed : doubled;
        if (buffer->capacity < CAPACITY_MIN)
            buffer->capacity = CAPACITY_MIN;
        buffer->data = mem_resized(buffer->data, buffer->capacity);
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size = needed;
}

void buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){ 0 };
}

struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){ .data = buffer->data, .size = buffer->size };
}

struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){ .data = (const uint8_t *)text, .size = text == NULL ? 0 : strlen(text) };
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
