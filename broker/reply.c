/* Answers; see the header. */
#include "broker/reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/borrowed.h"
#include "common/bytes.h"
#include "common/io/sp.h"
#include "schemas/bus.h"
#include "schemas/codec.h"

#define RETRY_MS 250

void reply_message(struct sp_request *request, const struct schema *schema, const void *message)
{
    struct buffer frame = { 0 };

    if (request == NULL)
        return;
    frame_encode(schema, message, &frame);
    sp_reply(request, buffer_bytes(&frame));
    buffer_done(&frame);
}

static void reply_with(struct sp_request *request, enum failure failure, const char *text,
                       uint32_t retry_ms)
{
    const struct bus_error error = {
        .code = borrowed(failure_name(failure)),
        .text = borrowed(text),
        .retry_ms = retry_ms,
    };

    reply_message(request, &bus_error_schema, &error);
}

void reply_failure(struct sp_request *request, enum failure failure, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    if (request == NULL)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reply_with(request, failure, text, 0);
}

void reply_busy(struct sp_request *request, const char *why)
{
    char text[ERROR_TEXT_MAX];

    (void)snprintf(text, sizeof(text), "%s", why);
    reply_with(request, FAILURE_BUSY, text, RETRY_MS);
}

void reply_trimmed(struct sp_request *request, uint64_t floor, const char *why)
{
    const struct bus_error error = {
        .code = borrowed(failure_name(FAILURE_TRIMMED)),
        .text = borrowed(why),
        .floor = floor,
    };

    reply_message(request, &bus_error_schema, &error);
}

static enum failure failure_of(int code)
{
    switch (code) {
    case -ENOSPC:
    case -EDQUOT:
    case -EFBIG:
    case -EIO:
    case -EROFS:
        return FAILURE_DISK;
    case -EAGAIN:
    case -ECANCELED:
        return FAILURE_BUSY;
    default:
        return FAILURE_INTERNAL;
    }
}

void reply_error(struct sp_request *request, const struct error *err)
{
    enum failure failure = failure_of(err->code);

    if (failure == FAILURE_BUSY)
        reply_busy(request, err->text);
    else
        reply_failure(request, failure, "%s", err->text);
}
