/* One line of a k8s-file log; see the header. */
#include "worker/io/log_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND     1000000000ULL
#define SECONDS_PER_HOUR  3600
#define SECONDS_PER_MIN   60
#define FRACTION_DIGITS   9
#define YEARS_BEFORE_1900 1900

/* Exactly `count` digits off the front. */
static bool take_digits(struct bytes *rest, size_t count, int *ret)
{
    int value = 0;

    if (rest->size < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!isdigit(rest->data[i]))
            return false;
        value = value * 10 + (rest->data[i] - '0');
    }
    rest->data += count;
    rest->size -= count;
    *ret = value;
    return true;
}

static bool take_byte(struct bytes *rest, char wanted)
{
    if (rest->size == 0 || rest->data[0] != (uint8_t)wanted)
        return false;
    rest->data++;
    rest->size--;
    return true;
}

static bool take_date(struct bytes *rest, struct tm *ret)
{
    struct tm parts = { 0 };
    bool is_good = take_digits(rest, 4, &parts.tm_year) && take_byte(rest, '-') &&
                   take_digits(rest, 2, &parts.tm_mon) && take_byte(rest, '-') &&
                   take_digits(rest, 2, &parts.tm_mday) && take_byte(rest, 'T') &&
                   take_digits(rest, 2, &parts.tm_hour) && take_byte(rest, ':') &&
                   take_digits(rest, 2, &parts.tm_min) && take_byte(rest, ':') &&
                   take_digits(rest, 2, &parts.tm_sec);

    parts.tm_year -= YEARS_BEFORE_1900;
    parts.tm_mon -= 1;
    *ret = parts;
    return is_good;
}

/* ".nnnnnnnnn", of at most nine digits; none is zero. */
static bool take_fraction(struct bytes *rest, uint64_t *ret)
{
    uint64_t ns = 0;
    unsigned digits = 0;

    *ret = 0;
    if (!take_byte(rest, '.'))
        return true;
    while (rest->size > 0 && isdigit(rest->data[0]) && digits < FRACTION_DIGITS) {
        ns = ns * 10 + (uint64_t)(rest->data[0] - '0');
        rest->data++;
        rest->size--;
        digits++;
    }
    for (unsigned i = digits; i < FRACTION_DIGITS; i++)
        ns *= 10;
    *ret = ns;
    return digits > 0;
}

/* "Z" or "+hh:mm": seconds to the east. */
static bool take_zone(struct bytes *rest, int *ret)
{
    int hours = 0;
    int minutes = 0;
    bool is_west;

    *ret = 0;
    if (take_byte(rest, 'Z'))
        return true;
    is_west = take_byte(rest, '-');
    if (!is_west && !take_byte(rest, '+'))
        return false;
    if (!take_digits(rest, 2, &hours) || !take_byte(rest, ':') || !take_digits(rest, 2, &minutes))
        return false;
    *ret = (hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MIN) * (is_west ? -1 : 1);
    return true;
}

static bool take_time(struct bytes *rest, uint64_t *ret)
{
    struct tm parts;
    uint64_t ns = 0;
    int east = 0;
    int64_t seconds;

    if (!take_date(rest, &parts) || !take_fraction(rest, &ns) || !take_zone(rest, &east))
        return false;
    seconds = (int64_t)timegm(&parts) - east;
    if (seconds < 0 || seconds > (int64_t)(UINT64_MAX / NS_PER_SECOND) - 1)
        return false;
    *ret = (uint64_t)seconds * NS_PER_SECOND + ns;
    return true;
}

static bool take_word(struct bytes *rest, const char *word)
{
    size_t size = strlen(word);

    if (rest->size < size || memcmp(rest->data, word, size) != 0)
        return false;
    rest->data += size;
    rest->size -= size;
    return true;
}

int log_line_parse(struct bytes raw, struct container_log_line *ret)
{
    struct container_log_line line = { 0 };

    if (!take_time(&raw, &line.time))
        return -EBADMSG;
    if (take_word(&raw, " stdout "))
        line.channel = LOG_CHANNEL_STDOUT;
    else if (take_word(&raw, " stderr "))
        line.channel = LOG_CHANNEL_STDERR;
    else
        return -EBADMSG;
    line.is_partial = take_word(&raw, "P ");
    if (!line.is_partial && !take_word(&raw, "F "))
        return -EBADMSG;
    line.text = raw;
    *ret = line;
    return 0;
}
