/* The sessions of a journal; see the header. */
#include "worker/io/sessions.h"

#include <string.h>

static void write_number(uint64_t number, uint8_t ret[static SESSION_SIZE])
{
    for (size_t i = 0; i < SESSION_SIZE; i++)
        ret[i] = (uint8_t)(number >> 8 * (SESSION_SIZE - 1 - i));
}

static uint64_t read_number(const uint8_t *bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < SESSION_SIZE; i++)
        number = number << 8 | bytes[i];
    return number;
}

void sessions_begin(struct sessions *sessions, uint64_t session)
{
    memmove(&sessions->recent[1], &sessions->recent[0],
            (SESSIONS_RECENT_MAX - 1) * sizeof(sessions->recent[0]));
    sessions->recent[0] = session;
}

void sessions_welcome(struct sessions *sessions)
{
    sessions->welcomed = sessions->recent[0];
}

void sessions_write(const struct sessions *sessions, struct sessions_text *ret)
{
    *ret = (struct sessions_text){ .size = SESSION_SIZE };
    write_number(sessions->welcomed, ret->bytes);
    for (size_t i = 0; i < SESSIONS_RECENT_MAX && sessions->recent[i] != 0; i++) {
        write_number(sessions->recent[i], ret->bytes + ret->size);
        ret->size += SESSION_SIZE;
    }
}

void sessions_read(struct bytes kept, struct sessions *ret)
{
    size_t count = kept.size / SESSION_SIZE;

    *ret = (struct sessions){ 0 };
    if (count > 0)
        ret->welcomed = read_number(kept.data);
    for (size_t i = 1; i < count && i <= SESSIONS_RECENT_MAX; i++)
        ret->recent[i - 1] = read_number(kept.data + i * SESSION_SIZE);
}
