/* Signals by name and number; see the header. */
#include "common/signals.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIGNAL_MAX 64
/* The kernel's numbers: libc keeps the first two for itself and counts from 34, as runtimes do. */
#define SIGNAL_REAL_FIRST 34

static int parse_number(const char *text, uint32_t *ret)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    if (*end != '\0' || number < 1 || number > SIGNAL_MAX)
        return -EINVAL;
    *ret = (uint32_t)number;
    return 0;
}

/* "RTMIN", "RTMIN+3", "RTMAX-2" */
static int parse_real_time(const char *name, uint32_t *ret)
{
    uint32_t offset = 0;
    uint32_t span = SIGNAL_MAX - SIGNAL_REAL_FIRST;
    int counts_up = strncasecmp(name, "RTMIN", 5) == 0;

    if (!counts_up && strncasecmp(name, "RTMAX", 5) != 0)
        return -EINVAL;
    if (name[5] != '\0') {
        if (name[5] != (counts_up ? '+' : '-') || !isdigit((unsigned char)name[6]) ||
            parse_number(name + 6, &offset) < 0 || offset > span)
            return -EINVAL;
    }
    *ret = counts_up ? SIGNAL_REAL_FIRST + offset : SIGNAL_MAX - offset;
    return 0;
}

static int parse_name(const char *name, uint32_t *ret)
{
    for (int number = 1; number < SIGNAL_REAL_FIRST; number++) {
        const char *known = sigabbrev_np(number);

        if (known != NULL && strcasecmp(known, name) == 0) {
            *ret = (uint32_t)number;
            return 0;
        }
    }
    return parse_real_time(name, ret);
}

int signals_parse(const char *text, uint32_t *ret, struct error *err)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    int r = isdigit((unsigned char)*text) ? parse_number(text, ret) : parse_name(name, ret);

    return r < 0 ? error_set(err, r, "invalid signal: %s", text) : 0;
}

void signals_write_name(uint32_t number, char ret[static SIGNALS_NAME_SIZE])
{
    const char *name = number < SIGNAL_REAL_FIRST ? sigabbrev_np((int)number) : NULL;

    if (name != NULL)
        (void)snprintf(ret, SIGNALS_NAME_SIZE, "SIG%s", name);
    else if (number == SIGNAL_REAL_FIRST)
        (void)snprintf(ret, SIGNALS_NAME_SIZE, "SIGRTMIN");
    else if (number > SIGNAL_REAL_FIRST && number <= SIGNAL_MAX)
        (void)snprintf(ret, SIGNALS_NAME_SIZE, "SIGRTMIN+%u", number - SIGNAL_REAL_FIRST);
    else
        (void)snprintf(ret, SIGNALS_NAME_SIZE, "%u", number);
}
