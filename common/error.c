/* Why something failed; see the header. */
#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The functions themselves, not what the header makes of them. */
#undef error_set
#undef error_set_errno
#undef error_add_context

static void __attribute__((format(printf, 3, 0)))
write_text(struct error *err, int code, const char *fmt, va_list args)
{
    err->code = code;
    (void)vsnprintf(err->text, sizeof(err->text), fmt, args);
}

/* Append as much of `more` as fits. */
static void append_text(char *text, const char *more)
{
    size_t used = strlen(text);

    (void)snprintf(text + used, ERROR_TEXT_MAX - used, "%s", more);
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
    va_list args;

    assert(code < 0);
    if (err == NULL)
        return code;
    va_start(args, fmt);
    write_text(err, code, fmt, args);
    va_end(args);
    return code;
}

int error_set_errno(struct error *err, const char *fmt, ...)
{
    int code = errno > 0 ? -errno : -EIO;
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, fmt);
    write_text(err, code, fmt, args);
    va_end(args);
    append_text(err->text, ": ");
    append_text(err->text, strerrordesc_np(-code));
    return code;
}

int error_add_context(struct error *err, int code, const char *fmt, ...)
{
    char below[ERROR_TEXT_MAX];
    va_list args;

    assert(code < 0);
    if (err == NULL)
        return code;
    memcpy(below, err->text, sizeof(below));
    va_start(args, fmt);
    write_text(err, code, fmt, args);
    va_end(args);
    append_text(err->text, ": ");
    append_text(err->text, below);
    return code;
}
