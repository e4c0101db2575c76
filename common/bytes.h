/*
 * Bytes with their length: borrowed ones to look at, and a buffer of one's own that grows.
 */
#ifndef GANTRY_COMMON_BYTES_H
#define GANTRY_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed: whoever made it says how long the memory stays. */
struct bytes {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
};

/* Owned: starts as { 0 }, ends with buffer_done(). */
struct buffer {
    uint8_t *data;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
};

/* Make room for `size` bytes more than are in use. */
void buffer_reserve(struct buffer *buffer, size_t size);

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (size > buffer->capacity - buffer->size)
        buffer_reserve(buffer, size);
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

void buffer_done(struct buffer *buffer);

/* What the buffer holds, borrowed until it changes. */
struct bytes buffer_bytes(const struct buffer *buffer);

/* `size` bytes from `data` on, borrowed. */
static inline struct bytes bytes_at(const void *data, size_t size)
{
    return (struct bytes){ .data = data, .size = size };
}

/* The bytes of a text without its NUL; NULL gives no bytes. */
struct bytes bytes_of_text(const char *text);

bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_begin_with(struct bytes bytes, struct bytes prefix);

#endif
