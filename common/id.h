/*
 * Identifiers: 16 bytes for commands (8 of the client, 8 of its sequence, big endian), 64
 * hexadecimal digits for containers, and the names that people give.
 */
#ifndef GANTRY_COMMON_ID_H
#define GANTRY_COMMON_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_ID_SIZE   16
#define CONTAINER_ID_SIZE 64 /* characters, without the NUL */
#define NAME_SIZE_MAX     255

struct command_id {
    uint8_t bytes[COMMAND_ID_SIZE];
};

struct command_id command_id_make(uint64_t client, uint64_t sequence);
uint64_t command_id_client(struct command_id id);
uint64_t command_id_sequence(struct command_id id);
bool command_id_equal(struct command_id a, struct command_id b);
bool command_id_is_zero(struct command_id id);

/* Lower-case hexadecimal digits of `size` bytes and a NUL into `ret`, of 2 * size + 1 bytes. */
void hex_write(const void *bytes, size_t size, char *ret);

/* Read exactly 2 * size hexadecimal digits; false when `text` is anything else. */
bool hex_read(const char *text, void *ret, size_t size);

/* 64 lower-case hexadecimal digits. */
bool container_id_is_valid(const char *id);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]* of at most 255 characters: podman's rule, for hosts too. */
bool name_is_valid(const char *name);

#endif
