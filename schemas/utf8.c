/* Valid UTF-8; see the header. */
#include "schemas/utf8.h"

#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte decides on overlong forms, surrogates and the end of the code space. */
static bool is_second(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

static size_t size_by_first(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The size of the character that begins at `at`, 0 when none does. */
static size_t character_size(const uint8_t *at, size_t left)
{
    size_t size = size_by_first(at[0]);

    if (size > left)
        return 0;
    if (size > 1 && !is_second(at[0], at[1]))
        return 0;
    for (size_t i = 2; i < size; i++) {
        if (!is_continuation(at[i]))
            return 0;
    }
    return size;
}

/* Most texts are ASCII throughout: eight bytes at a time. */
static size_t ascii_size(struct bytes text)
{
    size_t at = 0;
    uint64_t eight;

    for (; text.size - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, text.data + at, sizeof(eight));
        if ((eight & 0x8080808080808080) != 0)
            break;
    }
    return at;
}

size_t utf8_valid_size(struct bytes text)
{
    size_t at = ascii_size(text);

    while (at < text.size) {
        size_t size = character_size(text.data + at, text.size - at);

        if (size == 0)
            break;
        at += size;
    }
    return at;
}

void utf8_repair(struct bytes text, struct buffer *ret)
{
    while (text.size > 0) {
        size_t valid = utf8_valid_size(text);

        buffer_append(ret, text.data, valid);
        text.data += valid;
        text.size -= valid;
        if (text.size > 0) {
            buffer_append(ret, REPLACEMENT, strlen(REPLACEMENT));
            text.data++;
            text.size--;
        }
    }
}
