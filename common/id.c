/* Identifiers; see the header. */
#include "common/id.h"

#include <string.h>

static void write_u64(uint8_t *bytes, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t read_u64(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

struct command_id command_id_make(uint64_t client, uint64_t sequence)
{
    struct command_id id;

    write_u64(id.bytes, client);
    write_u64(id.bytes + 8, sequence);
    return id;
}

uint64_t command_id_client(struct command_id id)
{
    return read_u64(id.bytes);
}

uint64_t command_id_sequence(struct command_id id)
{
    return read_u64(id.bytes + 8);
}

bool command_id_equal(struct command_id a, struct command_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

bool command_id_is_zero(struct command_id id)
{
    return command_id_equal(id, (struct command_id){ 0 });
}

void hex_write(const void *bytes, size_t size, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;

    for (size_t i = 0; i < size; i++) {
        ret[2 * i] = digits[from[i] >> 4];
        ret[2 * i + 1] = digits[from[i] & 15];
    }
    ret[2 * size] = '\0';
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool hex_read(const char *text, void *ret, size_t size)
{
    uint8_t *to = ret;

    if (strlen(text) != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool container_id_is_valid(const char *id)
{
    size_t size = 0;

    for (; (id[size] >= '0' && id[size] <= '9') || (id[size] >= 'a' && id[size] <= 'f'); size++) {
        if (size == CONTAINER_ID_SIZE)
            return false;
    }
    return size == CONTAINER_ID_SIZE && id[size] == '\0';
}

bool name_is_valid(const char *name)
{
    size_t size = 1;

    if (!is_letter_or_digit(name[0]))
        return false;
    while (is_letter_or_digit(name[size]) || name[size] == '_' || name[size] == '.' ||
           name[size] == '-')
        size++;
    return name[size] == '\0' && size <= NAME_SIZE_MAX;
}
