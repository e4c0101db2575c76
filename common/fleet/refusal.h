/*
 * Why a command will not be carried out: a code for programs and a sentence for operators that
 * names the object, the cause and what to do.
 */
#ifndef GANTRY_COMMON_FLEET_REFUSAL_H
#define GANTRY_COMMON_FLEET_REFUSAL_H

#include "common/error.h"
#include "schemas/failure.h"

struct refusal {
    enum failure failure; /* FAILURE_NONE: not refused */
    char text[ERROR_TEXT_MAX];
};

/* Fill in `refusal` (cut to what fits) and return `failure`. */
enum failure refuse(struct refusal *refusal, enum failure failure, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
