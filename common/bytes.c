/* Bytes with their length; see the header. */
#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define CAPACITY_MIN 256

void buffer_reserve(struct buffer *buffer, size_t size)
{
    size_t needed = buffer->size + size;
    size_t doubled = buffer->capacity * 2;

    if (needed <= buffer->capacity)
        return;
    buffer->capacity = needed > doubled ? needed : doubled;
    if (buffer->capacity < CAPACITY_MIN)
        buffer->capacity = CAPACITY_MIN;
    buffer->data = mem_resized(buffer->data, buffer->capacity);
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

bool bytes_begin_with(struct bytes bytes, struct bytes prefix)
{
    return bytes.size >= prefix.size &&
           (prefix.size == 0 || memcmp(bytes.data, prefix.data, prefix.size) == 0);
}
