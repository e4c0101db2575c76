/* Numbers as people write and read them; see the header. */
#include "ops/console/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/quantity.h"

#define NS_PER_S 1000000000ULL

#define COUNT_OF(table) (sizeof(table) / sizeof(*(table)))

/* ".123456" behind the seconds: in ns; what is left of the text. */
static const char *read_fraction(const char *text, uint64_t *ret_ns)
{
    uint64_t scale = NS_PER_S / 10;

    *ret_ns = 0;
    if (*text != '.')
        return text;
    for (text++; isdigit((unsigned char)*text); text++) {
        *ret_ns += (uint64_t)(*text - '0') * scale;
        scale /= 10;
    }
    return text;
}

/* Two digits, as a number; -1 when they are none. */
static int read_two_digits(const char *text)
{
    if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
        return -1;
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* The zone at the end: "Z", "+01:00", or nothing, which is local time. */
static bool apply_zone(const char *text, struct tm *broken, time_t *ret)
{
    int hours;
    int minutes;

    if (*text == '\0') {
        broken->tm_isdst = -1;
        *ret = mktime(broken);
        return true;
    }
    *ret = timegm(broken);
    if (strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || strlen(text) != strlen("+hh:mm") || text[3] != ':')
        return false;
    hours = read_two_digits(text + 1);
    minutes = read_two_digits(text + 4);
    if (hours < 0 || minutes < 0)
        return false;
    *ret += (*text == '-' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_calendar(const char *text, uint64_t *ret)
{
    struct tm broken = { 0 };
    uint64_t fraction = 0;
    time_t seconds = 0;
    const char *rest = strptime(text, "%Y-%m-%d", &broken);

    if (rest == NULL)
        return false;
    if (*rest == 'T' || *rest == ' ') {
        const char *after = strptime(rest + 1, "%H:%M:%S", &broken);

        if (after == NULL)
            after = strptime(rest + 1, "%H:%M", &broken);
        if (after == NULL)
            return false;
        rest = read_fraction(after, &fraction);
    }
    if (!apply_zone(rest, &broken, &seconds) || seconds < 0)
        return false;
    *ret = (uint64_t)seconds * NS_PER_S + fraction;
    return true;
}

/* Seconds since 1970 with a fraction, exactly: a double would lose the nanoseconds. */
static bool read_epoch(const char *text, uint64_t *ret)
{
    char *end = NULL;
    uint64_t fraction = 0;
    unsigned long long seconds;

    if (!isdigit((unsigned char)*text))
        return false;
    seconds = strtoull(text, &end, 10);
    if (*read_fraction(end, &fraction) != '\0' || seconds > UINT64_MAX / NS_PER_S - 1)
        return false;
    *ret = seconds * NS_PER_S + fraction;
    return true;
}

int units_parse_time(const char *text, uint64_t now, uint64_t *ret, struct error *err)
{
    uint64_t before = 0;

    if (read_epoch(text, ret) || read_calendar(text, ret))
        return 0;
    if (quantity_parse_duration(text, &before, NULL) < 0)
        return error_set(err, -EINVAL, "\"%s\" is neither a time nor a duration", text);
    *ret = before < now ? now - before : 0;
    return 0;
}

/* By hand: a list of many containers has two of them on each line. */
static char *write_number(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

void units_write_duration(uint64_t duration_ns, char ret[static UNITS_DURATION_SIZE])
{
    static const struct {
        uint64_t below; /* of `unit`s, rounded as `round` says */
        uint64_t unit;  /* seconds */
        const char *one;
        const char *many;
    } steps[] = {
        { 60, 1, "1 second", "seconds" },
        { 60, 60, "About a minute", "minutes" },
        { 48, 3600, "About an hour", "hours" },
        { 14, 24 * 3600, "1 day", "days" },
        { 9, 7 * 24 * 3600, "1 week", "weeks" },
        { 25, 30 * 24 * 3600, "1 month", "months" },
        { UINT64_MAX, 365 * 24 * 3600, "1 year", "years" },
    };
    uint64_t seconds = duration_ns / NS_PER_S;

    if (seconds == 0) {
        (void)strcpy(ret, "Less than a second");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        uint64_t count = seconds / steps[i].unit;

        if (count >= steps[i].below)
            continue;
        if (count <= 1)
            (void)strcpy(ret, steps[i].one);
        else
            (void)stpcpy(stpcpy(write_number(ret, count), " "), steps[i].many);
        return;
    }
}

static void write_calendar(uint64_t time_ns, char between, const char *zone, char *ret)
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm broken;

    (void)gmtime_r(&seconds, &broken);
    (void)snprintf(ret, UNITS_TIME_SIZE, "%04d-%02d-%02d%c%02d:%02d:%02d.%09llu%s",
                   broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday, between,
                   broken.tm_hour, broken.tm_min, broken.tm_sec,
                   (unsigned long long)(time_ns % NS_PER_S), zone);
}

void units_write_time(uint64_t time_ns, char ret[static UNITS_TIME_SIZE])
{
    if (time_ns == 0)
        (void)snprintf(ret, UNITS_TIME_SIZE, "0001-01-01T00:00:00Z");
    else
        write_calendar(time_ns, 'T', "Z", ret);
}

void units_write_go_time(uint64_t time_ns, char ret[static UNITS_TIME_SIZE])
{
    if (time_ns == 0)
        (void)snprintf(ret, UNITS_TIME_SIZE, "0001-01-01 00:00:00 +0000 UTC");
    else
        write_calendar(time_ns, ' ', " +0000 UTC", ret);
}

void units_write_bytes(uint64_t bytes, char ret[static UNITS_BYTES_SIZE])
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double number = (double)bytes;
    size_t unit = 0;

    while (number >= 1024 && unit + 1 < COUNT_OF(names)) {
        number /= 1024;
        unit++;
    }
    (void)snprintf(ret, UNITS_BYTES_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", number, names[unit]);
}

void units_write_size(uint64_t bytes, char ret[static UNITS_BYTES_SIZE])
{
    static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    double number = (double)bytes;
    size_t unit = 0;

    while (number >= 1000 && unit + 1 < COUNT_OF(names)) {
        number /= 1000;
        unit++;
    }
    (void)snprintf(ret, UNITS_BYTES_SIZE, "%.3g %s", number, names[unit]);
}
