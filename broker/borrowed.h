/* Texts lent to a message: its members are not const, but whoever encodes it only reads them. */
#ifndef GANTRY_BROKER_BORROWED_H
#define GANTRY_BROKER_BORROWED_H

#include <stdint.h>

static inline char *borrowed(const char *text)
{
    return (char *)(uintptr_t)text;
}

#endif
