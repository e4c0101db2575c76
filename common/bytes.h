/*
 * Bytes with their length: borrowed ones to look at, and a buffer of one's own that grows.
 */
#ifndef GANTRY_COMMON_BYTES_H
#define GANTRY_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_done(struct buffer *buffer);

/* What the buffer holds, borrowed until it changes. */
struct bytes buffer_bytes(const struct buffer *buffer);

/* The bytes of a text without its NUL; NULL gives no bytes. */
struct bytes bytes_of_text(const char *text);

bool bytes_equal(struct bytes a, struct bytes b);

#endif
