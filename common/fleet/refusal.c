/* Why a command will not be carried out; see the header. */
#include "common/fleet/refusal.h"

#include <stdarg.h>
#include <stdio.h>

enum failure refuse(struct refusal *refusal, enum failure failure, const char *fmt, ...)
{
    va_list args;

    refusal->failure = failure;
    va_start(args, fmt);
    (void)vsnprintf(refusal->text, sizeof(refusal->text), fmt, args);
    va_end(args);
    return failure;
}
